"""What counts beside the cost of ways to ship goods that are held: a strategy's weights and steering prices.

By the same prices as where the goods were chosen; they decide, and nobody is charged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from orderwing.planning.calendar import earliest_arrival
from orderwing.planning.policies.checking import NETWORK_RULES
from orderwing.planning.policies.compiling import Compiled, apply, steps
from orderwing.planning.policies.matching import facts_of
from orderwing.planning.policies.sieving import refused, too_full
from orderwing.planning.policies.weighing import PARCEL_FIRST_MINOR, Extra, extra_of
from orderwing.planning.pricing import Catalogue
from orderwing.planning.pricing.shipments import lateness_minor
from orderwing.planning.runs import Late
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.network import Network, Site
from orderwing_schemas.policy import First, Strategy

SITE_FIRST_MINOR = PARCEL_FIRST_MINOR
PLAIN = Strategy(name=NETWORK_RULES)

UnitPrice = Callable[[str, str], int]  # (site, SKU) -> minor units


class Sent(NamedTuple):
    """What one site sends: its parcels, (SKU, units), and how full the hour of its picking is without it, in %.

    Without an arrival it goes to another site of the plan, in whose parcels it arrives.
    """

    site_id: str
    parcels: int
    units: Sequence[tuple[str, int]]
    arrival_at_ms: int | None
    percent: int = 0


class Goods(NamedTuple):
    """What is to be shipped from the sites of a region."""

    region: str
    zone: str
    service_level: ServiceLevel
    units: int
    promise_at_ms: int


@dataclass(frozen=True)
class Counting:
    """Of some goods that can be picked from `now_ms` on. `steering` None: no price list is in force."""

    network: Network
    goods: Goods
    now_ms: int
    strategy: Strategy = PLAIN
    steering: UnitPrice | None = None

    @cached_property
    def extra(self) -> Extra | None:
        return extra_of(self.strategy)

    @cached_property
    def late(self) -> Late | None:
        """The strategy's price of being late; None where it is the network's."""
        extra = self.extra
        if extra is None or (extra.late_hour_minor is None and not extra.from_earliest):
            return None
        hour = self.network.policies.late_hour_minor if extra.late_hour_minor is None else extra.late_hour_minor
        return Late(self._earliest_ms if extra.from_earliest else self.goods.promise_at_ms, hour)

    @property
    def avoided(self) -> tuple[str, ...]:
        """Carriers that are taken only where no other goes."""
        return self.strategy.filters.exclude_carriers or ()

    @property
    def single_site(self) -> str:
        return self.strategy.single_site or self.network.policies.single_site

    @property
    def first_said(self) -> str:
        """What counts before the cost; "" for nothing."""
        first = self.strategy.first
        if first is First.COST:
            return ""
        return f"{first} counts first" if first is First.ARRIVAL else f"{first} count first"

    @property
    def needs_hours(self) -> bool:
        return needs_hours(self.strategy)

    def may_ship_from(self, sites: int, standing: int) -> bool:
        """Where a strategy limits the sites of an order, a change never adds one."""
        return self.strategy.max_sites is None or sites <= max(1, standing)

    def unit_minor(self, site_id: str, sku: str, percent: int = 0) -> int:
        """What a unit from a shelf counts."""
        price = 0 if self.steering is None else self.steering(site_id, sku)
        return price if self.extra is None else price + self.extra.unit_minor(site_id, percent)

    def beside_minor(self, way: Iterable[Sent]) -> int:
        """What counts beside the cost of all that is sent."""
        return sum([self._beside(one) for one in way])

    def too_full(self, way: Iterable[Sent]) -> str:
        """Why a way is left out for the hours in which it would be picked; "" where it is not."""
        for one in way:
            if said := too_full(self.strategy, self.strategy.filters, one.percent):
                return said
        return ""

    def _beside(self, sent: Sent) -> int:
        total = sum([units * self.unit_minor(sent.site_id, sku, sent.percent) for sku, units in sent.units])
        if self.strategy.first is First.SITES:
            total += SITE_FIRST_MINOR
        if self.extra is not None:
            total += sent.parcels * self.extra.parcel_minor
        if self.late is not None and sent.arrival_at_ms is not None:
            told = lateness_minor(self.network.policies.late_hour_minor, sent.arrival_at_ms, self.goods.promise_at_ms)
            total += self.late.minor(sent.arrival_at_ms) - told
        return total

    @property
    def _earliest_ms(self) -> int:
        """Of all that the region's sites could send now."""
        goods, network = self.goods, self.network
        found = [
            earliest_arrival(network, site, goods.zone, goods.service_level, self.now_ms, goods.units)
            for site in network.sites_by_region.get(goods.region, ())
        ]
        return min([at_ms for at_ms in found if at_ms is not None], default=goods.promise_at_ms)


def followed(policy: Compiled, order: Order, catalogue: Catalogue, sites: Sequence[Site]) -> Strategy:
    """The strategy by which an order's goods are held at some sites: its own, or the first fallback that allows them.

    Which fallback left the fewest units short is not looked at again.
    """
    facts = facts_of(order, catalogue)
    first = apply(policy, facts)
    for step in steps(policy, first):
        applied = step.applied
        fits = applied.max_sites is None or len(sites) <= applied.max_sites
        if fits and all(refused(applied, facts, site, {}) is None for site in sites):
            return applied.strategy
    return first.strategy


def decides(strategy: Strategy) -> bool:
    """Whether it says anything about how goods that are held are shipped."""
    filters = strategy.filters
    return (
        extra_of(strategy) is not None
        or strategy.first is not First.COST
        or strategy.single_site is not None
        or strategy.max_sites is not None
        or filters.max_load_percent is not None
        or filters.exclude_carriers is not None
    )


def needs_hours(strategy: Strategy) -> bool:
    """Whether it matters how full hours are."""
    return strategy.filters.max_load_percent is not None or strategy.weights.balance_unit_minor != 0


def named(policy: Compiled | None, name: str | None) -> Strategy:
    """Of a policy in force; PLAIN where it has none of the name that decides anything."""
    ready = None if policy is None or name is None else policy.ready.get(name)
    return PLAIN if ready is None or not decides(ready.strategy) else ready.strategy
