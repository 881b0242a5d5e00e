"""A sourcing problem of the network file, the catalogue, stock and an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orderwing.planning.calendar import (
    HORIZON_DAYS,
    MINUTE_MS,
    arrival_ms,
    earliest_departure,
    pick_ms,
    serving_lanes,
)
from orderwing.planning.pricing import Handling, PricingError, cartons_of, tariff_of
from orderwing.planning.sourcing.faults import never
from orderwing.planning.sourcing.plan import Candidate
from orderwing.planning.sourcing.problem import NO_TRAITS, Hub, Inbound, Inflow, Problem, Rules, Run, Source, Want
from orderwing.planning.sourcing.quick import Asked, Line, Pick, Rest
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Lane, Site, Trait

Room = Callable[[Site, Lane, int], int | None]  # units that a departure still takes; None: as many as one likes


class Arriving(NamedTuple):
    """Goods on their way to a site, and the work of sending a unit on without shelving it."""

    site_id: str
    at_ms: int
    units: Mapping[str, int]
    unit_minor: int = 0


def problem_of(
    asked: Asked,
    sites: Sequence[Site],
    *,
    due_at_ms: int | None = None,
    steering: Mapping[tuple[str, str], int] | None = None,
    arriving: Sequence[Arriving] = (),
    room: Room | None = None,
) -> Problem:
    """What `asked` asks of `sites`. Lateness counts from `due_at_ms`, by default the earliest arrival there is.

    `steering`: price of a unit by (site, SKU). Arrivals count as for the whole order picked at one site. Raises
    PricingError, which names the field that is missing.
    """
    network = asked.network
    wants = wants_of(asked)
    units = sum([want.quantity for want in wants])
    prices = steering or {}
    sources = tuple([_source(asked, site, wants, units, prices, arriving, room) for site in sites])
    earliest = [min([run.arrival_at_ms for run in source.runs]) for source in sources if source.runs]
    slack_ms = network.policies.promise_slack_minutes * MINUTE_MS
    due = due_at_ms if due_at_ms is not None else min(earliest, default=asked.now_ms) + slack_ms
    rules = _rules(asked)
    hubs = tuple(_hubs(asked, sites, units, room)) if rules.consolidates else ()
    latest = _latest_ms(asked, wants, sources)
    return Problem(wants, sources, cartons_of(network), hubs, rules, due, network.policies.late_hour_minor, latest)


def picks_of(lines: Iterable[Line], chosen: Candidate) -> tuple[tuple[Pick, ...], tuple[Rest, ...]]:
    """Which units of each order line come from which site's shelves, earlier lines first; and what is short."""
    left: dict[tuple[str, str], int] = {}
    for one in chosen.shipments:
        some = [(one.site_id, taken) for taken in (*one.taken, *one.cross_docked)]
        some += [(moved.from_site, taken) for moved in one.moved for taken in moved.taken]
        for site_id, taken in some:
            left[site_id, taken.sku] = left.get((site_id, taken.sku), 0) + taken.units
    picks: list[Pick] = []
    short: list[Rest] = []
    for line in lines:
        wanted = line.quantity
        for (site_id, sku), units in left.items():
            if sku == line.sku and units and wanted:
                here = min(wanted, units)
                picks.append(Pick(line.line_id, sku, site_id, here))
                left[site_id, sku] -= here
                wanted -= here
        if wanted:
            short.append(Rest(line.line_id, line.sku, wanted))
    return tuple(picks), tuple(short)


def wants_of(asked: Asked) -> tuple[Want, ...]:
    """Lines of one SKU together. Raises PricingError for what the catalogue does not know."""
    units: dict[str, int] = {}
    for line in asked.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    wants = []
    for sku, quantity in units.items():
        item = asked.catalogue(sku)
        if item is None:
            raise PricingError(f"items[{sku}]", "is not in the catalogue, so its weight and volume are unknown: add it")
        traits = frozenset(item.traits) if item.traits else NO_TRAITS
        wants.append(Want(sku, quantity, item.weight_g, item.volume_cm3, traits))
    return tuple(wants)


