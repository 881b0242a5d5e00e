"""The orders that were, sourced by a policy again: what each would have got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from orderwing.planning.calendar import HOUR_MS
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.matching import facts_of
from orderwing.planning.policies.sourcing import Situation, Sourced, source
from orderwing.planning.pricing import Catalogue, PricingError
from orderwing.planning.pricing.packing import pack
from orderwing.planning.sourcing.plan import Shipment
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.quick import Asked
from orderwing_schemas.domain import Order
from orderwing_schemas.network import Network

Shelf = tuple[str, str]  # site, SKU
BUDGET = Budget(nodes=20)


class Moment(NamedTuple):
    """An order at the time of its decision.

    `received`: units that came to shelves since the moment before. `seen`: units free by (site, SKU) as they were
    then; None where the replay's own shelves count, from which each of its orders takes what it ships.
    """

    order: Order
    at_ms: int
    received: tuple[tuple[str, str, int], ...] = ()
    seen: Mapping[Shelf, int] | None = None


class Outcome(NamedTuple):
    """What an order got. `reason` says why it has no plan or why units of it wait, "" if all ships.

    Costs are true ones, without the policy's weights. `arrival_at_ms` is 0 for what does not ship.
    """

    order_id: str
    strategy: str
    explained: str
    units_by_site: Mapping[str, int]
    cost_minor: int
    parcels: int
    units: int
    short_units: int
    at_ms: int
    due_at_ms: int
    arrival_at_ms: int
    reason: str

    @property
    def sites(self) -> str:
        return "+".join(sorted(self.units_by_site)) or "nothing"

    @property
    def is_late(self) -> bool:
        return self.arrival_at_ms > self.due_at_ms


class _Shelves:
    """Free units as stock systems book them: a share of what came is for safety."""

    def __init__(self, network: Network) -> None:
        self._share = {site.site_id: site.safety_share_percent for site in network.sites}
        self._came: Counter[Shelf] = Counter()
        self._gone: Counter[Shelf] = Counter()

    def free(self, site_id: str, sku: str) -> int:
        came = self._came[site_id, sku]
        return came - came * self._share[site_id] // 100 - self._gone[site_id, sku]

    def receive(self, received: Iterable[tuple[str, str, int]]) -> None:
        for site_id, sku, units in received:
            self._came[site_id, sku] += units

    def take(self, picks: Iterable[tuple[str, str, int]]) -> None:
        for site_id, sku, units in picks:
            self._gone[site_id, sku] += units


def replay(policy: Compiled, moments: Iterable[Moment], catalogue: Catalogue) -> Iterator[Outcome]:
    """One for each order, in turn. A site's load is what the orders of the same hour have taken from it."""
    network = policy.network
    shelves = _Shelves(network)
    hour, taken = -1, Counter[str]()
    for moment in moments:
        shelves.receive(moment.received)
        if moment.at_ms // HOUR_MS != hour:
            hour, taken = moment.at_ms // HOUR_MS, Counter()
        load = {site_id: n * 100 // network.site_by_id[site_id].units_per_hour for site_id, n in taken.items()}
        try:
            asked = _asked(policy, moment, catalogue, shelves)
            sourced = source(policy, Situation(facts_of(moment.order, catalogue), asked, network.sites, load), BUDGET)
        except PricingError as error:
            yield _unpriced(moment, str(error))
            continue
        picks = [pick for shipment in sourced.chosen.shipments for pick in _picks(shipment)]
        if moment.seen is None:
            shelves.take(picks)
        for site_id, _, units in picks:
            taken[site_id] += units
        yield _outcome(moment, sourced)


def _asked(policy: Compiled, moment: Moment, catalogue: Catalogue, shelves: _Shelves) -> Asked:
    order, seen = moment.order, moment.seen

    def as_seen(site_id: str, sku: str) -> int:
        return 0 if seen is None else seen.get((site_id, sku), 0)

    return Asked(
        network=policy.network,
        catalogue=catalogue,
        atp=shelves.free if seen is None else as_seen,
        lines=order.lines,
        zone=order.zone,
        service_level=order.service_level,
        now_ms=moment.at_ms,
        may_split=order.may_split,
        max_delay_minutes=order.max_delay_minutes,
    )


def _picks(shipment: Shipment) -> Iterator[tuple[str, str, int]]:
    for taken in (*shipment.taken, *shipment.cross_docked):
        yield shipment.site_id, taken.sku, taken.units
    for moved in shipment.moved:
        yield from ((moved.from_site, taken.sku, taken.units) for taken in moved.taken)


def parcels_of(problem: Problem, shipment: Shipment) -> int:
    units: Counter[str] = Counter()
    for _, sku, n in _picks(shipment):
        units[sku] += n
    return len(pack(problem.cartons, [problem.want_by_sku[sku].goods(n) for sku, n in units.items()]))


def _outcome(moment: Moment, sourced: Sourced) -> Outcome:
    chosen = sourced.chosen
    by_site: Counter[str] = Counter()
    for shipment in chosen.shipments:
        for site_id, _, units in _picks(shipment):
            by_site[site_id] += units
    return Outcome(
        order_id=moment.order.order_id,
        strategy=sourced.applied.strategy.name,
        explained=sourced.explained,
        units_by_site=by_site,
        cost_minor=sum([shipment.cost_minor for shipment in chosen.shipments]),
        parcels=sum([parcels_of(sourced.base, shipment) for shipment in chosen.shipments]),
        units=sum([line.quantity for line in moment.order.lines]),
        short_units=chosen.short_units,
        at_ms=moment.at_ms,
        due_at_ms=sourced.base.due_at_ms,
        arrival_at_ms=chosen.arrival_at_ms,
        reason=sourced.reason,
    )


def _unpriced(moment: Moment, reason: str) -> Outcome:
    units = sum([line.quantity for line in moment.order.lines])
    return Outcome(moment.order.order_id, "", "", {}, 0, 0, units, units, moment.at_ms, moment.at_ms, 0, reason)
