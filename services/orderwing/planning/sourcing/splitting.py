"""Which sites ship how many units of what, straight to the customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from orderwing.planning.sourcing import additive, tables
from orderwing.planning.sourcing.bounding import most_promising, slopes_of
from orderwing.planning.sourcing.drafts import Units
from orderwing.planning.sourcing.plan import Eliminated, Reason
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.search import searched
from orderwing.planning.sourcing.sharing import Shared, best_pairs, share
from orderwing.planning.sourcing.sieve import Way, sift
from orderwing.planning.sourcing.states import Ints, Loads, States, load_count, states_of, whole
from orderwing.planning.sourcing.tables import LOST, SCALE

NOT_WEIGHED = "too many sites: others promise to be cheaper"
Loaded = tuple[tuple[int, Units], ...]  # (place of the way, units of each want)


@dataclass(frozen=True, slots=True)
class Field:
    """A problem after elimination. `wanted`: units of each want that stock can serve at all.

    `floor_minor`: where sites are too many to weigh, what no way costs less than that uses one left out.
    """

    problem: Problem
    ways: tuple[Way, ...]
    eliminated: tuple[Eliminated, ...]
    wanted: Units
    floor_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """`bound_minor` is None where it is the cost. `costs` (S, N), scaled, are kept for the candidates that lost."""

    loads: Loaded
    bound_minor: int | None = None
    nodes: int = 0
    costs: Ints | None = None
    states: Loads | None = None


def field_of(problem: Problem, budget: Budget) -> Field:
    ways, out = sift(problem)
    wanted = _supplied(problem, ways)
    field = Field(problem, tuple(ways), tuple(out), wanted)
    rules = problem.rules
    if len(ways) <= budget.sites or ((rules.single_site == "always" or not rules.may_split) and any(singles(field))):
        return field
    kept, floor_minor = most_promising(problem, ways, wanted, budget.sites)
    left = [Eliminated(w.source.site_id, Reason.NOT_WEIGHED, NOT_WEIGHED) for w in ways if w not in kept]
    return Field(problem, tuple(kept), (*out, *left), _supplied(problem, kept), floor_minor)


def _supplied(problem: Problem, ways: Sequence[Way]) -> Units:
    supply = [sum(caps) for caps in zip(*(way.cap for way in ways), strict=True)] or [0] * len(problem.wants)
    return tuple([min(want.quantity, have) for want, have in zip(problem.wants, supply, strict=True)])


def singles(field: Field) -> Iterator[tuple[int, Units]]:
    """The sites whose shelves have the whole order, and a run that takes it."""
    units = tuple([want.quantity for want in field.problem.wants])
    for place, way in enumerate(field.ways):
        if any(mode.shelf == units and mode.takes(units) for mode in way.modes):
            yield place, units


def split(field: Field, budget: Budget, seed: int) -> Split:
    """The cheapest sharing; one site if the rules prefer it, or the order may not be split."""
    rules = field.problem.rules
    if not any(field.wanted):
        return Split(())
    if rules.single_site == "always" or not rules.may_split:
        alone = _one_site(field)
        if alone is not None:
            return alone
        if not rules.may_split:
            return Split(())
    found = _split(field, budget, seed)
    if field.floor_minor is None:
        return found
    known = field.floor_minor if found.bound_minor is None else min(found.bound_minor, field.floor_minor)
    return replace(found, bound_minor=known)


def _split(field: Field, budget: Budget, seed: int) -> Split:
    if additive.add_up(field.problem, field.ways, field.wanted):
        return Split(additive.cheapest_of(field.problem, field.ways, field.wanted))
    if load_count(field.wanted) > budget.loads:
        found = searched(field.problem, field.ways, field.wanted, budget, seed)
        return Split(found.loads, found.bound_minor, found.nodes)
    return _shared(field, budget, seed)


def _one_site(field: Field) -> Split | None:
    places = list(singles(field))
    if not places:
        return None
    problem, units = field.problem, places[0][1]
    ways = [field.ways[place] for place, _ in places]
    loads = whole(units)
    parcels = tables.packed(problem, loads)
    costs = tables.scaled(tables.shipping(ways, loads, parcels) + tables.picking(problem, ways, loads))
    best = int(costs[:, -1].argmin())
    return Split(((places[best][0], units),))


def _shared(field: Field, budget: Budget, seed: int) -> Split:
    problem, ways = field.problem, field.ways
    states = states_of(field.wanted)
    freight = tables.shipping(ways, states, tables.packed(problem, states))
    costs = tables.scaled(freight + tables.picking(problem, ways, states))
    each_minor = problem.rules.backorder_unit_minor
    if each_minor is None:
        shared = share(costs, states, slopes_of(problem, ways, states, freight, False), budget.cells)
        if shared.cost < LOST or shared.bound is not None:
            return _split_of(field, shared, costs, states, budget, seed)
        each_minor = tables.no_saving_minor(costs)
        if each_minor * SCALE * sum(field.wanted) >= LOST:
            found = searched(problem, ways, field.wanted, budget, seed)
            return Split(found.loads, found.bound_minor, found.nodes, costs, states)
    costs = np.vstack([costs, tables.waiting(states, each_minor)])
    shared = share(costs, states, slopes_of(problem, ways, states, freight, True), budget.cells)
    return _split_of(field, shared, costs, states, budget, seed)


def _split_of(field: Field, shared: Shared, costs: Ints, states: States, budget: Budget, seed: int) -> Split:
    """Where sharing among three and more sites was too much to enumerate, what search finds if that is better."""
    loads = _loaded(shared, states, len(field.ways)) if shared.cost < LOST else ()
    if shared.bound is None:
        return Split(loads, None, 0, costs, states)
    found = searched(field.problem, field.ways, field.wanted, budget, seed, loads)
    bound_minor = found.bound_minor
    if not found.short_units:
        bound_minor = max(bound_minor, ceil((shared.bound - len(costs)) / SCALE - 1e-6))
    return Split(found.loads, bound_minor, found.nodes, costs, states)


def _loaded(shared: Shared, states: Loads, sites: int) -> Loaded:
    """Without what waits."""
    return tuple([(site, tuple(states.amounts[load].tolist())) for site, load in shared.loads if site < sites])


def _without_each(field: Field, found: Split) -> Iterator[Loaded]:
    """The best ways without one of the sites used."""
    for place, _ in found.loads:
        ways = (*field.ways[:place], *field.ways[place + 1 :])
        supply = [sum(caps) for caps in zip(*(way.cap for way in ways), strict=True)]
        wanted = tuple([min(units, have) for units, have in zip(field.wanted, supply, strict=True)])
        if any(wanted):
            again = split(Field(field.problem, ways, (), wanted), Budget(nodes=1, packed=1), 0)
            yield tuple([(site + (site >= place), units) for site, units in again.loads])


def rivals(field: Field, found: Split, limit: int) -> Iterator[Loaded]:
    """Other ways that were weighed: each site alone, and the best sharing of each pair of sites."""
    if found.costs is None or found.states is None:
        yield from (((place, units),) for place, units in singles(field))
        if len(found.loads) > 1:
            yield from _without_each(field, found)
        return
    for place in range(len(field.ways)):
        if found.costs[place, -1] < LOST:
            yield ((place, tuple(found.states.amounts[-1].tolist())),)
    for shared in best_pairs(found.costs)[:limit]:
        yield _loaded(shared, found.states, len(field.ways))
