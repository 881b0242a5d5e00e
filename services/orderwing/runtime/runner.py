"""The stages' only loop: poll, decide, and commit outputs, rows and positions in one transaction, or none of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from time import perf_counter

from orderwing.kernel.decision import Cause
from orderwing.kernel.ports import (
    Bus,
    OutcomeUnknownError,
    Record,
    RecordRefusedError,
    TopicPartition,
    TransactionAbortedError,
)
from orderwing.kernel.stage import Stage
from orderwing.runtime.attempt import Attempt
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.committing import commit, culprit
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
from orderwing.runtime.tracing import Batch, Tracer
from orderwing_schemas.topics import REFERENCE, Topic

_NUMBER = attrgetter("partition")


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
        self._assigned: list[TopicPartition] = []
        self._restore: Restore | None = None
        bus.subscribe((*self._inputs, self._reference), self._on_assigned, self._on_revoked)

    def step(self, timeout_s: float = 0.1) -> bool:
        """One turn; whether anything was decided."""
        patience_s = 0.0 if self._restore else self._due.patience_s(self.partitions.values(), timeout_s)
        records = self._bus.poll(self._limit, patience_s)
        if self._restore is not None:
            self._restore_on(timeout_s)
            return False
        self._standing.report(self.partitions.values())
        if self.halted is not None:
            return False
        records = self._learn(records)
        due = self._due.take(self.partitions.values(), records)
        if not records and not any(due.values()):
            return False
        return self._batch(records, due)

    def close(self) -> None:
        """Leave the group."""
        if self._restore is not None:
            self._restore.close()
        self._bus.close()

    # --- assignment ------------------------------------------------------------------------------------------------

    def _on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._assigned = list(partitions)
        self._restore_all()

    def _on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
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

    def _restore_all(self) -> None:
        """Forget everything and begin again from the log. Only partitions that are here with all inputs are run."""
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
        refused: dict[tuple[Cause, bool], str] = {}
        wall_ms = self._bus.wall_ms()
        told = None if self._tracer is None else Batch(len(records), sum(map(len, due.values())))
        while True:
            budget = copy.copy(self._budget)
            try:
                began = perf_counter()
                attempts = self._decide(records, due, wall_ms, budget, refused)
                self._observer.batch_decided(len(records) + sum(map(len, due.values())), perf_counter() - began)
                if told is not None:
                    told.decided()
                if attempts:
                    self._observer.committed(commit(self._bus, self._decider, attempts))
            except RecordRefusedError as error:
                self._observer.aborted()
                refused[culprit(attempts, error.outgoing)] = error.reason
                continue
            except TransactionAbortedError:
                self._observer.aborted()
                rewind(self._bus, self.partitions, records, due)
                return False
            except OutcomeUnknownError:
                self._observer.aborted()
                self._restore_all()
                return False
            except BudgetExceededError as error:
                rewind(self._bus, self.partitions, records, due)
                self._halt(str(error))
                return False
            self._budget = budget
            merge(self.partitions, attempts, due, self._observer)
            if self._tracer is not None and told is not None and attempts:
                self._tracer.committed([span for attempt in attempts for span in attempt.spans], told)
            return True

    def _decide(
        self,
        records: Sequence[Record],
        due: Mapping[int, list[Deadline]],
        wall_ms: int,
        budget: Budget,
        refused: Mapping[tuple[Cause, bool], str],
    ) -> list[Attempt]:
        attempts: dict[int, Attempt] = {}

        def attempt(number: int) -> Attempt:
            made = attempts.get(number)
            if made is None:
                partition = self.partitions[number]
                made = attempts[number] = Attempt(self._decider, partition, wall_ms, budget, refused)
            return made

        for number, of_one in groupby(records, key=_NUMBER):
            decide = attempt(number).record
            for record in of_one:
                decide(record)
        for number, deadlines in due.items():
            for deadline in deadlines:
                attempt(number).deadline(deadline)
        return [made for made in attempts.values() if made.number > made.partition.decisions]

    def _halt(self, message: str) -> None:
        """Neither drain nor drop: hold the partitions and wait for an operator."""
        self.halted = message
        self._bus.pause(self._assigned)
        self._tell()

    def _tell(self) -> None:
        self.ready = self._standing.tell(self.halted, self._restore, self.partitions, self._assigned)
