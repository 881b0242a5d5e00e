"""The bus on a real Kafka cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from orderwing.kernel.ports import (
    BEGINNING,
    Assigned,
    BusError,
    NotYetError,
    Outgoing,
    Position,
    Record,
    TopicPartition,
)
from orderwing.runtime.kafka_client import Cluster, client_config
from orderwing.runtime.kafka_records import KafkaReader, records_of
from orderwing.runtime.kafka_transactions import Transactions

_CALL_S = 10.0
_COMMITTED_S = 1.0
_AHEAD = 2_000
_AHEAD_KIB = 32 << 10
_REST = 4  # times the length of a transaction
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class KafkaBus:
    """Classic protocol with the range assignor, so that inputs are co-partitioned; the synchronous client.

    A transaction costs the broker much the same for five records or for five hundred: after one that was not full,
    `poll` first waits four times as long as that one took, at most `rest_ms`, so that transactions take a fifth of the
    time. Where nothing came for a while nothing waits; on a busy machine transactions become fewer and larger.
    """

    def __init__(
        self,
        bootstrap: Cluster,
        group: str,
        instance: str,
        *,
        transaction_timeout_ms: int = 10_000,
        session_timeout_ms: int = 6_000,
        max_poll_interval_ms: int = 300_000,
        rest_ms: int = 0,
        batch_limit: int = 500,
    ) -> None:
        self._rest_s = rest_ms / 1000
        self._common: dict[str, Any] = {**client_config(bootstrap), "client.id": f"{group}-{instance}"}
        self._consumer = Consumer(
            {
                **self._common,
                "group.id": group,
                "group.protocol": "classic",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": session_timeout_ms,
                "heartbeat.interval.ms": max(300, session_timeout_ms // 3),
                "max.poll.interval.ms": max_poll_interval_ms,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",  # records lost before they were decided must not pass unseen
                "fetch.wait.max.ms": 100,
                # Two batches ahead, of all partitions together, within so much memory.
                "queued.min.messages": max(_AHEAD, 2 * batch_limit),
                "queued.max.messages.kbytes": _AHEAD_KIB,
                "fetch.queue.backoff.ms": 10,  # by default a partition that has those rests for a second
            }
        )
        self._admin = AdminClient(self._common)
        self._transactions = Transactions(self._common, f"{group}.{instance}", transaction_timeout_ms)
        self._behind = ThreadPoolExecutor(1, "commit")
        self._positions: dict[TopicPartition, int] = {}
        self._rebalanced = False
        self._full = False  # whether the last poll brought as many records as it may
        self._began_s = 0.0  # when the last transaction began
        self._rested_s = 0.0  # when the next transaction may begin
        self._group: Any = None  # opaque to us; that of the last assignment, so that a zombie is fenced by it

    # --- the group -------------------------------------------------------------------------------------------------

    def subscribe(self, topics: Sequence[str], assigned: Assigned, revoked: Assigned) -> None:
        def on_assign(consumer: Consumer, partitions: list[KafkaPartition]) -> None:
            given = [TopicPartition(p.topic, p.partition) for p in partitions]
            # From 0 and paused: nothing is fetched, and nothing is asked, before `seek` says where to begin.
            consumer.assign([KafkaPartition(topic, partition, 0) for topic, partition in given])
            if given:
                consumer.pause([KafkaPartition(*p) for p in given])
            self._positions.clear()
            self._rebalanced = True
            self._group = consumer.consumer_group_metadata()
            assigned(given)

        def on_revoke(consumer: Consumer, partitions: list[KafkaPartition]) -> None:
            taken = [TopicPartition(p.topic, p.partition) for p in partitions]
            self._positions.clear()
            self._rebalanced = True
            revoked(taken)

        self._consumer.subscribe(list(topics), on_assign=on_assign, on_revoke=on_revoke, on_lost=on_revoke)

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        if (rest_s := self._rested_s - time.monotonic()) > 0:
            time.sleep(rest_s)
        # consume(limit, t) alone would wait out its time under a trickle.
        first = self._consumer.poll(timeout_s)
        self._full = False
        if first is None:
            return ()
        messages, self._rebalanced = [first], False
        if limit > 1:
            messages += self._consumer.consume(limit - 1, 0)
        self._full = len(messages) >= limit
        if self._rebalanced:
            return ()  # what was polled before belongs to the former assignment
        return records_of(messages, self._positions)

    @property
    def full(self) -> bool:
        return self._full

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.pause([KafkaPartition(*p) for p in partitions])

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.resume([KafkaPartition(*p) for p in partitions])

    def seek(self, partition: TopicPartition, offset: int) -> None:
        deadline = time.monotonic() + _CALL_S
        while True:
            try:
                self._consumer.seek(KafkaPartition(*partition, offset))
                break
            except KafkaException as error:
                # A partition takes a moment to start after its assignment.
                if error.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:
                    raise BusError(f"{partition.topic}: cannot seek: {error.args[0].name()}") from error
                self._consumer.consumer_group_metadata()  # yields to librdkafka's threads
        if offset == BEGINNING:
            self._positions.pop(partition, None)
        else:
            self._positions[partition] = offset

    def position(self, partition: TopicPartition) -> int | None:
        return self._positions.get(partition)

    # --- offsets and logs ------------------------------------------------------------------------------------------

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position | None]:
        try:
            answer = self._consumer.committed([KafkaPartition(*p) for p in partitions], timeout=_COMMITTED_S)
        except KafkaException as error:
            if error.args[0].code() in _NOT_YET:
                raise NotYetError(error.args[0].name()) from None
            raise BusError(f"committed offsets: {error.args[0].str()}") from error
        found: dict[TopicPartition, Position | None] = {}
        for p in answer:
            if p.error is not None:
                raise NotYetError(p.error.name())
            position = Position(p.offset, p.metadata or "") if p.offset >= 0 else None
            found[TopicPartition(p.topic, p.partition)] = position
        return found

    def high_watermarks(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        # A read_committed consumer's watermarks are last stable offsets, hence the admin client.
        wanted = {KafkaPartition(*p): _LATEST for p in partitions}
        futures = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_CALL_S
        )
        found = {}
        for p, future in futures.items():
            try:
                found[TopicPartition(p.topic, p.partition)] = future.result().offset
            except KafkaException as error:
                code = error.args[0].code()
                if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION):
                    raise BusError(f"Topic {p.topic} is missing: run `orderwing topics apply`.") from None
                if code == KafkaError.FENCED_LEADER_EPOCH:
                    # After a broker has come back the client keeps asking under the epoch it knew, for minutes.
                    wait(futures.values())
                    self._admin = AdminClient(self._common)
                raise NotYetError(error.args[0].name()) from None
        return found

    def partition_count(self, topic: str) -> int:
        """Raises NotYetError while the topic is not there or nobody answers."""
        try:
            found = self._admin.list_topics(topic, timeout=_CALL_S).topics[topic]
        except KafkaException as error:
            raise NotYetError(error.args[0].name()) from None
        if found.error is not None:
            raise NotYetError(found.error.name())
        return len(found.partitions)

    def reader(self, ends: Mapping[TopicPartition, int]) -> KafkaReader:
        return KafkaReader(self._common, ends)

    # --- transactions ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._began_s = time.monotonic()
        self._transactions.begin()

    def produce(self, outgoing: Outgoing) -> None:
        self._transactions.produce(outgoing)

    def send_offsets(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._transactions.send_offsets(positions, self._group)

    def commit(self) -> None:
        self._transactions.commit()
        now_s = time.monotonic()
        rest_s = min(self._rest_s, _REST * (now_s - self._began_s))
        self._rested_s = 0.0 if self._full else now_s + rest_s

    def commit_later(self, positions: Mapping[TopicPartition, Position]) -> Callable[[], float]:
        self._rested_s = 0.0
        return self._behind.submit(self._end, positions, self._group, self._began_s).result

    def _end(self, positions: Mapping[TopicPartition, Position], group: Any, began_s: float) -> float:
        self._transactions.send_offsets(positions, group)
        self._transactions.commit()
        return time.monotonic() - began_s

    def abort(self) -> None:
        self._transactions.abort()

    # --- the rest --------------------------------------------------------------------------------------------------

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def close(self) -> None:
        try:
            self._consumer.close()  # raises what a callback raises, once the group is left
        finally:
            self._behind.shutdown()


_NOT_YET = {
    KafkaError._TIMED_OUT,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError._WAIT_COORD,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
}
