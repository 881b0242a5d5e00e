"""What sourcing answers: the way chosen, every other that was weighed, who was out before, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from orderwing.planning.pricing.shipments import Term, add_terms


class Kind(StrEnum):
    ONE_SITE = "one_site"
    SPLIT = "split"
    CONSOLIDATE = "consolidate"
    NOTHING = "nothing"  # no unit can ship


class Reason(StrEnum):
    """Why a site, or a site for one SKU, was out before costs were looked at."""

    NO_STOCK = "no_stock"
    CLOSED = "closed"
    PROMISE_MISSED = "promise_missed"
    RULE = "rule"
    CAPACITY = "capacity"
    NOT_WEIGHED = "not_weighed"  # of too many sites, one of the least promising


class Eliminated(NamedTuple):
    """`sku` is "" where the whole site is out."""

    site_id: str
    reason: Reason
    detail: str
    sku: str = ""


class Taken(NamedTuple):
    sku: str
    units: int


class Moved(NamedTuple):
    """Goods brought to the shipping site from another first."""

    from_site: str
    taken: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Shipment:
    """What leaves one site on one departure: `taken` from its own shelves, `cross_docked` of that never shelved."""

    site_id: str
    lane_id: str
    arrival_at_ms: int
    taken: tuple[Taken, ...]
    terms: tuple[Term, ...]
    cross_docked: tuple[Taken, ...] = ()
    moved: tuple[Moved, ...] = ()

    @property
    def cost_minor(self) -> int:
        return sum([amount for _, amount in self.terms])


@dataclass(frozen=True)
class Candidate:
    """A complete way to serve the order. `short` ships later, at the price of the term `backorder`."""

    kind: Kind
    shipments: tuple[Shipment, ...]
    short: tuple[Taken, ...] = ()
    backorder_minor: int = 0
    lost_because: str | None = None  # None for the one chosen

    @property
    def label(self) -> str:
        """The shipping sites; where goods are gathered first `hub<site`."""
        names = []
        for one in self.shipments:
            via = "+".join(sorted([moved.from_site for moved in one.moved]))
            names.append(f"{one.site_id}<{via}" if via else one.site_id)
        return "+".join(sorted(names)) or "nothing"

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Each name once; they sum to `cost_minor`."""
        later = [("backorder", self.backorder_minor)]
        return add_terms([*(term for one in self.shipments for term in one.terms), *later])

    @property
    def cost_minor(self) -> int:
        return sum([one.cost_minor for one in self.shipments]) + self.backorder_minor

    @property
    def arrival_at_ms(self) -> int:
        """When the last of it arrives; 0 for nothing."""
        return max([one.arrival_at_ms for one in self.shipments], default=0)

    @property
    def short_units(self) -> int:
        return sum([one.units for one in self.short])


@dataclass(frozen=True)
class Plan:
    """`losers` are the other candidates, the best first, priced when they are first asked for by `others`.

    `bound_minor`: no way of the kinds that the rules admit, short of as few units, costs less than that.
    `exact`: the bound is the cost.
    """

    chosen: Candidate
    others: Callable[[], tuple[Candidate, ...]] = field(repr=False, compare=False)
    eliminated: tuple[Eliminated, ...]
    bound_minor: int
    exact: bool
    nodes: int = 0

    @cached_property
    def losers(self) -> tuple[Candidate, ...]:
        return self.others()

    @property
    def runner_up(self) -> Candidate | None:
        return self.losers[0] if self.losers else None

    @property
    def gap(self) -> float:
        """How much of the cost the bound leaves open, 0 to 1."""
        cost = self.chosen.cost_minor
        return max(0.0, (cost - self.bound_minor) / cost) if cost > 0 else 0.0
