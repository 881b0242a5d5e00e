"""Domain time: fixed once per cluster on the topic `clock`, the identity in production."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from orderwing.kernel.ports import Record
from orderwing.runtime.skipping import event_in
from orderwing_schemas.events.reference import ClockFixed


class ClockError(Exception):
    """The cluster's clock is missing or another one was asked for."""


@dataclass(frozen=True, slots=True)
class DomainClock:
    """Domain time = `start_ms` + (wall - `wall0_ms`) * `factor`."""

    start_ms: int = 0
    wall0_ms: int = 0
    factor: float = 1.0

    def domain_ms(self, wall_ms: int) -> int:
        return self.start_ms + math.floor((wall_ms - self.wall0_ms) * self.factor)

    def wall_ms(self, domain_ms: int) -> int:
        """The first wall millisecond at which domain time has reached `domain_ms`."""
        return self.wall0_ms + math.ceil((domain_ms - self.start_ms) / self.factor)


REAL_TIME = DomainClock()


def clock_of(records: Iterable[Record]) -> DomainClock | None:
    """The clock that the records of the topic `clock` fix: the first one, for ever."""
    for record in records:
        event = event_in(record)
        if isinstance(event, ClockFixed):
            return DomainClock(event.start_ms, event.wall0_ms, event.factor)
    return None


def require_factor(clock: DomainClock, factor: float) -> None:
    """Raises ClockError if the cluster keeps another speed."""
    if clock.factor != factor:
        raise ClockError(
            f"This cluster's clock runs at {clock.factor:g} ×, not {factor:g} ×, and keeps its speed for ever: "
            f"use --speed {clock.factor:g}, or start on a fresh cluster."
        )
