"""How an operator's command reads and writes the log: no group, one transaction, nothing left open."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from types import TracebackType
from typing import NoReturn, Self

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from orderwing.kernel.ports import Outgoing, Record
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster, client_config, no_answer
from orderwing.runtime.topics_admin import MAX_REFERENCE_BYTES
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode

_TIMEOUT_S = 30.0
_TRIES = 4  # to become the writer, at a Kafka that answers
_PASSING = (
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TRANSPORT,
)
_SOURCE = b"orderwing/operator"


def is_passing(error: KafkaException) -> bool:
    """Whether an admin request is worth asking again: a topic just made has no leader yet, and a busy broker no answer.

    `retriable()` of such an error is always False: only those of transactions know.
    """
    cause: object = error.args[0]
    return isinstance(cause, KafkaError) and cause.code() in _PASSING


def outgoing(topic: str, partition: int, key: str, event: Event | None) -> Outgoing:
    """The record of `event`, or a tombstone, with its CloudEvents headers; the same event has the same id."""
    if event is None:
        return Outgoing(topic, partition, key.encode(), None, [])
    value = encode(event)
    name = blake2b(b"%s|%d|%s" % (topic.encode(), partition, value), digest_size=16).hexdigest()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", name.encode()),
        ("ce_source", _SOURCE),
        ("ce_type", event.EVENT_TYPE.encode()),
        ("content-type", b"application/json"),
    ]
    if event.subject is not None:
        headers.append(("ce_subject", event.subject.encode()))
    return Outgoing(topic, partition, key.encode(), value, headers)


class OperatorLog:
    """`name` names the writer: a second one of that name fences the first, so that checks before writing hold.

    Raises OperatorError when the cluster does not answer or refuses.
    """

    def __init__(self, bootstrap: Cluster, name: str) -> None:
        common = client_config(bootstrap)
        self._bootstrap = bootstrap
        self._admin = AdminClient(common)
        self._consumer = Consumer(
            {
                **common,
                "group.id": "orderwing.operator",  # the client asks for one; nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 10,  # at the end of a log there is nothing to wait for
            }
        )
        self._producer = Producer(
            {
                **common,
                "transactional.id": f"orderwing.operator.{name}",
                "message.max.bytes": MAX_REFERENCE_BYTES,
                "retry.backoff.ms": 10,  # or each step of a transaction may wait for 100 ms
            }
        )

    def __enter__(self) -> Self:
        for left in reversed(range(_TRIES)):
            try:
                self._producer.init_transactions(_TIMEOUT_S)
                break
            except KafkaException as error:
                if left and error.args[0].retriable() and self._answers():
                    continue  # only busy
                self._consumer.close()
                raise OperatorError(no_answer(self._bootstrap)) from None
        return self

    def _answers(self) -> bool:
        try:
            return bool(self._admin.list_topics(timeout=5.0).brokers)
        except KafkaException:
            return False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    def partitions(self, topic: str) -> int:
        """How many the topic has."""
        found = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics.get(topic)
        if found is None or found.error is not None:
            raise OperatorError(f"There is no topic {topic}: run `orderwing topics apply` first.")
        return len(found.partitions)

    def read(self, topic: str, partition: int) -> list[Record]:
        """All committed records, from the first kept to the end that the log has now."""
        return self._read([TopicPartition(topic, partition)])

    def read_topics(self, topics: Sequence[str]) -> list[Record]:
        """As `read`, of all partitions; in order within a partition only."""
        return self._read([TopicPartition(topic, n) for topic in topics for n in range(self.partitions(topic))])

    def _read(self, places: Sequence[TopicPartition]) -> list[Record]:
        # Not "from the beginning": a client that has no leader yet would ask for that again only after 500 ms.
        firsts = self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        waited = {place: end for place, end in ends.items() if end > firsts[place]}
        if not waited:
            return []
        records: list[Record] = []
        self._consumer.assign([TopicPartition(*place, firsts[place]) for place in waited])
        try:
            while waited:
                message = self._consumer.poll(_TIMEOUT_S)
                if message is None:
                    named = ", ".join(sorted({topic for topic, _ in waited}))
                    raise OperatorError(f"Kafka gives nothing of {named} within {_TIMEOUT_S:g} s: is it overloaded?")
                place = (message.topic() or "", message.partition() or 0)
                if (error := message.error()) is None:
                    records.append(record_of(message))
                    at = records[-1].offset + 1
                elif error.code() == KafkaError._PARTITION_EOF:  # behind the last transaction's marker
                    at = message.offset() or 0
                else:
                    raise OperatorError(f"Kafka cannot be read: {error.str()}.")
                if at >= waited.get(place, at + 1):
                    del waited[place]
        finally:
            self._consumer.unassign()
        return records

    def _offsets(self, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
        """First offsets or ends, true ones: a read_committed consumer's end is below transactions whose markers are
        still on their way."""
        asked = dict.fromkeys(places, spec)
        end_s = time.monotonic() + _TIMEOUT_S
        while True:
            futures = self._admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED)
            try:
                return {(p.topic, p.partition): int(f.result(_TIMEOUT_S).offset) for p, f in futures.items()}
            except KafkaException as error:
                if not is_passing(error) or time.monotonic() > end_s:
                    raise OperatorError(f"Kafka cannot be read: {error.args[0].str()}") from None
            time.sleep(0.05)

    def write(self, records: Sequence[Outgoing]) -> None:
        """All of `records` in one transaction, or none."""
        if not records:
            return
        self._producer.begin_transaction()
        try:
            for record in records:
                headers: list[tuple[str, str | bytes | None]] = [*record.headers]
                self._producer.produce(record.topic, record.value, record.key, record.partition, headers=headers)
            self._producer.flush(_TIMEOUT_S)  # a fenced producer says so at once here, and only late at commit
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            self._end_failed(error.args[0])

    def _end_failed(self, error: KafkaError) -> NoReturn:
        if error.fatal():
            raise OperatorError("Another command writes the same at this moment; nothing was written: try again.")
        if error.retriable():
            raise OperatorError("Kafka did not confirm in time: look whether it was written before you try again.")
        self._producer.abort_transaction(_TIMEOUT_S)
        raise OperatorError(f"Kafka refuses the records ({error.str()}); nothing was written.")


def record_of(message: Message) -> Record:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise TypeError("a message without its place")
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple((name, _bytes(value)) for name, value in _headers(message)),
        timestamp_ms=message.timestamp()[1],
    )


def _headers(message: Message) -> Iterable[tuple[str, str | bytes | None]]:
    found = message.headers() or []
    return found.items() if isinstance(found, dict) else found


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
