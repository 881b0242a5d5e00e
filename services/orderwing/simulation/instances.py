"""Instances of the stages: they crash, come back, are taken over, and wake up as zombies."""

from __future__ import annotations

from collections import Counter

from orderwing.kernel.ports import FencedError
from orderwing.kernel.stage import Stage
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.runner import Runner
from orderwing.runtime.simulated import SimulatedBus, SimulatedCluster, SimulatedCrash
from orderwing.simulation.plants import bus_of

_BATCH = 50


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

    def step(self) -> bool:
        """One turn of its loop; whether anything was decided."""
        if self.busy or self._cluster.wall_ms < self.down_until_ms:
            return False
        try:
            return self._started().step(0.0)
        except SimulatedCrash:
            self.end("crash", self._cluster.wall_ms + 500)
        except FencedError:
            self.end("fenced", self._cluster.wall_ms + 100)
        return True

    def end(self, why: str, until_ms: int) -> None:
        self.restarts[why] += 1
        self.down_until_ms = until_ms
        self._runner = None

    @property
    def halted(self) -> str | None:
        return None if self._runner is None else self._runner.halted

    @property
    def next_ms(self) -> int | None:
        """Wall time of its next deadline, or of its return."""
        if self._runner is None:
            return self.down_until_ms
        wakes = [wake for p in self._runner.partitions.values() if (wake := p.deadlines.next_wake_ms()) is not None]
        return self._clock.wall_ms(min(wakes)) if wakes else None

    @property
    def bus(self) -> SimulatedBus | None:
        return self._bus if self._runner is not None else None

    def _started(self) -> Runner:
        if self._runner is None:
            self._bus = bus_of(self._plant)(self._cluster, self.stage.name, self.name)
            self._runner = Runner(
                self.stage, self._bus, self._clock, batch_limit=_BATCH, poison_share=1.0, poison_consecutive=10_000
            )
        return self._runner
