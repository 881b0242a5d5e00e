"""Weighing: whether other sites of the region would ship a new part cheaper, by the stock last seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from orderwing.allocation.capacity import Needs
from orderwing.allocation.plans import Holding, cost_of, holding_of, plan_on
from orderwing.allocation.rows import Part, Shipments, Taken
from orderwing.kernel.view import Draft
from orderwing.planning.calendar import serving_lanes
from orderwing.planning.sourcing import Asked, quick_choice
from orderwing_schemas.domain import Available
from orderwing_schemas.network import Site

PAIR_SITES = 6  # up to here pairs of sites are weighed for a part that no single site can ship


@dataclass(frozen=True, slots=True)
class Weighed:
    """Another way to ship a part; `shipments` is None where no departure has room."""

    label: str
    shipments: Shipments | None


def weigh(
    draft: Draft, part: Part, standing: Holding, own: Needs, seen: Sequence[Available], now_ms: int
) -> list[Weighed]:
    """All alternatives, priced under capacity."""
    return [
        Weighed(" + ".join(holding), plan_on(draft, part, holding, own, now_ms))
        for holding in _alternatives(draft, part, standing, seen, now_ms)
    ]


def best_of(weighed: Sequence[Weighed]) -> Shipments | None:
    """The cheapest, the first of equals."""
    return min((w.shipments for w in weighed if w.shipments is not None), key=cost_of, default=None)


def _alternatives(
    draft: Draft, part: Part, standing: Holding, seen: Sequence[Available], now_ms: int
) -> Iterator[Holding]:
    """Each single site that has all; where none has, each pair that together has all."""
    units = _obtainable(standing, seen)
    sites = [
        site
        for site in draft.network.sites_by_region[part.region]
        if serving_lanes(draft.network, site.site_id, part.zone, part.service_level)
    ]
    whole = tuple(sorted(Taken(x.line_id, x.sku, x.quantity) for x in part.lines))
    needed: dict[str, int] = {}
    for line in part.lines:
        needed[line.sku] = needed.get(line.sku, 0) + line.quantity
    alone = [s for s in sites if all(units.get((s.site_id, sku), 0) >= q for sku, q in needed.items())]
    for site in alone:
        if tuple(standing) != (site.site_id,):
            yield {site.site_id: whole}
    if not alone and part.may_split and len(sites) <= PAIR_SITES:
        for pair in combinations(sites, 2):
            holding = _shared(draft, part, pair, units, now_ms)
            if holding is not None and holding != standing:
                yield holding


def _shared(
    draft: Draft, part: Part, pair: tuple[Site, Site], units: dict[tuple[str, str], int], now_ms: int
) -> Holding | None:
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


def _obtainable(standing: Holding, seen: Sequence[Available]) -> dict[tuple[str, str], int]:
    """Units that the part could have on each shelf: what is free there, and what it holds itself."""
    units = {(site_id, sku): max(atp, 0) for site_id, sku, atp in seen}
    for site_id, taken in standing.items():
        for line in taken:
            units[site_id, line.sku] = units.get((site_id, line.sku), 0) + line.quantity
    return units
