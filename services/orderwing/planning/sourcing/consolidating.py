"""Gathering an order at one site first: from which shelves, and whether it is worth the wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from orderwing.planning.sourcing import subsets, tables
from orderwing.planning.sourcing.drafts import Units, candidate, direct, gathered
from orderwing.planning.sourcing.plan import Candidate, Kind, Shipment
from orderwing.planning.sourcing.problem import EXACT_SITES, Budget, Hub, Inflow, Problem
from orderwing.planning.sourcing.search import least_minor_of
from orderwing.planning.sourcing.sharing import share
from orderwing.planning.sourcing.sieve import MINUTE_MS, Way, givers, modes_of_hub
from orderwing.planning.sourcing.splitting import Field
from orderwing.planning.sourcing.states import Loads, load_count, states_of
from orderwing.planning.sourcing.tables import LOST
from orderwing_schemas.network import Trait

FRAGILE = frozenset({Trait.PERISHABLE, Trait.MEDICAL})  # never wait for other goods


class Gathered(NamedTuple):
    """A way through one hub on one run, there at `arrival_at_ms`; None where that was too much to weigh.

    `bound_minor`: no way through that hub on that run costs less, or on any run where there is no candidate.
    """

    candidate: Candidate | None
    bound_minor: int
    arrival_at_ms: int


class Apart(NamedTuple):
    """What ships beside, None if not known; at least at `floor_minor`."""

    shipments: tuple[Shipment, ...] | None
    floor_minor: int


class Brought(NamedTuple):
    """(site, units) of each giver, None if not known; at least `floor_minor` for bringing, at most so much too dear."""

    loads: list[tuple[str, Units]] | None
    over_minor: int
    floor_minor: int


def gather(field: Field, budget: Budget) -> Iterator[Gathered]:
    """The cheapest way through each hub on each run worth it; what may not wait ships apart, at the least cost.

    Nothing for orders that stock cannot serve in full.
    """
    problem = field.problem
    quantities = [want.quantity for want in problem.wants]
    stays = [bool(want.traits & FRAGILE) for want in problem.wants]
    moving = tuple([0 if stay else q for stay, q in zip(stays, quantities, strict=True)])
    apart = tuple([q if stay else 0 for stay, q in zip(stays, quantities, strict=True)])
    if not any(moving) or not problem.hubs or (any(apart) and not problem.rules.may_split):
        return
    others = _apart(field, apart, budget) if any(apart) else Apart((), 0)
    if others is None:
        return
    shelves = givers(problem)
    for hub in problem.hubs:
        brought = _bringing(problem, hub, shelves, moving, budget)
        if brought is not None:
            yield from _through(problem, hub, brought, others)


def _through(problem: Problem, hub: Hub, brought: Brought, others: Apart) -> Iterator[Gathered]:
    if brought.loads is None or others.shipments is None:
        arrivals = [mode.run.arrival_at_ms for mode in modes_of_hub(problem, hub)]
        if arrivals:
            yield Gathered(None, brought.floor_minor + others.floor_minor, min(arrivals))
        return
    for shipment in gathered(problem, hub, brought.loads):
        one = candidate(problem, (shipment, *others.shipments), Kind.CONSOLIDATE)
        bound_minor = shipment.cost_minor - brought.over_minor + others.floor_minor
        yield Gathered(one, bound_minor, shipment.arrival_at_ms)


def _apart(field: Field, quantities: Units, budget: Budget) -> Apart | None:
    """None where they cannot ship."""
    problem, ways = field.problem, field.ways
    least_minor = least_minor_of(problem, quantities)
    if not ways:
        return None
    if load_count(quantities) > budget.loads:
        return Apart(None, least_minor)
    states = states_of(quantities)
    costs = tables.shipping(ways, states, tables.packed(problem, states)) + tables.picking(problem, ways, states)
    shared = share(tables.scaled(costs), states, (), budget.cells)
    exact = shared.bound is None and field.floor_minor is None
    if shared.cost >= LOST:
        return None if exact else Apart(None, least_minor)
    shipments = tuple([direct(problem, ways[site], units_of(states, load)) for site, load in shared.loads])
    return Apart(shipments, sum([one.cost_minor for one in shipments]) if exact else least_minor)


def _bringing(problem: Problem, hub: Hub, shelves: Sequence[Way], quantities: Units, budget: Budget) -> Brought | None:
    """None where no way is, or nothing has to be moved: that is one site."""
    source = problem.source_by_id.get(hub.site_id)
    moving = [want for want, units in zip(problem.wants, quantities, strict=True) if units]
    if source is None or any(want.traits & source.refuses for want in moving):
        return None
    known = {hub.site_id, *(one.site_id for one in hub.inflows)}
    able = [way for way in shelves if way.source.site_id in known and any(map(min, way.cap, quantities))]
    supply = [sum(caps) for caps in zip(*(way.cap for way in able), strict=True)]
    if not able or any(have < units for have, units in zip(supply, quantities, strict=True)):
        return None
    ways = _most_useful(hub, able, quantities)
    whole = len(ways) == len(able)
    floor_minor = _floor(problem, hub, able, quantities)
    brought = _by_subsets(problem, hub, ways, quantities, floor_minor, whole)
    if brought is not None and brought.over_minor and whole and load_count(quantities) <= budget.loads:
        brought = _by_tables(problem, hub, ways, quantities, budget, floor_minor) or brought
    moves = brought is not None and brought.loads and any(site_id != hub.site_id for site_id, _ in brought.loads)
    if moves:
        return brought
    return None if whole else Brought(None, 0, floor_minor)


def _most_useful(hub: Hub, ways: list[Way], quantities: Units) -> list[Way]:
    """Of too many the hub itself, those that have the most of the wants that fewest have, and of all."""
    if len(ways) <= EXACT_SITES:
        return ways
    caps = np.minimum([way.cap for way in ways], quantities)
    most = caps.sum(axis=1)
    kept = [place for place, way in enumerate(ways) if way.source.site_id == hub.site_id]
    for want in np.argsort((caps > 0).sum(axis=0), kind="stable").tolist():
        for place in np.lexsort((-most, -caps[:, want])).tolist():
            if len(kept) == EXACT_SITES or caps[kept, want].sum() >= quantities[want]:
                break
            if place not in kept:
                kept.append(place)
    rest = [place for place in np.argsort(-most, kind="stable").tolist() if place not in kept]
    return [ways[place] for place in sorted([*kept, *rest[: EXACT_SITES - len(kept)]])]


def _rates(hub: Hub, ways: Sequence[Way]) -> list[Inflow]:
    inflow = {one.site_id: one for one in hub.inflows}
    return [inflow.get(way.source.site_id, Inflow(hub.site_id, 0)) for way in ways]


def _unit_minor(problem: Problem, ways: Sequence[Way], rates: Sequence[Inflow]) -> subsets.Floats:
    """(L, S): a unit's steering, and its weight on the way as if transfers charged by the gram."""
    grams = np.array([want.grams for want in problem.wants], np.float64)
    unit: subsets.Floats = np.multiply.outer(grams, np.array([rate.kilogram_minor / 1000 for rate in rates]))
    unit += np.array([[way.source.steering_minor.get(want.sku, 0) for way in ways] for want in problem.wants])
    return unit


