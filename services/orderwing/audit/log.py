"""Reading the topics from a real cluster: each partition to the end it had when asked, or on and on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from orderwing.audit.facts import Fact, fact_of
from orderwing.runtime.kafka_client import Cluster, client_config
from orderwing_schemas.codec import header_map

PATIENCE_S = 60.0


def read_facts(bootstrap: Cluster, topics: Sequence[str], patience_s: float = PATIENCE_S) -> Iterator[Fact]:
    """Committed records of `topics` up to the high watermarks at the call.

    Raises TimeoutError where a partition does not reach its end (a transaction left open, a broker that is gone).
    """
    ends = _ends(bootstrap, topics)
    consumer = Consumer({**_config(bootstrap), "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        yield from _read_to(consumer, ends, patience_s)
    finally:
        consumer.close()


class Tail:
    """Committed records of `topics` as they come, from the beginning. `close` it."""

    def __init__(self, bootstrap: Cluster, topics: Sequence[str]) -> None:
        self._consumer = Consumer(_config(bootstrap))
        places = _places(AdminClient(_client(bootstrap)), topics)
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in places])

    def poll(self, timeout_s: float) -> list[Fact]:
        """What has come; waits up to `timeout_s` for the first."""
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        return [_fact(message) for message in [first, *self._consumer.consume(2000, 0)] if _is_record(message)]

    def close(self) -> None:
        self._consumer.close()


def _client(bootstrap: Cluster) -> dict[str, Any]:
    return client_config(bootstrap) | {"log_level": 2}


def _config(bootstrap: Cluster) -> dict[str, Any]:
    return _client(bootstrap) | {
        "group.id": "orderwing-audit",  # the client asks for one; it is never joined, nothing is committed
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }


def _places(admin: AdminClient, topics: Sequence[str]) -> list[tuple[str, int]]:
    known = admin.list_topics(timeout=PATIENCE_S).topics
    if missing := [topic for topic in topics if topic not in known]:
        raise LookupError(f"topic {missing[0]} does not exist: run `orderwing topics apply`")
    return [(topic, partition) for topic in topics for partition in known[topic].partitions]


def _ends(bootstrap: Cluster, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """High watermarks of the partitions that hold anything, open transactions included."""
    admin = AdminClient(_client(bootstrap))
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(*place): latest for place in _places(admin, topics)}
    ends: dict[tuple[str, int], int] = {}
    end_s = time.monotonic() + PATIENCE_S
    while asked:
        for place, future in admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED).items():
            try:
                ends[place.topic, place.partition] = int(future.result(PATIENCE_S).offset)
            except KafkaException as error:  # a broker that has just started says so for some seconds
                if time.monotonic() > end_s or not _passes(error.args[0]):
                    raise
        asked = {place: latest for place in asked if (place.topic, place.partition) not in ends}
        time.sleep(0.1 if asked else 0)
    return {place: end for place, end in ends.items() if end > 0}


def _passes(error: KafkaError) -> bool:
    return error.retriable() or error.code() in (KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.LEADER_NOT_AVAILABLE)


def _read_to(consumer: Consumer, ends: dict[tuple[str, int], int], patience_s: float) -> Iterator[Fact]:
    left = dict(ends)
    heard_s = time.monotonic()
    while left:
        messages = consumer.consume(2000, 0.2)
        if messages:
            heard_s = time.monotonic()
        elif time.monotonic() - heard_s > patience_s:
            raise TimeoutError(f"the log does not end: {sorted(left)[:3]} lack committed records")
        for message in messages:
            place = (str(message.topic()), int(message.partition() or 0))
            offset = int(message.offset() or 0)
            record = _is_record(message)
            if record and offset < ends.get(place, 0):
                yield _fact(message)
            reached = offset + 1 if record else offset
            if reached >= left.get(place, reached + 1):
                del left[place]


def _is_record(message: Any) -> bool:
    """False for the end of a partition. Raises KafkaException for what the client cannot mend itself."""
    error = message.error()
    if error is None:
        return True
    if error.code() != KafkaError._PARTITION_EOF and not error.retriable() and error.fatal():
        raise KafkaException(error)
    return False


def _fact(message: Any) -> Fact:
    headers = message.headers()
    told: Mapping[str, str] = header_map(headers.items() if isinstance(headers, dict) else headers)
    return fact_of(
        message.topic(), message.partition(), message.offset(), message.timestamp()[1], told, message.value()
    )
