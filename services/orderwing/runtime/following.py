"""Topics as they come, for a service that keeps what it learns in memory: no group, and from the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from orderwing.kernel.ports import Record
from orderwing.runtime.errors import OperatorError, TopicMissingError
from orderwing.runtime.kafka_client import Cluster, client_config, no_answer
from orderwing.runtime.operator_log import record_of

_TIMEOUT_S = 30.0
_RECORDS = 2_000  # at most in one go


class Following:
    """Committed records of `topics`, each partition in its order. Raises OperatorError from the cluster."""

    def __init__(self, bootstrap: Cluster, topics: Sequence[str]) -> None:
        self._consumer = Consumer(
            {
                **client_config(bootstrap),
                "group.id": "orderwing.following",  # the client asks for one; nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 100,
            }
        )
        try:
            known = self._consumer.list_topics(timeout=_TIMEOUT_S).topics
        except KafkaException:
            self._consumer.close()
            raise OperatorError(no_answer(bootstrap)) from None
        if missing := [topic for topic in topics if topic not in known]:
            self._consumer.close()
            raise TopicMissingError(f"There is no topic {missing[0]}: run `orderwing topics apply` first.")
        places = [(topic, partition) for topic in topics for partition in known[topic].partitions]
        self._behind = set(places)
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    @property
    def caught_up(self) -> bool:
        """Whether the end of every partition was met once."""
        return not self._behind

    def poll(self, timeout_s: float) -> list[Record]:
        """What has come; waits up to `timeout_s` for the first."""
        first = self._consumer.poll(timeout_s)
        messages = [] if first is None else [first, *self._consumer.consume(_RECORDS, 0)]
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(record_of(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard((message.topic() or "", message.partition() or 0))
            elif error.fatal() or not error.retriable():
                raise OperatorError(f"Topic {message.topic()} cannot be read: {error.str()}.")
        return records
