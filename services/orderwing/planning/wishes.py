"""What customers wish beyond a low price: not much later than need be, and in one box. The same at every decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from orderwing_schemas.domain import ServiceLevel

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# What the service levels let customers expect: among orders that wait, this counts as the promise.
EXPECTED_HOURS = {
    ServiceLevel.TWO_HOURS: 2,
    ServiceLevel.SAME_DAY: 12,
    ServiceLevel.EXPRESS: 24,
    ServiceLevel.STANDARD: 96,
}


class Wishing(Protocol):
    """An order, or what is remembered of one."""

    @property
    def one_box(self) -> bool: ...

    @property
    def max_delay_minutes(self) -> int: ...


class Way(NamedTuple):
    """A complete plan as customers see it: its parcels, and when the last of them arrives."""

    parcels: int
    arrival_ms: int


def expected_at_ms(placed_at_ms: int, service: ServiceLevel) -> int:
    """Promise, then age, in one number: of two orders of a service level the older one expects its goods earlier."""
    return placed_at_ms + EXPECTED_HOURS[service] * HOUR_MS


def latest_ms(max_delay_minutes: int, earliest_ms: int, promise_at_ms: int = 0) -> int:
    """The latest arrival that is acceptable: by the promise, or so much later than the earliest possible."""
    return max(promise_at_ms, earliest_ms + max_delay_minutes * MINUTE_MS)


def too_late(max_delay_minutes: int, arrival_ms: int, earliest_ms: int) -> str:
    minutes = -(-(arrival_ms - earliest_ms) // MINUTE_MS)
    return f"arrives {minutes} minutes later than the earliest possible, {max_delay_minutes} are acceptable"


class Wishes:
    """How well each of some ways to ship an order is liked, whatever it costs.

    An arrival is too late after `latest_ms` of the earliest among them.
    """

    def __init__(self, wishing: Wishing, ways: Sequence[Way], promise_at_ms: int) -> None:
        self._wishing = wishing
        self._earliest_ms = min(way.arrival_ms for way in ways)
        self._latest_ms = latest_ms(wishing.max_delay_minutes, self._earliest_ms, promise_at_ms)

    def rank(self, way: Way) -> int:
        """0 as wished, 1 in more boxes than the one wished for, 2 or 3 too late. A lower rank is worth any cost."""
        return 2 * (way.arrival_ms > self._latest_ms) + (self._wishing.one_box and way.parcels > 1)

    def complaint(self, way: Way, rank: int) -> str | None:
        """Why a way loses to one of `rank`; None where it is liked as much or more."""
        own = self.rank(way)
        if own <= rank:
            return None
        if own // 2 > rank // 2:
            return too_late(self._wishing.max_delay_minutes, way.arrival_ms, self._earliest_ms)
        return f"{way.parcels} parcels, and the customer wants one box"
