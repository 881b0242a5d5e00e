"""Records as they come from a real Kafka cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as KafkaPartition

from orderwing.kernel.ports import BEGINNING, BusError, FencedError, Record, TopicPartition

_MISSING = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


class KafkaReader:
    """A consumer of its own, without a group."""

    def __init__(self, common: Mapping[str, Any], ends: Mapping[TopicPartition, int]) -> None:
        self._ends = {p: end for p, end in ends.items() if end > 0}
        self._positions: dict[TopicPartition, int] = {}
        self._consumer: Consumer | None = None
        if self._ends:
            config = {
                **common,
                "group.id": "orderwing.reader",  # never joined, nothing is committed to it
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "queued.min.messages": 100_000,
            }
            self._consumer = Consumer(config)
            self._consumer.assign([KafkaPartition(*p, BEGINNING) for p in self._ends])

    @property
    def done(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> Sequence[TopicPartition]:
        return [p for p, end in self._ends.items() if self._positions.get(p, -1) < end]

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        if self._consumer is None:
            return ()
        first = self._consumer.poll(timeout_s)
        if first is None:
            return ()
        records = records_of([first, *self._consumer.consume(limit, 0)], self._positions)
        return [r for r in records if r.offset < self._ends[TopicPartition(r.topic, r.partition)]]

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


def records_of(messages: Sequence[Any], positions: dict[TopicPartition, int]) -> list[Record]:
    """The records among `messages` (whose stubs make everything optional).

    `positions` is moved behind them and to the ends that were reached.
    """
    records = []
    ends: dict[tuple[str, int], int] = {}
    for message in messages:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        error = message.error()
        if error is not None:
            _judge(error, topic)
            if error.code() == KafkaError._PARTITION_EOF:
                # Beyond the transaction markers that follow the last record, where position() never goes.
                ends[topic, partition] = offset
            continue
        ends[topic, partition] = offset + 1
        records.append(
            Record(
                topic,
                partition,
                offset,
                message.key(),
                message.value(),
                message.headers() or (),
                message.timestamp()[1],
            )
        )
    for (topic, partition), end in ends.items():
        positions[TopicPartition(topic, partition)] = end
    return records


# What librdkafka says when it is told to go on at a partition of which it does not know yet where it is: its leader has
# just died, say. An offset that the log does not have is called "out of range".
_LOST_PLACE = "update: Success"


def _judge(error: KafkaError, topic: str | None) -> None:
    if error.code() in _MISSING:
        raise BusError(f"Topic {topic} is missing: run `orderwing topics apply`.")
    if error.code() == KafkaError._AUTO_OFFSET_RESET and _LOST_PLACE in error.str():
        raise FencedError(
            f"{topic}: the client has lost its place, and the log has not: a new one begins where it was."
        )
    if error.code() == KafkaError._AUTO_OFFSET_RESET or error.code() == KafkaError.OFFSET_OUT_OF_RANGE:
        raise BusError(
            f"Topic {topic} has lost records that were never decided ({error.str()}): "
            "restore the topic, or reset the group's offsets."
        )
    if error.fatal():
        raise FencedError(error.str())
