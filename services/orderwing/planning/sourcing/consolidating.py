"""Gathering an order at one site first: from which shelves, and whether it is worth the wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from orderwing.planning.sourcing import subsets, tables
from orderwing.planning.sourcing.drafts import Units, candidate, direct, gathered
from orderwing.planning.sourcing.plan import Candidate, Kind, Shipment
from orderwing.planning.sourcing.problem import EXACT_SITES, Budget, Hub, Inflow, Problem
from orderwing.planning.sourcing.sharing import share
from orderwing.planning.sourcing.sieve import MINUTE_MS, Way, givers
from orderwing.planning.sourcing.states import Loads, load_count, states_of
from orderwing.planning.sourcing.tables import LOST
from orderwing_schemas.network import Trait

FRAGILE = frozenset({Trait.PERISHABLE, Trait.MEDICAL})  # never wait for other goods


class Gathered(NamedTuple):
    """`bound_minor`: no way through the same hub costs less."""

    candidate: Candidate
    bound_minor: int


def gather(problem: Problem, ways: Sequence[Way], budget: Budget) -> Iterator[Gathered]:
    """The cheapest way through each hub; what may not wait ships apart, at the least cost.

    Nothing for orders that stock cannot serve in full.
    """
    quantities = [want.quantity for want in problem.wants]
    stays = [bool(want.traits & FRAGILE) for want in problem.wants]
    moving = tuple([0 if stay else q for stay, q in zip(stays, quantities, strict=True)])
    apart = tuple([q if stay else 0 for stay, q in zip(stays, quantities, strict=True)])
    if not any(moving) or not problem.hubs:
        return
    others = _apart(problem, ways, apart, budget) if any(apart) else ()
    if others is None or (others and not problem.rules.may_split):
        return
    shelves = givers(problem)
    for hub in problem.hubs:
        through = _through(problem, hub, shelves, moving, budget)
        if through is not None:
            shipment, slack = through
            one = candidate(problem, (shipment, *others), Kind.CONSOLIDATE)
            yield Gathered(one, one.cost_minor - slack)


def _apart(problem: Problem, ways: Sequence[Way], quantities: Units, budget: Budget) -> tuple[Shipment, ...] | None:
    """None where what may not wait is too much to weigh exactly."""
    if not ways or load_count(quantities) > budget.loads:
        return None
    states = states_of(quantities)
    costs = tables.shipping(ways, states, tables.packed(problem, states)) + tables.picking(problem, ways, states)
    shared = share(tables.scaled(costs), states, (), budget.cells)
    if shared.cost >= LOST:
        return None
    return tuple([direct(problem, ways[site], units_of(states, load)) for site, load in shared.loads])


def _through(
    problem: Problem, hub: Hub, shelves: Sequence[Way], quantities: Units, budget: Budget
) -> tuple[Shipment, int] | None:
    """The shipment, and by how much another way to fill it could be cheaper at most."""
    source = problem.source_by_id.get(hub.site_id)
    if source is None or any(want.traits & source.refuses for want in problem.wants):
        return None
    brought = _by_subsets(problem, hub, shelves, quantities)
    if brought is not None and brought[1] and load_count(quantities) <= budget.loads:
        brought = _by_tables(problem, hub, shelves, quantities, budget) or brought
    if brought is None or all(site_id == hub.site_id for site_id, _ in brought[0]):
        return None  # nothing has to be moved: that is one site
    shipment = gathered(problem, hub, brought[0])
    return None if shipment is None else (shipment, brought[1])


Brought = tuple[list[tuple[str, Units]], int]  # (site, units) of each giver, and how much cheaper it could be at most


def _by_subsets(problem: Problem, hub: Hub, shelves: Sequence[Way], quantities: Units) -> Brought | None:
    """Exact where no transfer charges by weight: else as if it did by the gram."""
    inflow = {one.site_id: one for one in hub.inflows}
    ways = [way for way in shelves if way.source.site_id in inflow or way.source.site_id == hub.site_id][:EXACT_SITES]
    if not ways:
        return None
    rates = [inflow.get(way.source.site_id, Inflow(hub.site_id, 0)) for way in ways]
    grams = np.array([want.grams for want in problem.wants], np.float64)
    unit = np.multiply.outer(grams, np.array([rate.kilogram_minor / 1000 for rate in rates]))
    unit += np.array([[way.source.steering_minor.get(want.sku, 0) for way in ways] for want in problem.wants])
    found = subsets.cheapest(
        np.array([rate.transfer_minor for rate in rates], np.float64),
        np.array([way.source.handling.line_minor for way in ways], np.float64),
        unit,
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
    return used, -(-slack // 1000)


def _by_tables(problem: Problem, hub: Hub, shelves: Sequence[Way], quantities: Units, budget: Budget) -> Brought | None:
    states = states_of(quantities)
    costs = tables.gathering(problem, hub, shelves, states) + tables.picking(problem, shelves, states)
    shared = share(tables.scaled(costs), states, (), budget.cells)
    if shared.cost >= LOST or shared.bound is not None:
        return None
    return [(shelves[site].source.site_id, units_of(states, load)) for site, load in shared.loads], 0


def units_of(states: Loads, load: int) -> Units:
    return tuple(states.amounts[load].tolist())


def refusal(problem: Problem, direct_minor: int, direct_at_ms: int, gathered_one: Candidate) -> str | None:
    """Why an order is not gathered although it could be; None if it is to be."""
    rules = problem.rules
    saving = direct_minor - gathered_one.cost_minor
    if saving <= rules.threshold_minor:
        return f"saves {saving}, and more than {rules.threshold_minor} is asked for"
    minutes = -(-(gathered_one.arrival_at_ms - direct_at_ms) // MINUTE_MS)
    if minutes > rules.acceptable_delay_minutes:
        return f"{minutes} minutes later, {rules.acceptable_delay_minutes} are acceptable"
    return None
