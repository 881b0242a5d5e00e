"""Gathering an order at one site first: from which shelves, and whether it is worth the wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orderwing.planning.sourcing import tables
from orderwing.planning.sourcing.drafts import Units, candidate, direct, gathered
from orderwing.planning.sourcing.plan import Candidate, Kind, Shipment
from orderwing.planning.sourcing.problem import Budget, Hub, Problem
from orderwing.planning.sourcing.sharing import share
from orderwing.planning.sourcing.sieve import MINUTE_MS, Way, givers
from orderwing.planning.sourcing.states import Loads, States, load_count, states_of
from orderwing.planning.sourcing.tables import LOST
from orderwing_schemas.network import Trait

FRAGILE = frozenset({Trait.PERISHABLE, Trait.MEDICAL})  # never wait for other goods


def gather(problem: Problem, ways: Sequence[Way], budget: Budget) -> Iterator[Candidate]:
    """The cheapest way through each hub; what may not wait ships apart, at the least cost.

    Nothing for orders that stock cannot serve in full, or whose tables would be larger than the budget.
    """
    quantities = [want.quantity for want in problem.wants]
    stays = [bool(want.traits & FRAGILE) for want in problem.wants]
    moving = tuple([0 if stay else q for stay, q in zip(stays, quantities, strict=True)])
    apart = tuple([q if stay else 0 for stay, q in zip(stays, quantities, strict=True)])
    if not any(moving) or not problem.hubs or max(load_count(moving), load_count(apart)) > budget.loads:
        return
    others = _apart(problem, ways, apart, budget) if any(apart) else ()
    if others is None or (others and not problem.rules.may_split):
        return
    states = states_of(moving)
    shelves = givers(problem)
    for hub in problem.hubs:
        through = _through(problem, hub, shelves, states, budget)
        if through is not None:
            yield candidate(problem, (through, *others), Kind.CONSOLIDATE)


def _apart(problem: Problem, ways: Sequence[Way], quantities: Units, budget: Budget) -> tuple[Shipment, ...] | None:
    states = states_of(quantities)
    costs = tables.shipping(ways, states, tables.packed(problem, states)) + tables.picking(problem, ways, states)
    shared = share(tables.scaled(costs), states, None, budget.cells)
    if shared.cost >= LOST:
        return None
    return tuple([direct(problem, ways[site], units_of(states, load)) for site, load in shared.loads])


def _through(problem: Problem, hub: Hub, ways: Sequence[Way], states: States, budget: Budget) -> Shipment | None:
    source = problem.source_by_id.get(hub.site_id)
    if source is None or any(want.traits & source.refuses for want in problem.wants):
        return None
    shared = _brought(problem, hub, ways, states, budget)
    if shared is None or all(site_id == hub.site_id for site_id, _ in shared):
        return None  # nothing has to be moved: that is one site
    return gathered(problem, hub, shared)


def _brought(
    problem: Problem, hub: Hub, ways: Sequence[Way], states: States, budget: Budget
) -> list[tuple[str, Units]] | None:
    costs = tables.gathering(problem, hub, ways, states) + tables.picking(problem, ways, states)
    shared = share(tables.scaled(costs), states, None, budget.cells)
    if shared.cost >= LOST:
        return None
    return [(ways[site].source.site_id, units_of(states, load)) for site, load in shared.loads]


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
