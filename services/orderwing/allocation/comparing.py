"""Comparing: a part's plan against other ways to ship it, by what the customer wishes and what they weigh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orderwing.allocation.plans import way_of
from orderwing.allocation.rows import Part, Shipments
from orderwing.allocation.scales import Scales
from orderwing.planning.moving import Weight, by_weight, is_worth_leaving
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
    too_full: str
    weight: Weight

    @property
    def place(self) -> tuple[int, bool, int]:
        """The least ships."""
        return self.rank, bool(self.too_full), self.weight.all_minor


class Comparison:
    """Of `standing` (empty where the part has no plan) with all that was weighed.

    Sites whose hours are too full for the strategy come after all others that the customer likes as much.
    """

    def __init__(
        self, part: Part, standing: Shipments, weighed: Sequence[Weighed], threshold_minor: int, scales: Scales
    ) -> None:
        self.standing = standing
        self.weighed = weighed
        self._threshold_minor = threshold_minor
        self._first = scales.first
        self._others: list[_Ranked] = []
        self._own: _Ranked | None = None
        plans = [one.shipments for one in weighed if one.shipments]
        if standing:
            plans.append(standing)
        if plans:
            ways = [way_of(shipments) for shipments in plans]
            self._wishes = Wishes(part, ways, part.promise_at_ms)
            rank = self._wishes.rank
            self._others = [
                _Ranked(s, way, rank(way), scales.too_full(s), scales.weight(s))
                for s, way in zip(plans, ways, strict=True)
            ]
            self._own = self._others.pop() if standing else None

    def best(self) -> Shipments | None:
        """What the customer likes best, then the lightest, then the first; None if what stands is not worth leaving."""
        if not self._others:
            return None
        best, own = min(self._others, key=lambda one: one.place), self._own
        if own is not None:
            saves = is_worth_leaving(own.weight.all_minor, best.weight.all_minor, self._threshold_minor)
            better = best.place[:2] < own.place[:2]
            if best.place[:2] > own.place[:2] or not (better or saves):
                return None
        return best.shipments

    def lost(self) -> Iterator[str]:
        """Why each plan that was weighed does not stand, in their order."""
        for other in self._others:
            yield "has room: the hold has to be moved first" if self._own is None else self._why(self._own, other)

    def _why(self, own: _Ranked, other: _Ranked) -> str:
        if other.rank < own.rank:
            return f"the hold has to be moved first; what stands: {self._wishes.complaint(own.way, other.rank)}"
        if complaint := self._wishes.complaint(other.way, own.rank):
            return complaint
        if bool(other.too_full) != bool(own.too_full):
            return other.too_full or f"the hold has to be moved first; what stands: {own.too_full}"
        return by_weight(own.weight, other.weight, self._threshold_minor, self._first)
