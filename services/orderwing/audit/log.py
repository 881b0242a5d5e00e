"""Reading the topics from a real cluster, each partition to the end it had when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from orderwing.audit.facts import Fact, fact_of
from orderwing_schemas.codec import header_map

PATIENCE_S = 60.0


def read_facts(bootstrap: str, topics: Sequence[str], patience_s: float = PATIENCE_S) -> Iterator[Fact]:
    """Committed records of `topics` up to the high watermarks at the call.

    Raises TimeoutError where a partition does not reach its end (a transaction left open, a broker that is gone).
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "orderwing-audit",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        ends = _ends(consumer, topics)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        yield from _read_to(consumer, ends, patience_s)
    finally:
        consumer.close()


def _ends(consumer: Consumer, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    known = consumer.list_topics(timeout=PATIENCE_S).topics
    ends: dict[tuple[str, int], int] = {}
    for topic in topics:
        if topic not in known:
            raise LookupError(f"topic {topic} does not exist: run `orderwing topics apply`")
        for partition in known[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
            if high > low:
                ends[topic, partition] = high
    return ends


def _read_to(consumer: Consumer, ends: dict[tuple[str, int], int], patience_s: float) -> Iterator[Fact]:
    open_partitions = dict(ends)
    waited_s = 0.0
    while open_partitions:
        messages = consumer.consume(2000, 1.0)
        waited_s = 0.0 if messages else waited_s + 1.0
        if waited_s > patience_s:
            raise TimeoutError(f"the log does not end: {sorted(open_partitions)[:3]} lack committed records")
        for message in messages:
            place = (str(message.topic()), int(message.partition() or 0))
            offset = int(message.offset() or 0)
            error = message.error()
            if error is not None and error.code() != _PARTITION_EOF:
                raise KafkaException(error)
            if error is None and offset < ends.get(place, 0):
                yield fact_of(*place, offset, message.timestamp()[1], _text(message.headers()), message.value())
            reached = offset if error is not None else offset + 1
            if reached >= open_partitions.get(place, reached + 1):
                del open_partitions[place]


def _text(headers: Any) -> Mapping[str, str]:
    return header_map(headers.items() if isinstance(headers, dict) else headers)


_PARTITION_EOF = -191