def _runs(asked: Asked, site: Site, from_ms: int, units: int, room: Room | None) -> Iterator[Run]:
    """The next departure of each lane that serves the order, after picking begins at `from_ms`."""
    for lane in serving_lanes(asked.network, site.site_id, asked.zone, asked.service_level):
        departure = earliest_departure(lane, site, from_ms, units)
        if departure is not None:
            left = None if room is None else room(site, lane, departure)
            tariff = tariff_of(asked.network, lane)
            yield Run(lane.lane_id, tariff, arrival_ms(lane, departure), lane.carrier, departure, left)


def _source(
    asked: Asked,
    site: Site,
    wants: Sequence[Want],
    units: int,
    steering: Mapping[tuple[str, str], int],
    arriving: Sequence[Arriving],
    room: Room | None,
) -> Source:
    site_id = site.site_id
    runs = tuple(_runs(asked, site, asked.now_ms, units, room))
    prices = {want.sku: steering[site_id, want.sku] for want in wants if (site_id, want.sku) in steering}
    refuses = NO_TRAITS if site.capabilities is None else frozenset(Trait) - frozenset(site.capabilities)
    inbound = tuple(
        [
            Inbound(goods.units, tuple(_runs(asked, site, goods.at_ms, units, room)), goods.unit_minor)
            for goods in arriving
            if goods.site_id == site_id and goods.at_ms > asked.now_ms
        ]
    )
    return Source(
        site_id,
        {want.sku: max(0, asked.atp(site_id, want.sku)) for want in wants},
        runs,
        Handling(site.handling_line_minor, site.handling_parcel_minor),
        prices,
        refuses,
        inbound,
        "" if runs else _why_closed(asked, site),
    )


def _why_closed(asked: Asked, site: Site) -> str:
    lanes = serving_lanes(asked.network, site.site_id, asked.zone, asked.service_level)
    if not lanes:
        return f"no lane leaves it for zone {asked.zone}"
    if earliest_departure(lanes[0], site, asked.now_ms) is None:
        return never(lanes[0], site)
    return f"cannot pick it within {HORIZON_DAYS} days"


def _rules(asked: Asked) -> Rules:
    policies = asked.network.policies
    offer = next((one for one in policies.consolidation if one.service is asked.service_level), None)
    fast = asked.service_level in (ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY)
    if offer is None or fast:
        return Rules(asked.may_split, policies.single_site, backorder_unit_minor=policies.backorder_unit_minor)
    return Rules(
        asked.may_split,
        policies.single_site,
        True,
        offer.threshold_minor,
        min(offer.max_delay_minutes, asked.max_delay_minutes),
        policies.backorder_unit_minor,
    )


def _hubs(asked: Asked, sites: Sequence[Site], units: int, room: Room | None) -> Iterator[Hub]:
    """One for each (site, time when the slowest transfer that is used has come)."""
    by_id = {site.site_id: site for site in sites}
    for hub in sites:
        ready: list[tuple[int, Inflow]] = []
        for transfer in asked.network.transfers:
            if transfer.to_site == hub.site_id and transfer.from_site in by_id:
                taken_ms = pick_ms(by_id[transfer.from_site], units) + transfer.minutes * MINUTE_MS
                inflow = Inflow(transfer.from_site, transfer.transfer_minor, transfer.kilogram_minor)
                ready.append((asked.now_ms + taken_ms, inflow))
        for at_ms in sorted({at_ms for at_ms, _ in ready}):
            runs = tuple(_runs(asked, hub, at_ms, units, room))
            if runs:
                yield Hub(hub.site_id, tuple([inflow for ready_ms, inflow in ready if ready_ms <= at_ms]), runs)


def _latest_ms(asked: Asked, wants: Sequence[Want], sources: Sequence[Source]) -> int | None:
    """So much later as is acceptable than the quickest sites that together are short of the fewest units."""
    quick = sorted([s for s in sources if s.runs and any(_shelf(s, want) for want in wants)], key=_earliest)
    if not quick:
        return None
    groups = [quick[: n + 1] for n in range(len(quick))] if asked.may_split else [[source] for source in quick]
    lacks = [sum([max(0, want.quantity - sum([_shelf(s, want) for s in group])) for want in wants]) for group in groups]
    quickest = groups[lacks.index(min(lacks))][-1]
    return _earliest(quickest) + asked.max_delay_minutes * MINUTE_MS


def _shelf(source: Source, want: Want) -> int:
    return 0 if want.traits & source.refuses else source.stock[want.sku]


def _earliest(source: Source) -> int:
    return min([run.arrival_at_ms for run in source.runs])
