"""Instances of the stages: they crash, come back, are taken over, and wake up as zombies."""

from __future__ import annotations

from collections import Counter

from orderwing.kernel.ports import FencedError
from orderwing.kernel.stage import Stage
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.runner import Runner
from orderwing.runtime.simulated import SimulatedBus
from orderwing.runtime.simulated_cluster import SimulatedCluster, SimulatedCrash
from orderwing.simulation.plants import bus_of

_BATCH = 50
_NEVER_MS = 1 << 62


class Instance:
    """One process of a stage. A crash leaves the group and any transaction as they are, as SIGKILL does."""

    def __init__(
        self, cluster: SimulatedCluster, clock: DomainClock, stage: Stage, name: str, plant: str | None
    ) -> None:
        self.stage = stage
        self.name = name
        self.busy = False  # inside a call that something interrupts
        self.down_until_ms = 0
        self.restarts: Counter[str] = Counter()
        self._cluster = cluster
        self._clock = clock
        self._plant = plant
        self._runner: Runner | None = None
        self._rests_until_ms = 0  # unless its bus has news

    def step(self) -> bool:
        """One turn of its loop; whether anything was decided."""
        if self.busy or self._cluster.wall_ms < self.down_until_ms:
            return False
        if self._rests():
            return False
        try:
            decided = self._started().step(0.0)
            self._rests_until_ms = self._next_deadline_ms()
            return decided
        except SimulatedCrash:
            self.end("crash", self._cluster.wall_ms + 500)
        except FencedError:
            self.end("fenced", self._cluster.wall_ms + 100)
        return True

    def end(self, why: str, until_ms: int) -> None:
        self.restarts[why] += 1
        self.down_until_ms = until_ms
        self._runner = None
        self._rests_until_ms = 0

    @property
    def halted(self) -> str | None:
        return None if self._runner is None else self._runner.halted

    @property
    def next_ms(self) -> int | None:
        """Wall time of its next deadline, or of its return."""
        if self._runner is None:
            return self.down_until_ms
        until_ms = self._next_deadline_ms()
        return None if until_ms == _NEVER_MS else until_ms

    @property
    def bus(self) -> SimulatedBus | None:
        return self._bus if self._runner is not None else None

    def _rests(self) -> bool:
        """Whether a turn of its loop would do nothing: no deadline has passed, and its poll finds nothing."""
        if self._cluster.wall_ms >= self._rests_until_ms or self._runner is None or not self._runner.ready:
            return False
        if self._runner.under_way:
            return False
        return self._bus.rests(_BATCH) and self._runner.ready  # the poll may have begun a restore

    def _next_deadline_ms(self) -> int:
        """In wall time; it has come while it is being found out what was in the queues before it."""
        if self._runner is None:
            return 0
        deadlines = [partition.deadlines for partition in self._runner.partitions.values()]
        wakes = [wake for each in deadlines if (wake := each.next_wake_ms()) is not None]
        return self._clock.wall_ms(min(wakes)) if wakes else _NEVER_MS

    def _started(self) -> Runner:
        if self._runner is None:
            self._bus = bus_of(self._plant)(self._cluster, self.stage.name, self.name)
            self._runner = Runner(
                self.stage, self._bus, self._clock, batch_limit=_BATCH, poison_share=1.0, poison_consecutive=10_000
            )
        return self._runner
