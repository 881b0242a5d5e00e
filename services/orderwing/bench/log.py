"""What the bench does to the broker and reads from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from orderwing.kernel.ports import Outgoing
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.topics_admin import TopicsAdmin

_TIMEOUT_S = 60.0
_PLAIN = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(4 << 20)}


def fresh_topics(bootstrap: str, partitions: int, plain: Sequence[str] = ()) -> None:
    """Delete every topic and group, then make the product's topics and the `plain` ones. Raises OperatorError."""
    admin = AdminClient(client_config(bootstrap))
    end_s = time.monotonic() + _TIMEOUT_S
    while groups := [group.group_id for group in admin.list_consumer_groups().result(_TIMEOUT_S).valid]:
        # A group whose members have just left, or were killed, is not empty yet.
        _each(admin.delete_consumer_groups(groups), {KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_ID_NOT_FOUND})
        _require_in_time(end_s)
    there = _topics(admin)
    _each(admin.delete_topics(there, operation_timeout=_TIMEOUT_S) if there else {}, set())
    while _topics(admin):
        _require_in_time(end_s)
        time.sleep(0.1)
    new = [NewTopic(name, partitions, replication_factor=1, config=_PLAIN) for name in plain]
    _each(admin.create_topics(new) if new else {}, set())
    TopicsAdmin(bootstrap, partitions=partitions).apply()
    _await_leaders(admin, end_s)


def _await_leaders(admin: AdminClient, end_s: float) -> None:
    """A topic made again under its old name has no leader for a moment."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    topics = admin.list_topics(timeout=_TIMEOUT_S).topics
    asked = {TopicPartition(name, number): latest for name, topic in topics.items() for number in topic.partitions}
    while any(future.exception(_TIMEOUT_S) is not None for future in admin.list_offsets(asked).values()):
        _require_in_time(end_s)
        time.sleep(0.1)


def _require_in_time(end_s: float) -> None:
    if time.monotonic() > end_s:
        raise OperatorError("Kafka does not delete its topics and groups: see the broker's log.")


def _topics(admin: AdminClient) -> list[str]:
    return [name for name in admin.list_topics(timeout=_TIMEOUT_S).topics if not name.startswith("__")]


def _each(futures: Any, passing: set[int]) -> None:
    for name, future in futures.items():
        try:
            future.result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in passing:
                raise OperatorError(f"Kafka refuses to change {name}: {error.args[0].str()}.") from None


@dataclass
class Arrivals:
    """When each order first came out at `topic`, by the broker's stamp: records of `event_type` (None: all)."""

    bootstrap: str
    topic: str
    event_type: bytes | None
    stamps_ms: dict[str, int] = field(default_factory=dict)
    seen: int = 0  # records of any type

    def __post_init__(self) -> None:
        self._consumer = _assigned(self.bootstrap, self.topic, OFFSET_BEGINNING)

    def look(self, timeout_s: float) -> bool:
        """Take in what has come; whether anything has."""
        messages = self._consumer.consume(2000, timeout_s)
        for message in messages:
            if message.error() is not None:
                continue
            self.seen += 1
            if (order := _order(message, self.event_type)) is not None:
                self.stamps_ms.setdefault(order, message.timestamp()[1])
        return bool(messages)

    def close(self) -> None:
        self._consumer.close()


def write_rows(bootstrap: str, rows: Iterable[Outgoing], told: Callable[[int], None]) -> None:
    """Write as fast as the broker takes them; `told` hears how many, now and then."""
    producer = Producer({**client_config(bootstrap), "enable.idempotence": True, "linger.ms": 20})
    for number, row in enumerate(rows, 1):
        while True:
            try:
                producer.produce(row.topic, row.value, row.key, row.partition, headers=row.headers)  # type: ignore[arg-type]  # list is invariant
                break
            except BufferError:
                producer.poll(0.1)
        if number % 20_000 == 0:
            producer.poll(0)
            told(number)
    producer.flush(_TIMEOUT_S)


def read_all(bootstrap: str, topic: str, take: Callable[[Message], None]) -> None:
    """Every committed record that `topic` has now."""
    consumer = _assigned(bootstrap, topic, OFFSET_BEGINNING, {"enable.partition.eof": True})
    ended: set[int] = set()
    try:
        while len(ended) < len(consumer.assignment()):
            for message in consumer.consume(2000, 0.2):
                error = message.error()
                if error is None:
                    take(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(int(message.partition() or 0))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def stamps_of(bootstrap: str, topic: str) -> dict[str, int]:
    """The broker's stamp of each order's first record."""
    stamps: dict[str, int] = {}

    def take(message: Message) -> None:
        if (order := _order(message, None)) is not None:
            stamps.setdefault(order, message.timestamp()[1])

    read_all(bootstrap, topic, take)
    return stamps


def mean_bytes(bootstrap: str, topic: str, event_type: str) -> int:
    """Of a record of `event_type` on `topic`, its headers and key included."""
    sizes: list[int] = []

    def take(message: Message) -> None:
        headers: Any = message.headers() or ()
        if any(name == "ce_type" and value == event_type.encode() for name, value in headers):
            told = sum(len(name) + len(value or b"") for name, value in headers)
            sizes.append(told + len(message.value() or b"") + len(message.key() or b""))

    read_all(bootstrap, topic, take)
    return sum(sizes) // len(sizes) if sizes else 0


def _assigned(bootstrap: str, topic: str, offset: int, more: dict[str, Any] | None = None) -> Consumer:
    config = {
        **client_config(bootstrap),
        "group.id": "bench",  # the client asks for one; it is never joined
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "log_level": 0,
    }
    consumer = Consumer(config | (more or {}))
    partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, offset) for partition in partitions])
    return consumer


def _order(message: Message, event_type: bytes | None) -> str | None:
    """`ce_subject`, or the key of a record without one; None for another type of event."""
    order = None
    headers: Any = message.headers() or ()
    for name, value in headers:
        if name == "ce_subject":
            order = value.decode()
        elif name == "ce_type" and event_type is not None and value != event_type:
            return None
    return order if order is not None else (message.key() or b"").decode()
