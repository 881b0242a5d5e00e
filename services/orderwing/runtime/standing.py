"""What the outside is told of a runner: whether it is ready, why not, and how much it has and lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from orderwing.kernel.ports import Bus, NotYetError, Record, TopicPartition
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.merging import first_offsets
from orderwing.runtime.observer import Observer
from orderwing.runtime.partition import Partition
from orderwing.runtime.restore import Restore

_REPORT_MS = 1000
_LONG_RESTORE_MS = 30_000


class Standing:
    """Tells the observer of each change, and of the levels about once a second."""

    def __init__(self, bus: Bus, clock: DomainClock, observer: Observer) -> None:
        self._bus = bus
        self._clock = clock
        self._observer = observer
        self._reported_ms = 0
        self._told: tuple[bool, bool, str] | None = None

    def tell(
        self,
        halted: str | None,
        restore: Restore | None,
        partitions: Mapping[int, Partition],
        assigned: Collection[TopicPartition],
    ) -> bool:
        """Whether it is ready."""
        without_network = [p.number for p in partitions.values() if not p.reference.ready]
        if halted is not None:
            message = halted
        elif restore is not None:
            message = self._restoring(restore)
        elif without_network:
            message = "No network is published: run `orderwing network load`."
        elif {tp.partition for tp in assigned} - set(partitions):
            message = "Some partitions are assigned without all of their inputs: run `orderwing topics apply`."
        else:
            message = ""
        told = (not message, halted is not None, message)
        if told != self._told:
            self._told = told
            self._observer.state(*told)
        return not message

    def report(self, partitions: Collection[Partition], *uncommitted: Sequence[Record]) -> None:
        """`uncommitted`: all that was polled beyond the committed positions, in its order."""
        now_ms = self._bus.wall_ms()
        if now_ms - self._reported_ms < _REPORT_MS:
            return
        self._reported_ms = now_ms
        self._observer.rows(sum(len(p.store) for p in partitions))
        self._observer.parked(sum(p.parked for p in partitions))
        self._observer.deadlines_due(sum(p.deadlines.passed(self._clock.domain_ms(now_ms)) for p in partitions))
        try:
            ends = self._bus.high_watermarks([tp for p in partitions for tp in p.inputs])
        except NotYetError:
            return
        first = first_offsets(chain(*uncommitted))
        for tp, end in ends.items():
            position = first[tp] if tp in first else self._bus.position(tp) or 0
            self._observer.lag(tp.topic, tp.partition, max(0, end - position))

    def _restoring(self, restore: Restore) -> str:
        message = "Restoring rows from the log."
        if self._bus.wall_ms() - restore.since_ms < _LONG_RESTORE_MS:
            return message
        held = ", ".join(f"{topic}/{number}" for topic, number in sorted(restore.missing)) or "their positions"
        return f"{message[:-1]} takes long: if {held} stay open, see docs/operations.md, hanging transactions."
