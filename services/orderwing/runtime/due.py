"""Which deadlines may be decided now: those that have passed, once what was in the queues before them is decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orderwing.kernel.ports import Bus, NotYetError, Record, TopicPartition
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.deadlines import Deadline, Probe
from orderwing.runtime.partition import Partition

_PROBING_S = 0.005


class DueDeadlines:
    """Of the partitions of one instance that have their reference data; at most `limit` of each at once."""

    def __init__(self, bus: Bus, clock: DomainClock, limit: int) -> None:
        self._bus = bus
        self._clock = clock
        self._limit = limit

    def patience_s(self, partitions: Iterable[Partition], timeout_s: float) -> float:
        """How long to wait for records, at most `timeout_s`: till the next deadline may be due."""
        now_ms = self._bus.wall_ms()
        for partition in partitions:
            if not partition.reference.ready:
                continue
            if partition.deadlines.has_due():
                return 0.0
            if partition.deadlines.probing:
                timeout_s = min(timeout_s, _PROBING_S)
            elif (wake := partition.deadlines.next_wake_ms()) is not None:
                timeout_s = min(timeout_s, max(0.0, (self._clock.wall_ms(wake) - now_ms) / 1000))
        return timeout_s

    def look(self, partitions: Iterable[Partition], records: Sequence[Record]) -> bool:
        """Whether there are deadlines that may be decided after `records`."""
        wall_ms = self._bus.wall_ms()
        ready = [p for p in partitions if p.reference.ready]
        self._probe([p for p in ready if p.deadlines.wants_probe(self._clock.domain_ms(wall_ms))], wall_ms)
        probing = {p.number: p for p in ready if p.deadlines.probing}
        if probing:
            for record in records:
                if record.partition in probing:
                    probing[record.partition].stamped_ms[record.topic] = record.timestamp_ms
        for partition in ready:
            number = partition.number
            partition.deadlines.progress(
                lambda topic, number=number: self._bus.position(TopicPartition(topic, number)),  # type: ignore[misc]
                partition.stamped_ms,
            )
        return any(p.deadlines.has_due() for p in ready)

    def take(self, partitions: Iterable[Partition]) -> dict[int, list[Deadline]]:
        """Those, by partition."""
        ready = [p for p in partitions if p.reference.ready and p.deadlines.has_due()]
        return {p.number: p.deadlines.take_due(self._limit, p.waits) for p in ready}

    def _probe(self, partitions: Sequence[Partition], wall_ms: int) -> None:
        if not partitions:
            return
        try:
            ends = self._bus.high_watermarks([tp for p in partitions for tp in p.inputs])
        except NotYetError:
            return
        for partition in partitions:
            by_topic = {tp.topic: ends[tp] for tp in partition.inputs}
            partition.deadlines.probed(Probe(self._clock.domain_ms(wall_ms), wall_ms, by_topic))
