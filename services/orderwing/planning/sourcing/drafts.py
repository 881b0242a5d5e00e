"""From loads to candidates: each shipment on its site's best mode, with the terms of the cost model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orderwing.planning.pricing.shipments import (
    CROSS_DOCK,
    TRANSFER,
    Handling,
    Shipping,
    Term,
    add_terms,
    freight_terms,
    picking_terms,
)
from orderwing.planning.sourcing.plan import Candidate, Kind, Moved, Shipment, Taken
from orderwing.planning.sourcing.problem import Hub, Problem
from orderwing.planning.sourcing.sieve import Mode, Way, modes_of_hub

Units = tuple[int, ...]  # of each want


def candidate(problem: Problem, shipments: Iterable[Shipment], kind: Kind | None = None) -> Candidate:
    """What the shipments leave short waits."""
    sent = tuple(shipments)
    had: dict[str, int] = {}
    for one in sent:
        for taken in (*one.taken, *one.cross_docked, *(t for moved in one.moved for t in moved.taken)):
            had[taken.sku] = had.get(taken.sku, 0) + taken.units
    lacks = [Taken(want.sku, want.quantity - had.get(want.sku, 0)) for want in problem.wants]
    short = tuple([lack for lack in lacks if lack.units > 0])
    price = (problem.rules.backorder_unit_minor or 0) * sum([one.units for one in short])
    if kind is None:
        kind = (Kind.NOTHING, Kind.ONE_SITE, Kind.SPLIT)[min(len(sent), 2)]
    return Candidate(kind, sent, short, price)


def direct(problem: Problem, way: Way, units: Units) -> Shipment:
    """From one site, on its cheapest mode, the earliest of equals."""
    best: Shipment | None = None
    for mode in way.modes:
        if mode.takes(units):
            one = _direct(problem, way, mode, units)
            if best is None or (one.cost_minor, one.arrival_at_ms) < (best.cost_minor, best.arrival_at_ms):
                best = one
    if best is None:
        raise ValueError(f"site {way.source.site_id} cannot ship {units}")
    return best


def _direct(problem: Problem, way: Way, mode: Mode, units: Units) -> Shipment:
    source = way.source
    shelf = tuple([min(unit, limit) for unit, limit in zip(units, mode.shelf, strict=True)])
    docked = tuple([unit - own for unit, own in zip(units, shelf, strict=True)])
    goods = [want.goods(unit) for want, unit in zip(problem.wants, units, strict=True) if unit]
    terms = freight_terms(problem.cartons, goods, source.handling, _via(problem, mode))
    terms += picking_terms(goods, source.handling.line_minor, source.steering_minor)
    terms.append((CROSS_DOCK, sum(docked) * mode.unit_minor))
    run = mode.run
    return Shipment(
        source.site_id, run.lane_id, run.arrival_at_ms, took(problem, shelf), add_terms(terms), took(problem, docked)
    )


def gathered(problem: Problem, hub: Hub, loads: Sequence[tuple[str, Units]]) -> Iterator[Shipment]:
    """All loads, (site, units), through the hub: on its cheapest run that takes them, then on each earlier one."""
    whole = tuple([sum(units) for units in zip(*(units for _, units in loads), strict=True)])
    goods = [want.goods(unit) for want, unit in zip(problem.wants, whole, strict=True) if unit]
    source = problem.source_by_id[hub.site_id]
    terms: list[Term] = []
    moved: list[Moved] = []
    own: tuple[Taken, ...] = ()
    inflow = {one.site_id: one for one in hub.inflows}
    for site_id, units in loads:
        giver = problem.source_by_id[site_id]
        picked = [want.goods(unit) for want, unit in zip(problem.wants, units, strict=True) if unit]
        terms += picking_terms(picked, giver.handling.line_minor, giver.steering_minor)
        if site_id == hub.site_id:
            own = took(problem, units)
        else:
            grams = sum(one.units * one.grams for one in picked)
            rate = inflow[site_id]
            terms.append((TRANSFER, rate.transfer_minor - (-grams // 1000) * rate.kilogram_minor))
            moved.append(Moved(site_id, took(problem, units)))
    found = []
    for mode in modes_of_hub(problem, hub):
        if mode.takes(whole):
            work = Handling(0, source.handling.parcel_minor)
            freight = freight_terms(problem.cartons, goods, work, _via(problem, mode))
            run = mode.run
            all_terms = add_terms([*freight, *terms])
            found.append(Shipment(hub.site_id, run.lane_id, run.arrival_at_ms, own, all_terms, (), tuple(moved)))
    soonest: int | None = None
    for one in sorted(found, key=lambda one: (one.cost_minor, one.arrival_at_ms)):
        if soonest is None or one.arrival_at_ms < soonest:
            soonest = one.arrival_at_ms
            yield one


def took(problem: Problem, units: Units) -> tuple[Taken, ...]:
    return tuple([Taken(want.sku, unit) for want, unit in zip(problem.wants, units, strict=True) if unit])


def _via(problem: Problem, mode: Mode) -> Shipping:
    return Shipping(mode.run.tariff, mode.run.arrival_at_ms, problem.due_at_ms, problem.late_hour_minor)
