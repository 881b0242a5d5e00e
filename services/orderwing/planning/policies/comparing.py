"""What another policy would change over the same orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orderwing.planning.policies.replay import Outcome

LARGEST = 10
HOUR_MS = 3_600_000


class Figures(NamedTuple):
    """Of all orders together. Costs are minor units; `hours` from decision to arrival, of what ships."""

    orders: int
    cost_per_order: float
    cost_per_unit: float
    parcels_per_order: float
    hours_to_arrival: float
    in_time_percent: float
    short_orders: int
    short_units: int
    nothing_ships: int
    sites_per_order: float


class SiteLoad(NamedTuple):
    site_id: str
    before: int
    after: int


class Change(NamedTuple):
    """An order that another policy sources otherwise."""

    order_id: str
    before: Outcome
    after: Outcome

    @property
    def cost_minor(self) -> int:
        return self.after.cost_minor - self.before.cost_minor


class Comparison(NamedTuple):
    """`site_loads` are units shipped. `other_sites` counts orders that ship from elsewhere or in other shares.

    `largest` by units more or less short, then by cost.
    """

    before: Figures
    after: Figures
    site_loads: tuple[SiteLoad, ...]
    strategies: tuple[tuple[str, int], ...]
    changed: int
    other_sites: int
    largest: tuple[Change, ...]


def figures(outcomes: Sequence[Outcome]) -> Figures:
    shipped = [one for one in outcomes if one.parcels]
    units = sum([one.units - one.short_units for one in outcomes])
    cost = sum([one.cost_minor for one in outcomes])

    def per_order(amount: Callable[[Outcome], int]) -> float:
        return sum(map(amount, outcomes)) / max(1, len(outcomes))

    return Figures(
        orders=len(outcomes),
        cost_per_order=cost / max(1, len(outcomes)),
        cost_per_unit=cost / max(1, units),
        parcels_per_order=per_order(lambda one: one.parcels),
        hours_to_arrival=sum([one.arrival_at_ms - one.at_ms for one in shipped]) / HOUR_MS / max(1, len(shipped)),
        in_time_percent=100 * sum([not one.is_late for one in shipped]) / max(1, len(shipped)),
        short_orders=sum([one.short_units > 0 for one in outcomes]),
        short_units=sum([one.short_units for one in outcomes]),
        nothing_ships=len(outcomes) - len(shipped),
        sites_per_order=per_order(lambda one: len(one.units_by_site)),
    )


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> Comparison:
    """Both are of the same orders in the same order, or ValueError is raised."""
    if [one.order_id for one in before] != [one.order_id for one in after]:
        raise ValueError("the two are not of the same orders")
    changes = [Change(old.order_id, old, new) for old, new in zip(before, after, strict=True) if _differ(old, new)]
    changes.sort(key=lambda one: (-abs(one.after.short_units - one.before.short_units), -abs(one.cost_minor)))
    return Comparison(
        figures(before),
        figures(after),
        _site_loads(before, after),
        tuple(Counter(one.strategy for one in after).most_common()),
        len(changes),
        sum([one.before.units_by_site != one.after.units_by_site for one in changes]),
        tuple(changes[:LARGEST]),
    )


def _differ(old: Outcome, new: Outcome) -> bool:
    return (old.units_by_site, old.cost_minor, old.parcels, old.arrival_at_ms, old.short_units) != (
        new.units_by_site,
        new.cost_minor,
        new.parcels,
        new.arrival_at_ms,
        new.short_units,
    )


def _site_loads(before: Sequence[Outcome], after: Sequence[Outcome]) -> tuple[SiteLoad, ...]:
    sums = [Counter[str](), Counter[str]()]
    for total, outcomes in zip(sums, (before, after), strict=True):
        for one in outcomes:
            total.update(one.units_by_site)
    return tuple([SiteLoad(site_id, sums[0][site_id], sums[1][site_id]) for site_id in sorted({*sums[0], *sums[1]})])
