"""Weighing: whether other sites of the region would ship a new part better, by the stock last seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from orderwing.allocation.capacity import Needs
from orderwing.allocation.plans import Holding, cost_of, holding_of, plan_on, way_of, wishes_for
from orderwing.allocation.rows import Part, Shipments, Taken
from orderwing.kernel.view import Draft
from orderwing.planning.calendar import serving_lanes
from orderwing.planning.moving import is_worth_leaving
from orderwing.planning.sourcing import Asked, quick_choice
from orderwing.planning.traits import refusal, refused
from orderwing_schemas.domain import Available
from orderwing_schemas.network import Site

Obtainable = dict[tuple[str, str], int]  # (site, SKU) -> units
PAIR_SITES = 6  # up to here pairs of sites are weighed for a part that no single site can ship


@dataclass(frozen=True, slots=True)
class Weighed:
    """Another way to ship a part; `shipments` is None for the reason `why`, or where no departure has room."""

    label: str
    shipments: Shipments | None
    why: str | None = None


def weigh(
    draft: Draft,
    part: Part,
    holding: Holding,
    standing: Shipments,
    own: Needs,
    seen: Sequence[Available],
    now_ms: int,
) -> list[Weighed]:
    """Alternatives to a holding and its plan (empty where it has none), priced under capacity.

    Each single site that has all; where none of them comes by the promise, or a split may be cheaper, each pair that
    together has all. A site has nothing of what it may not ship.
    """
    units = _obtainable(holding, seen)
    sites = [
        site
        for site in draft.network.sites_by_region[part.region]
        if serving_lanes(draft.network, site.site_id, part.zone, part.service_level)
    ]

    def priced(other: Holding) -> Weighed:
        return Weighed(" + ".join(other), plan_on(draft, part, other, own, now_ms))

    weighed = list(_refusals(draft, part, sites, units))
    weighed += [priced(other) for other in _alone(part, holding, sites, units)]
    single = [w.shipments for w in weighed if w.shipments]
    if len(standing) == 1:
        single.append(standing)
    late = all(way_of(shipments).arrival_ms > part.promise_at_ms for shipments in single)
    if late or (draft.network.policies.single_site == "when_cheapest" and not part.one_box):
        weighed += [priced(other) for other in _pairs(draft, part, holding, sites, units, now_ms)]
    return weighed


def best_of(part: Part, standing: Shipments, weighed: Sequence[Weighed], threshold_minor: int) -> Shipments | None:
    """What the customer likes best, then the cheapest, then the first; None if it is not worth leaving `standing`."""
    plans = [w.shipments for w in weighed if w.shipments]
    if not plans:
        return None
    wishes = wishes_for(part, [*plans, standing] if standing else plans)
    ranked = [(wishes.rank(way_of(shipments)), cost_of(shipments)) for shipments in plans]
    best = min(ranked)
    if standing:
        rank = wishes.rank(way_of(standing))
        if best[0] > rank or (best[0] == rank and not is_worth_leaving(cost_of(standing), best[1], threshold_minor)):
            return None
    return plans[ranked.index(best)]


def _alone(part: Part, standing: Holding, sites: Sequence[Site], units: Obtainable) -> Iterator[Holding]:
    whole = tuple(sorted(Taken(x.line_id, x.sku, x.quantity) for x in part.lines))
    needed: dict[str, int] = {}
    for line in part.lines:
        needed[line.sku] = needed.get(line.sku, 0) + line.quantity
    for site in sites:
        has_all = all(units.get((site.site_id, sku), 0) >= quantity for sku, quantity in needed.items())
        if has_all and tuple(standing) != (site.site_id,):
            yield {site.site_id: whole}


def _refusals(draft: Draft, part: Part, sites: Sequence[Site], units: Obtainable) -> Iterator[Weighed]:
    """Takes out of `units` what sites may not ship, and tells of it."""
    for site in sites:
        if site.capabilities is not None:
            shelves = [(site.site_id, line.sku) for line in part.lines if units.get((site.site_id, line.sku), 0) > 0]
            if why := refusal(site, [sku for _, sku in shelves], draft.reference.item):
                yield Weighed(site.site_id, None, why)
                for shelf in shelves:
                    if refused(site, draft.reference.item(shelf[1])):
                        units[shelf] = 0


def _pairs(
    draft: Draft, part: Part, standing: Holding, sites: Sequence[Site], units: Obtainable, now_ms: int
) -> Iterator[Holding]:
    if part.may_split and len(sites) <= PAIR_SITES:
        for pair in combinations(sites, 2):
            holding = _shared(draft, part, pair, units, now_ms)
            if holding is not None and len(holding) > 1 and holding != standing:
                yield holding


def _shared(draft: Draft, part: Part, pair: tuple[Site, Site], units: Obtainable, now_ms: int) -> Holding | None:
    asked = Asked(
        network=draft.network,
        catalogue=draft.reference.item,
        atp=lambda site_id, sku: units.get((site_id, sku), 0),
        lines=part.lines,
        zone=part.zone,
        service_level=part.service_level,
        now_ms=now_ms,
        may_split=True,
        max_delay_minutes=part.max_delay_minutes,
    )
    choice = quick_choice(asked, pair)
    return None if choice.short else holding_of(choice.held)


def _obtainable(standing: Holding, seen: Sequence[Available]) -> Obtainable:
    """Units that the part could have on each shelf: what is free there, and what it holds itself."""
    units = {(site_id, sku): max(atp, 0) for site_id, sku, atp in seen}
    for site_id, taken in standing.items():
        for line in taken:
            units[site_id, line.sku] = units.get((site_id, line.sku), 0) + line.quantity
    return units