def _floor(problem: Problem, hub: Hub, ways: Sequence[Way], quantities: Units) -> int:
    """What bringing costs at least: one transfer, and each want from where it is cheapest."""
    rates = _rates(hub, ways)
    wanted = np.array(quantities, np.float64)
    line = np.array([way.source.handling.line_minor for way in ways], np.float64)
    each = line + _unit_minor(problem, ways, rates) * wanted[:, None]
    each[np.array([way.cap for way in ways]).T == 0] = np.inf
    moves = min([one.transfer_minor for one in hub.inflows], default=0)
    return moves + ceil(float(each.min(axis=1)[wanted > 0].sum()) - 1e-6)


def _by_subsets(
    problem: Problem, hub: Hub, ways: Sequence[Way], quantities: Units, floor_minor: int, whole: bool
) -> Brought | None:
    """Exact where no transfer charges by weight, and ways are the `whole`: else as if it did by the gram."""
    rates = _rates(hub, ways)
    found = subsets.cheapest(
        np.array([rate.transfer_minor for rate in rates], np.float64),
        np.array([way.source.handling.line_minor for way in ways], np.float64),
        _unit_minor(problem, ways, rates),
        np.array([way.cap for way in ways], np.int64).T,
        np.array(quantities, np.int64),
    )
    if not np.isfinite(found.cost):
        return None
    used = []
    slack = 0
    for way, rate, load in zip(ways, rates, found.units.T.tolist(), strict=True):
        if any(load):
            used.append((way.source.site_id, tuple(load)))
            weight = sum([want.grams * units for want, units in zip(problem.wants, load, strict=True)])
            slack += -weight % 1000 * rate.kilogram_minor
    over_minor = -(-slack // 1000)
    if not whole:
        over_minor += max(0, ceil(found.cost) - floor_minor)
    return Brought(used, over_minor, floor_minor)


def _by_tables(
    problem: Problem, hub: Hub, shelves: Sequence[Way], quantities: Units, budget: Budget, floor_minor: int
) -> Brought | None:
    states = states_of(quantities)
    costs = tables.gathering(problem, hub, shelves, states) + tables.picking(problem, shelves, states)
    shared = share(tables.scaled(costs), states, (), budget.cells)
    if shared.cost >= LOST or shared.bound is not None:
        return None
    loads = [(shelves[site].source.site_id, units_of(states, load)) for site, load in shared.loads]
    return Brought(loads, 0, floor_minor)


def units_of(states: Loads, load: int) -> Units:
    return tuple(states.amounts[load].tolist())


def refusal(problem: Problem, direct_minor: int, direct_at_ms: int, gathered_one: Candidate) -> str | None:
    """Why an order is not gathered although it could be; None if it is to be."""
    saving = direct_minor - gathered_one.cost_minor
    return too_little(problem, saving) or too_late(problem, gathered_one.arrival_at_ms - direct_at_ms)


def too_little(problem: Problem, saving_minor: int) -> str | None:
    least = problem.rules.threshold_minor
    return f"saves {saving_minor}, and more than {least} is asked for" if saving_minor <= least else None


def too_late(problem: Problem, later_ms: int) -> str | None:
    minutes, most = -(-later_ms // MINUTE_MS), problem.rules.acceptable_delay_minutes
    return f"{minutes} minutes later, {most} are acceptable" if minutes > most else None
