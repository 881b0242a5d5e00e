"""The bus on the deterministic cluster in memory, with its transactions and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from orderwing.kernel.ports import (
    BEGINNING,
    Assigned,
    BusError,
    FencedError,
    NotYetError,
    OutcomeUnknownError,
    Outgoing,
    Position,
    Record,
    RecordRefusedError,
    TopicPartition,
    TransactionAbortedError,
)
from orderwing.runtime.simulated_cluster import Fault, SimulatedCluster, SimulatedCrash
from orderwing.runtime.simulated_group import Member
from orderwing.runtime.simulated_log import Cursor, Transaction

MAX_RECORD_BYTES = 4 << 20


class SimulatedBus:
    """One instance's bus. A crashed one is simply never used again."""

    def __init__(
        self, cluster: SimulatedCluster, group: str, instance: str, *, transaction_timeout_ms: int = 10_000
    ) -> None:
        self.cluster = cluster
        self.instance = instance
        self._name = group
        self._group = cluster.group(group)
        self._transactional_id = f"{group}.{instance}"
        self._timeout_ms = transaction_timeout_ms
        self._epoch = cluster.initialise(self._transactional_id)
        self._transaction: Transaction | None = None
        self._refused: RecordRefusedError | None = None
        self._member: Member | None = None
        self._cursors: dict[TopicPartition, Cursor] = {}
        self._exhausted_at = -1  # the cluster's changes when a poll last found nothing
        self._full = False

    # --- the group -------------------------------------------------------------------------------------------------

    def subscribe(self, topics: Sequence[str], assigned: Assigned, revoked: Assigned) -> None:
        def on_assigned(partitions: Sequence[TopicPartition]) -> None:
            self._cursors = {place: Cursor(self.cluster.log(place)) for place in partitions}
            self._exhausted_at = -1
            assigned(partitions)

        def on_revoked(partitions: Sequence[TopicPartition]) -> None:
            for partition in partitions:
                self._cursors.pop(partition, None)
            revoked(partitions)

        name = self.cluster.member_name(self.instance)
        self._member = Member(name, tuple(topics), on_assigned, on_revoked, self.cluster.wall_ms)
        self._group.join(self._member)

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        self._full = False
        if self.rests(limit):
            self.cluster.idle(timeout_s)
            return []
        cursors = self._with_news()
        rng = self.cluster.rng
        if rng is not None:
            rng.shuffle(cursors)
            limit = rng.randint(1, limit)
        records: list[Record] = []
        for cursor in cursors:
            records += cursor.take(limit - len(records))
        # Half of the drawn polls say so, though they are not: every fault shall meet commits that are under way.
        self._full = len(records) == limit or (rng is not None and bool(records) and limit % 2 == 0)
        if not records:
            self._exhausted_at = self.cluster.changes
            self.cluster.idle(timeout_s)
        return records

    @property
    def full(self) -> bool:
        return self._full

    def rests(self, limit: int) -> bool:
        """What a poll does that finds nothing; False, with all still to do, if it may find something."""
        if self._member is not None:
            self._group.heartbeat(self._member, self.cluster.wall_ms, self.cluster.partitions)
        if self._exhausted_at == self.cluster.changes:
            return True
        if self._with_news():
            return False
        self._exhausted_at = self.cluster.changes
        if self.cluster.rng is not None:
            self.cluster.rng.randint(1, limit)  # as each poll does that looks
        return True

    def _with_news(self) -> list[Cursor]:
        return [
            cursor
            for cursor in self._cursors.values()
            if not cursor.paused and (not cursor.known or cursor.next < cursor.log.last_stable_offset)
        ]

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            if (cursor := self._cursors.get(partition)) is not None:
                cursor.paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            if (cursor := self._cursors.get(partition)) is not None:
                cursor.paused = False
        self._exhausted_at = -1

    def seek(self, partition: TopicPartition, offset: int) -> None:
        cursor = self._cursors.get(partition)
        if cursor is None:
            raise BusError(f"{partition.topic}: cannot seek: it is not assigned")
        cursor.next = max(0, offset)
        cursor.known = offset != BEGINNING
        self._exhausted_at = -1

    def position(self, partition: TopicPartition) -> int | None:
        cursor = self._cursors.get(partition)
        return cursor.next if cursor is not None and cursor.known else None

    # --- offsets and logs ------------------------------------------------------------------------------------------

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position | None]:
        if self.cluster.pending(self._name, partitions):
            raise NotYetError("a transaction with positions is open")
        return {partition: self._group.offsets.get(partition) for partition in partitions}

    def high_watermarks(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {partition: self.cluster.log(partition).high_watermark for partition in partitions}

    def reader(self, ends: Mapping[TopicPartition, int]) -> SimulatedReader:
        return SimulatedReader(self.cluster, ends)

    # --- transactions ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._interrupted("begin")
        self._refused = None
        self._transaction = self.cluster.begin(self._transactional_id, self._timeout_ms)

    def produce(self, outgoing: Outgoing) -> None:
        transaction = self._opened()
        size = len(outgoing.key or b"") + len(outgoing.value or b"")
        if size > MAX_RECORD_BYTES:
            self.abort()
            raise RecordRefusedError(outgoing, "MSG_SIZE_TOO_LARGE")
        if size > self.cluster.max_bytes.get(outgoing.topic, MAX_RECORD_BYTES):
            self._refused = RecordRefusedError(outgoing, "MSG_SIZE_TOO_LARGE")  # the broker says so later
            return
        place = TopicPartition(outgoing.topic, outgoing.partition)
        self.cluster.log(place).append(outgoing, self.cluster.wall_ms, transaction)

    def send_offsets(self, positions: Mapping[TopicPartition, Position]) -> None:
        fault = self._interrupted("send_offsets")
        transaction = self._opened()
        if fault is Fault.ABORT or self._member is None or not self._group.knows(self._member):
            self.abort()
            raise TransactionAbortedError("the group has moved on")
        transaction.group = self._name
        transaction.offsets.update(positions)
        if fault is Fault.CRASH_AFTER:
            raise SimulatedCrash

    def commit(self) -> None:
        fault = self._interrupted("commit")
        transaction = self._opened()
        if self._refused is not None:
            refused, self._refused = self._refused, None
            self.abort()
            raise refused
        if fault is Fault.ABORT:
            self.abort()
            raise TransactionAbortedError("aborted")
        self.cluster.finish(transaction, commit=fault is not Fault.UNKNOWN_ABORTED)
        self._transaction = None
        if fault is Fault.CRASH_AFTER:
            raise SimulatedCrash
        if fault in (Fault.UNKNOWN_COMMITTED, Fault.UNKNOWN_ABORTED):
            self._epoch = self.cluster.initialise(self._transactional_id)
            raise OutcomeUnknownError("no answer")

    def commit_later(self, positions: Mapping[TopicPartition, Position]) -> Callable[[], float]:
        def end() -> float:  # till then the transaction is open, while others run and time passes
            self.send_offsets(positions)
            self.commit()
            return 0.0

        return end

    def abort(self) -> None:
        if self._transaction is not None:
            transaction = self._opened()
            self._transaction = None
            self.cluster.finish(transaction, commit=False)

    def _interrupted(self, point: str) -> Fault | None:
        fault = self.cluster.interrupt(point, self)
        if fault is Fault.CRASH_BEFORE:
            raise SimulatedCrash
        if self.cluster.epochs[self._transactional_id] != self._epoch:
            self._transaction = None
            raise FencedError(f"{self._transactional_id} has a newer producer, or its transaction timed out")
        return fault

    def _opened(self) -> Transaction:
        if self._transaction is None or self._transaction.state != "open":
            raise FencedError(f"{self._transactional_id} has no open transaction")
        return self._transaction

    # --- the rest --------------------------------------------------------------------------------------------------

    def wall_ms(self) -> int:
        return self.cluster.wall_ms

    def close(self) -> None:
        if self._member is not None:
            self._group.leave(self._member.name)


class SimulatedReader:
    def __init__(self, cluster: SimulatedCluster, ends: Mapping[TopicPartition, int]) -> None:
        self._cluster = cluster
        self._ends = {Cursor(cluster.log(place)): end for place, end in ends.items()}

    @property
    def done(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> Sequence[TopicPartition]:
        return [cursor.log.place for cursor, end in self._ends.items() if cursor.next < end]

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        records: list[Record] = []
        for cursor, end in self._ends.items():
            records += cursor.log.committed(cursor.next, end)
            cursor.next = max(cursor.next, min(end, cursor.log.last_stable_offset))
        if not records:
            self._cluster.idle(timeout_s)
        return records

    def close(self) -> None: ...
