"""The stages' only loop: poll, decide, and commit outputs, rows and positions in one transaction, or none of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from orderwing.kernel.decision import Cause
from orderwing.kernel.ports import (
    Bus,
    BusError,
    OutcomeUnknownError,
    Record,
    RecordRefusedError,
    TopicPartition,
    TransactionAbortedError,
)
from orderwing.kernel.stage import Stage
from orderwing.runtime.batch import Batch
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.committing import culprit, send, unmet
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.deciding import Decider
from orderwing.runtime.due import DueDeadlines
from orderwing.runtime.merging import merge, rewind
from orderwing.runtime.observer import Observer, SilentObserver
from orderwing.runtime.partition import Partition
from orderwing.runtime.poison import Budget, BudgetExceededError
from orderwing.runtime.policy_watch import PolicyWatch
from orderwing.runtime.restore import Restore, UnreadableReferenceError, learn
from orderwing.runtime.standing import Standing
from orderwing.runtime.tracing import Batch as Told
from orderwing.runtime.tracing import Tracer
from orderwing_schemas.topics import REFERENCE, Topic

_PASSING = (RecordRefusedError, TransactionAbortedError, OutcomeUnknownError)


class Runner:
    """One instance of a stage. Each `step` is one turn of the loop; nothing but the bus's `poll` ever waits.

    `step` raises FencedError (end the process, start a new one) and BusError (tell the operator).
    """

    def __init__(
        self,
        stage: Stage,
        bus: Bus,
        clock: DomainClock,
        observer: Observer | None = None,
        *,
        batch_limit: int = 500,
        poison_share: float = 0.05,
        poison_consecutive: int = 20,
        reference: Topic = REFERENCE,
        tracer: Tracer | None = None,
    ) -> None:
        self.stage = stage
        self.ready = False
        self.halted: str | None = None
        self.partitions: dict[int, Partition] = {}
        self._bus = bus
        self._clock = clock
        self._observer = observer or SilentObserver()
        self._standing = Standing(bus, clock, self._observer)
        self._due = DueDeadlines(bus, clock, batch_limit)
        self._policies = PolicyWatch(self._observer, stage.policy_check)
        self._decider = Decider(stage, clock, tracer)
        self._tracer = tracer
        self._inputs = (*self._decider.inputs, self._decider.control.name)
        self._reference = reference.name
        self._limit = batch_limit
        self._budget = Budget(poison_share, poison_consecutive)
        self._refused: dict[tuple[Cause, bool], str] = {}  # what the bus would not take, till it is decided so
        self._under_way: Batch | None = None
        self._assigned: list[TopicPartition] = []
        self._restore: Restore | None = None
        bus.subscribe((*self._inputs, self._reference), self._on_assigned, self._on_revoked)

    def step(self, timeout_s: float = 0.1) -> bool:
        """One turn; whether anything was decided."""
        waits = self._restore is None and self._under_way is None
        patience_s = self._due.patience_s(self.partitions.values(), timeout_s) if waits else 0.0
        records = self._bus.poll(self._limit, patience_s)
        if self._restore is not None:
            self._restore_on(timeout_s)
            return False
        under_way = () if self._under_way is None else self._under_way.records
        self._standing.report(self.partitions.values(), under_way, records)
        if self.halted is not None or not self._plain(records):
            if not self._settle(records) or self.halted is not None:
                return False
            records = self._learn(records)
        if self._due.look(self.partitions.values(), records) and not self._settle(records):
            return False
        due = self._due.take(self.partitions.values())
        if not records and not any(due.values()):
            return False
        return self._batch(records, due)

    @property
    def under_way(self) -> bool:
        """Whether a transaction is; the next `step` sees to its end."""
        return self._under_way is not None

    def close(self) -> None:
        """Leave the group. Raises FencedError, having left, where that is how what was under way ended."""
        try:
            self._end_before_leaving()
        finally:
            if self._restore is not None:
                self._restore.close()
            self._bus.close()

    # --- assignment ------------------------------------------------------------------------------------------------

    def _on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._end_before_leaving()
        self._assigned = list(partitions)
        self._restore_all()

    def _on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self._end_before_leaving()
        lost = {tp.partition for tp in partitions}
        self._assigned = [tp for tp in self._assigned if tp not in set(partitions)]
        self.partitions = {n: p for n, p in self.partitions.items() if n not in lost}
        if self._restore is not None:
            self._restore.close()
            self._restore = None
        if self._assigned:
            self._restore_all()
        else:
            self._policies.look(())
        self._tell()

    def _end_before_leaving(self) -> None:
        """What is under way ends; if not well, it is restored or decided by whoever has the partitions next."""
        batch, self._under_way = self._under_way, None
        if batch is not None:
            try:
                self._end(batch)
            except _PASSING:
                self._observer.aborted()

    def _restore_all(self) -> None:
        """Forget everything and begin again from the log. Only partitions that are here with all inputs are run."""
        self._refused.clear()
        if self._restore is not None:
            self._restore.close()
        self._bus.pause(self._assigned)
        topics: dict[int, set[str]] = {}
        for topic, number in self._assigned:
            topics.setdefault(number, set()).add(topic)
        whole = [n for n, there in sorted(topics.items()) if there.issuperset((*self._inputs, self._reference))]
        self.partitions = {}
        restored = [Partition(number, self.stage, self._inputs) for number in whole]
        self._restore = Restore(self._bus, restored, self._decider.changelog, self._reference) if restored else None
        self._tell()

    def _restore_on(self, timeout_s: float) -> None:
        restore = self._restore
        if restore is None:
            return
        try:
            restored = restore.step(timeout_s)
        except UnreadableReferenceError as error:
            self._restore = None
            self._halt(str(error))
            return
        if not restored:
            self._tell()
            return
        self._restore = None
        self.partitions = {partition.number: partition for partition in restore.partitions}
        self._policies.look(p.reference for p in restore.partitions)
        self._resume()

    def _resume(self) -> None:
        """Inputs of partitions that have their reference data; the others wait for it."""
        if self.halted is None:
            self._bus.resume([TopicPartition(self._reference, number) for number in self.partitions])
            self._bus.resume([tp for p in self.partitions.values() if p.reference.ready for tp in p.inputs])
        self._tell()

    # --- before the batch ------------------------------------------------------------------------------------------

    def _plain(self, records: Sequence[Record]) -> bool:
        """Whether there are some that may be decided before what was decided last is committed."""
        return bool(records) and {record.topic for record in records} <= self._decider.inputs.keys()

    def _learn(self, records: Sequence[Record]) -> Sequence[Record]:
        """Take in reference data; the inputs' records remain."""
        if not any(record.topic == self._reference for record in records):
            return records
        waiting = [p for p in self.partitions.values() if not p.reference.ready]
        for record in records:
            if record.topic == self._reference:
                try:
                    learn(self.partitions[record.partition], record)
                except UnreadableReferenceError as error:
                    self._halt(str(error))
        if any(p.reference.ready for p in waiting):
            self._resume()
        self._policies.look(p.reference for p in self.partitions.values())
        return [record for record in records if record.topic != self._reference]

    # --- the batch -------------------------------------------------------------------------------------------------

    def _batch(self, records: Sequence[Record], due: Mapping[int, list[Deadline]]) -> bool:
        """Decided on top of the batch under way, and sent once that is committed."""
        budget = self._budget if self._under_way is None else self._under_way.budget
        told = None if self._tracer is None else Told(len(records), sum(map(len, due.values())))
        batch = Batch(records, due, self._bus.wall_ms(), copy.copy(budget), told)
        try:
            batch.decide(self._decider, self.partitions, self._refused, self._under_way)
        except BudgetExceededError as error:
            if self._settle(records):
                rewind(self._bus, self.partitions, records, due)
                self._halt(str(error))
            return False
        return self._settle(records) and self._send(batch)

    def _send(self, batch: Batch) -> bool:
        """Its transaction is begun; where more is waiting it ends while that is decided."""
        self._observer.batch_decided(len(batch), batch.decided_s)
        try:
            if batch.attempts:
                batch.ending = send(self._bus, self._decider, batch.attempts)
        except BusError as error:
            self._failed(batch, error)
            return False
        self._under_way = batch
        return self._bus.full or self._settle()

    def _settle(self, later: Sequence[Record] = ()) -> bool:
        """End what is under way. False if nothing is left of it: then of `later`, decided on top of it, neither."""
        batch, self._under_way = self._under_way, None
        if batch is None:
            return True
        try:
            self._end(batch)
        except BusError as error:
            self._failed(batch, error, later)
            return False
        return True

    def _end(self, batch: Batch) -> None:
        """Raises what the bus's `commit` raises."""
        if batch.ending is not None:
            self._observer.committed(batch.ending())
        self._budget = batch.budget
        if self._refused:
            self._refused = unmet(self._refused, batch.attempts)
        merge(self.partitions, batch.attempts, batch.due, self._observer)
        if self._tracer is not None and batch.told is not None and batch.attempts:
            self._tracer.committed([span for made in batch.attempts for span in made.spans], batch.told)

    def _failed(self, batch: Batch, error: BusError, later: Sequence[Record] = ()) -> None:
        """All of it comes again, and what came `later`; raises `error` where this process cannot go on."""
        if not isinstance(error, _PASSING):
            raise error
        self._observer.aborted()
        if isinstance(error, OutcomeUnknownError):
            self._restore_all()
            return
        if isinstance(error, RecordRefusedError):
            self._refused[culprit(batch.attempts, error.outgoing)] = error.reason
        rewind(self._bus, self.partitions, [*batch.records, *later], batch.due)

    def _halt(self, message: str) -> None:
        """Neither drain nor drop: hold the partitions and wait for an operator."""
        self.halted = message
        self._bus.pause(self._assigned)
        self._tell()

    def _tell(self) -> None:
        self.ready = self._standing.tell(self.halted, self._restore, self.partitions, self._assigned)
