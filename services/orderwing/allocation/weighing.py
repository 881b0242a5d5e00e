"""Weighing: whether other sites of the region would ship a new part better, by the stock last seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from orderwing.allocation.capacity import needs
from orderwing.allocation.comparing import Weighed
from orderwing.allocation.plans import Holding, Planner, holding_of
from orderwing.allocation.rows import Part, Shipments, Taken
from orderwing.kernel.view import Draft
from orderwing.planning.calendar import serving_lanes
from orderwing.planning.sourcing import Asked, quick_choice
from orderwing.planning.traits import refusal, refused
from orderwing_schemas.domain import Available
from orderwing_schemas.network import Site

Obtainable = dict[tuple[str, str], int]  # (site, SKU) -> units
PAIR_SITES = 6  # up to here pairs of sites are weighed for a part that no single site can ship


def weigh(planner: Planner, holding: Holding, standing: Shipments, seen: Sequence[Available]) -> list[Weighed]:
    """Alternatives to a holding and its plan (empty where it has none), priced under capacity.

    Each single site that has all; where none of them comes by the promise, or a split may be cheaper, each pair that
    together has all. A site has nothing of what it may not ship.
    """
    draft, part = planner.draft, planner.part
    own = needs(draft.network, standing)
    units = _obtainable(holding, seen)
    sites = [
        site
        for site in draft.network.sites_by_region[part.region]
        if serving_lanes(draft.network, site.site_id, part.zone, part.service_level)
    ]

    def priced(other: Holding) -> Weighed:
        return Weighed(" + ".join(other), planner.plan_on(other, own))

    weighed = list(_refusals(draft, part, sites, units))
    weighed += [priced(other) for other in _alone(part, holding, sites, units)]
    single = [one.shipments for one in weighed if one.shipments]
    if len(standing) == 1:
        single.append(standing)
    late = all(shipments[0].arrival_at_ms > part.promise_at_ms for shipments in single)
    if late or (_single_site(planner) == "when_cheapest" and not part.one_box):
        weighed += [priced(other) for other in _pairs(planner, holding, sites, units)]
    return weighed


def _single_site(planner: Planner) -> str:
    counting = planner.counting
    return planner.draft.network.policies.single_site if counting is None else counting.single_site


def _alone(part: Part, standing: Holding, sites: Sequence[Site], units: Obtainable) -> Iterator[Holding]:
    whole = tuple(sorted([Taken(x.line_id, x.sku, x.quantity) for x in part.lines]))
    needed: dict[str, int] = {}
    for line in part.lines:
        needed[line.sku] = needed.get(line.sku, 0) + line.quantity
    stands_at = next(iter(standing)) if len(standing) == 1 else None
    for site in sites:
        has_all = all(units.get((site.site_id, sku), 0) >= quantity for sku, quantity in needed.items())
        if has_all and site.site_id != stands_at:
            yield {site.site_id: whole}


def _refusals(draft: Draft, part: Part, sites: Sequence[Site], units: Obtainable) -> Iterator[Weighed]:
    """Takes out of `units` what sites may not ship, and tells of it."""
    catalogue = draft.reference.item
    picked = [line.sku for line in part.lines if (item := catalogue(line.sku)) is not None and item.traits]
    if not picked:
        return
    for site in sites:
        skus = [sku for sku in picked if units.get((site.site_id, sku), 0) > 0]
        if why := refusal(site, skus, catalogue):
            yield Weighed(site.site_id, None, why)
            for sku in skus:
                if refused(site, catalogue(sku)):
                    units[site.site_id, sku] = 0


def _pairs(planner: Planner, standing: Holding, sites: Sequence[Site], units: Obtainable) -> Iterator[Holding]:
    counting = planner.counting
    allowed = counting is None or counting.may_ship_from(2, len(standing))
    if planner.part.may_split and allowed and len(sites) <= PAIR_SITES:
        for pair in combinations(sites, 2):
            holding = _shared(planner, pair, units)
            if holding is not None and len(holding) > 1 and holding != standing:
                yield holding


def _shared(planner: Planner, pair: tuple[Site, Site], units: Obtainable) -> Holding | None:
    draft, part = planner.draft, planner.part
    asked = Asked(
        network=draft.network,
        catalogue=draft.reference.item,
        atp=lambda site_id, sku: units.get((site_id, sku), 0),
        lines=part.lines,
        zone=part.zone,
        service_level=part.service_level,
        now_ms=planner.now_ms,
        may_split=True,
        max_delay_minutes=part.max_delay_minutes,
        steering=None if planner.counting is None else planner.counting.unit_minor,
    )
    choice = quick_choice(asked, pair)
    return None if choice.short else holding_of(choice.held)


def _obtainable(standing: Holding, seen: Sequence[Available]) -> Obtainable:
    """Units that the part could have on each shelf: what is free there, and what it holds itself."""
    units = {(site_id, sku): atp for site_id, sku, atp in seen if atp > 0}
    for site_id, taken in standing.items():
        for line in taken:
            units[site_id, line.sku] = units.get((site_id, line.sku), 0) + line.quantity
    return units
