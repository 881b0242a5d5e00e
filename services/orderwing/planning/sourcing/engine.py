"""Sourcing one order: elimination, then every way to ship it, then the rules that choose among the kinds of ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orderwing.planning.sourcing import consolidating
from orderwing.planning.sourcing.checking import verify
from orderwing.planning.sourcing.drafts import candidate, direct
from orderwing.planning.sourcing.plan import Candidate, Kind, Plan
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.splitting import Field, Split, field_of, rivals, singles, split

__all__ = ["bound", "greedy", "plan", "verify"]

DEFAULT = Budget()
LOSERS = 12


def plan(problem: Problem, budget: Budget = DEFAULT, seed: int = 0) -> Plan:
    """The best way by the rules. Exact wherever the tables fit the budget; `seed` is for the search beyond.

    Raises PricingError for goods that nothing can pack.
    """
    problem = _ordered(problem)
    field = field_of(problem, budget)
    found = split(field, budget, seed)
    straight = candidate(problem, [direct(problem, field.ways[site], units) for site, units in found.loads])
    chosen, gathered, bounds, unknown = straight, list[Candidate](), [straight.cost_minor], False
    settled = problem.rules.single_site == "always" and straight.kind is Kind.ONE_SITE and not straight.short
    sure = found.bound_minor is None
    if problem.rules.consolidates and not (settled and sure):
        through = list(consolidating.gather(field, budget))
        gathered = sorted([one.candidate for one in through if one.candidate is not None], key=_rank)
        allowed = [one for one in gathered if not settled and _refusal(problem, straight, one) is None]
        chosen = allowed[0] if allowed else straight
        bounds = [one.bound_minor for one in through if _may_be_allowed(problem, straight, sure, one)] or bounds
        unknown = _has_more(problem, straight) and not allowed and any(one.candidate is None for one in through)
    if found.bound_minor is not None:
        bounds.append(found.bound_minor)
    bound_minor = min(chosen.cost_minor, *bounds)

    def others() -> tuple[Candidate, ...]:
        weighed = [*gathered, straight, *_rivals(field, found)]
        lost = [replace(one, lost_because=_why(problem, chosen, straight, one)) for one in weighed if one is not chosen]
        different = {one.label: one for one in sorted(lost, key=_rank, reverse=True) if one.label != chosen.label}
        against = different.pop(straight.label, None)  # what gathering was measured by is always told
        kept = sorted(different.values(), key=_rank)[: LOSERS - 1 if against else LOSERS]
        return tuple(sorted([*kept, against] if against else kept, key=_rank))

    unknown = unknown or (field.floor_minor is not None and _has_more(problem, chosen))  # a site left out may have it
    exact = bound_minor == chosen.cost_minor and not unknown
    return Plan(chosen, others, field.eliminated, bound_minor, exact, found.nodes)


def _ordered(problem: Problem) -> Problem:
    """By quantity, so that tables of loads serve many orders."""
    return replace(problem, wants=tuple(sorted(problem.wants, key=lambda want: -want.quantity)))


def greedy(problem: Problem) -> Candidate:
    """The plain rule: the cheapest site that has all; else again and again the site that has most of the rest."""
    field = field_of(problem, DEFAULT)
    alone = list(singles(field))
    if alone:
        return min((candidate(problem, [direct(problem, field.ways[site], units)]) for site, units in alone), key=_rank)
    if not problem.rules.may_split:
        return candidate(problem, [])
    rest = list(field.wanted)
    shipments = []
    ways = list(field.ways)
    while ways and any(rest):
        loads = [_most(mode.cap, rest, mode.run.room_units) for way in ways for mode in way.modes]
        owners = [way for way in ways for _ in way.modes]
        place = max(range(len(loads)), key=lambda n: (sum(loads[n]), -n))
        if not any(loads[place]):
            break
        shipments.append(direct(problem, owners[place], loads[place]))
        rest = [left - taken for left, taken in zip(rest, loads[place], strict=True)]
        ways.remove(owners[place])
    return candidate(problem, shipments)


def bound(problem: Problem, budget: Budget = DEFAULT) -> int:
    """What no way by the rules costs less than."""
    return plan(problem, budget).bound_minor


def _most(cap: tuple[int, ...], rest: list[int], room: int | None) -> tuple[int, ...]:
    """As much of the rest as there is and fits."""
    left = sum(rest) if room is None else room
    load = []
    for limit, need in zip(cap, rest, strict=True):
        load.append(min(limit, need, left))
        left -= load[-1]
    return tuple(load)


def _rank(one: Candidate) -> tuple[int, int, int, int]:
    return one.short_units, one.cost_minor, len(one.shipments), one.arrival_at_ms


def _has_more(problem: Problem, straight: Candidate) -> bool:
    """Gathered, nothing waits: is that worth any cost?"""
    return straight.short_units > 0 and problem.rules.backorder_unit_minor is None


def _may_be_allowed(problem: Problem, straight: Candidate, sure: bool, one: consolidating.Gathered) -> bool:
    """Where ways are not known exactly: whether the rules could prefer one through this hub, were it at its bound.

    `sure`: nothing straight is cheaper, so that its arrival counts.
    """
    if _has_more(problem, straight):
        return True
    if consolidating.too_little(problem, straight.cost_minor - one.bound_minor):
        return False
    return not sure or consolidating.too_late(problem, one.arrival_at_ms - straight.arrival_at_ms) is None


def _refusal(problem: Problem, straight: Candidate, one: Candidate) -> str | None:
    if _has_more(problem, straight):
        return None
    return consolidating.refusal(problem, straight.cost_minor, straight.arrival_at_ms, one)


def _why(problem: Problem, chosen: Candidate, straight: Candidate, one: Candidate) -> str:
    if one.kind is Kind.CONSOLIDATE:
        return _refusal(problem, straight, one) or _dearer(chosen, one)
    if one is straight and chosen.kind is Kind.CONSOLIDATE and one.short_units == chosen.short_units:
        return f"gathered first it costs {one.cost_minor - chosen.cost_minor} less, and no later than acceptable"
    return _dearer(chosen, one)


def _dearer(chosen: Candidate, one: Candidate) -> str:
    if one.short_units > chosen.short_units:
        return f"{one.short_units - chosen.short_units} units more would have to wait"
    more = one.cost_minor - chosen.cost_minor
    if more < 0:  # losers are searched for when somebody asks
        return f"cheaper by {-more}, and not met before the search had to end"
    return f"dearer by {more}" if more else "no cheaper"


def _rivals(field: Field, found: Split) -> Iterator[Candidate]:
    for loads in rivals(field, found, LOSERS):
        yield candidate(field.problem, [direct(field.problem, field.ways[site], units) for site, units in loads])
