"""Comparing: a part's plan against other ways to ship it, by what the customer wishes and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orderwing.allocation.plans import cost_of, way_of
from orderwing.allocation.rows import Part, Shipments
from orderwing.planning.moving import by_cost, is_worth_leaving
from orderwing.planning.wishes import Way, Wishes


class Weighed(NamedTuple):
    """Another way to ship a part; `shipments` is None for the reason `why`, or where no departure has room."""

    label: str
    shipments: Shipments | None
    why: str | None = None


class _Ranked(NamedTuple):
    shipments: Shipments
    way: Way
    rank: int
    cost_minor: int


class Comparison:
    """Of `standing` (empty where the part has no plan) with all that was weighed."""

    def __init__(self, part: Part, standing: Shipments, weighed: Sequence[Weighed], threshold_minor: int) -> None:
        self.standing = standing
        self.weighed = weighed
        self._threshold_minor = threshold_minor
        self._others: list[_Ranked] = []
        self._own: _Ranked | None = None
        plans = [one.shipments for one in weighed if one.shipments]
        if standing:
            plans.append(standing)
        if plans:
            ways = [way_of(shipments) for shipments in plans]
            self._wishes = Wishes(part, ways, part.promise_at_ms)
            rank = self._wishes.rank
            self._others = [_Ranked(s, way, rank(way), cost_of(s)) for s, way in zip(plans, ways, strict=True)]
            self._own = self._others.pop() if standing else None

    def best(self) -> Shipments | None:
        """What the customer likes best, then the cheapest, then the first; None if what stands is not worth leaving."""
        if not self._others:
            return None
        best, own = min(self._others, key=lambda one: (one.rank, one.cost_minor)), self._own
        if own is not None:
            saves = is_worth_leaving(own.cost_minor, best.cost_minor, self._threshold_minor)
            if best.rank > own.rank or (best.rank == own.rank and not saves):
                return None
        return best.shipments

    def lost(self) -> Iterator[str]:
        """Why each plan that was weighed does not stand, in their order."""
        for other in self._others:
            yield "has room: the hold has to be moved first" if self._own is None else self._why(self._own, other)

    def _why(self, own: _Ranked, other: _Ranked) -> str:
        if other.rank < own.rank:
            return f"the hold has to be moved first; what stands: {self._wishes.complaint(own.way, other.rank)}"
        complaint = self._wishes.complaint(other.way, own.rank)
        return complaint or by_cost(own.cost_minor, other.cost_minor, self._threshold_minor)
