"""Sourcing one order by a policy: its strategy, then fallbacks while units are short; and what was decided why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Protocol, TypeVar

from orderwing.planning.policies.compiling import Applied, Compiled, apply, steps
from orderwing.planning.policies.matching import Facts
from orderwing.planning.policies.sieving import Load, sieved
from orderwing.planning.policies.weighing import unweighed, weighed
from orderwing.planning.sourcing.building import Arriving, Room, problem_of
from orderwing.planning.sourcing.consolidating import refusal
from orderwing.planning.sourcing.engine import plan
from orderwing.planning.sourcing.plan import Candidate, Kind, Plan
from orderwing.planning.sourcing.problem import EXACT_SITES, Budget, Problem, Source
from orderwing.planning.sourcing.quick import Asked
from orderwing.planning.sourcing.sieve import sift
from orderwing.planning.sourcing.states import load_count
from orderwing_schemas.network import Site
from orderwing_schemas.policy import First

DEFAULT = Budget()


@dataclass(frozen=True, slots=True)
class Situation:
    """An order and what is known at its decision. `asked` is with the policy's network; the rest as for `problem_of`.

    `load`: percent of what a site can pick in this hour. `gathers` False: nobody can move goods between sites.
    `may_wait` False: no unit that is in stock waits, whatever it costs.
    """

    facts: Facts
    asked: Asked
    sites: Sequence[Site]
    load: Load = field(default_factory=dict)
    due_at_ms: int | None = None
    steering: Mapping[tuple[str, str], int] | None = None
    arriving: Sequence[Arriving] = ()
    room: Room | None = None
    gathers: bool = True
    may_wait: bool = True


@dataclass(frozen=True)
class Sourced:
    """`plan` is of `problem`, weights included; `chosen` is its choice at true cost, and `base` its problem.

    `tried` tells what was tried and how many units it left short, `reason` why units wait ("" if none do).
    """

    applied: Applied
    chosen: Candidate
    plan: Plan
    problem: Problem
    base: Problem
    tried: tuple[tuple[str, int], ...]
    reason: str

    @property
    def explained(self) -> str:
        """Which strategy, why, and what came of the fallbacks: one sentence for a card's notes."""
        return explained(self.applied, self.tried)


def explained(applied: Applied, tried: Sequence[tuple[str, int]]) -> str:
    told = [f"strategy {applied.strategy.name}: {applied.because}"]
    if len(tried) > 1:
        told += [f"{said} left {short} units short" if short else f"{said} has all" for said, short in tried]
    return "; ".join(told)


class Attempted(Protocol):
    """What came of one attempt."""

    @property
    def short_units(self) -> int: ...


A = TypeVar("A", bound=Attempted)


@dataclass(frozen=True, slots=True)
class Attempt:
    """`plan` is of `problem`, weights included; `base` is its problem without them."""

    applied: Applied
    plan: Plan
    problem: Problem
    base: Problem

    @property
    def short_units(self) -> int:
        return self.plan.chosen.short_units


def in_turn(policy: Compiled, first: Applied, attempt: Callable[[Applied], A]) -> tuple[A, tuple[tuple[str, int], ...]]:
    """The first attempt that leaves no more short than its step accepts; else the one that leaves the fewest.

    And what was tried, with the units that it left short.
    """
    best: A | None = None
    told: dict[str, int] = {}
    for step in steps(policy, first):
        if step.said not in told:
            one = attempt(step.applied)
            told[step.said] = one.short_units
            if best is None or one.short_units < best.short_units:
                best = one
        if best is not None and best.short_units <= step.accepts_short:
            break
    if best is None:
        raise AssertionError("a strategy is tried at least as it is")
    return best, tuple(told.items())


def source(policy: Compiled, at: Situation, budget: Budget = DEFAULT, seed: int = 0) -> Sourced:
    """The first way by the policy that leaves nothing short; else the one that leaves the fewest units so.

    Raises PricingError as `problem_of` does.
    """
    first = apply(policy, at.facts)
    best, tried = in_turn(policy, first, lambda applied: attempt(applied, at, budget, seed))
    waits_minor = policy.network.policies.backorder_unit_minor or 0
    chosen = unweighed(best.plan.chosen, best.problem, best.base, waits_minor)
    applied = replace(best.applied, passed=first.passed)
    return Sourced(applied, chosen, best.plan, best.problem, best.base, tried, _reason(best.plan))


def attempt(applied: Applied, at: Situation, budget: Budget = DEFAULT, seed: int = 0) -> Attempt:
    """One strategy, without its fallbacks. Raises PricingError."""
    whole = problem_of(
        applied.asked(at.asked),
        at.sites,
        due_at_ms=at.due_at_ms,
        steering=at.steering,
        arriving=at.arriving,
        room=at.room,
    )
    if at.asked.one_box and whole.rules.single_site != "always":
        whole = replace(whole, rules=replace(whole.rules, single_site="always"))
    if not at.gathers and whole.rules.consolidates:
        whole = replace(whole, hubs=(), rules=replace(whole.rules, consolidates=False))
    if not at.may_wait and whole.rules.backorder_unit_minor is not None:
        whole = replace(whole, rules=replace(whole.rules, backorder_unit_minor=None))
    base, out = sieved(whole, applied, at.facts, at.load)
    problem = weighed(base, applied.strategy, at.load)
    found = plan(problem, budget, seed)
    if applied.max_sites is not None and len(found.chosen.shipments) > applied.max_sites:
        found = _limited(problem, found, applied.max_sites, budget, seed)
    if applied.strategy.first is First.SITES:
        found = _fewest_sites(problem, found, budget, seed)
    return Attempt(applied, replace(found, eliminated=(*out, *found.eliminated)) if out else found, problem, base)


def _fewest_sites(problem: Problem, free: Plan, budget: Budget, seed: int) -> Plan:
    """The best way from as few sites as leave no more units short than `free` does."""
    for limit in range(1, len(free.chosen.shipments)):
        found = _limited(problem, free, limit, budget, seed)
        if found.chosen.short_units <= free.chosen.short_units:
            return found
    return free


def _limited(problem: Problem, free: Plan, limit: int, budget: Budget, seed: int) -> Plan:
    """The best way from at most `limit` sites: of every group of them, or gathered where the rules allow that.

    Of an order too large for tables, of the groups that lack the fewest units, one for every four nodes of the budget.
    """
    straight = replace(problem, hubs=(), rules=replace(problem.rules, consolidates=False))
    best: Plan | None = None
    groups = _groups(problem, limit)
    if load_count(tuple([want.quantity for want in problem.wants])) > budget.loads:  # each would take a search
        groups = groups[: max(1, budget.nodes // 4)]
    for lacks, group in groups:
        priced = problem.rules.backorder_unit_minor is not None
        if best is not None and not priced and lacks > best.chosen.short_units:
            break
        one = plan(replace(straight, sources=group), budget, seed)
        if best is None or _rank(problem, one.chosen) < _rank(problem, best.chosen):
            best = one
    if best is None:
        raise AssertionError("what ships from many sites could ship from some of them")
    chosen = best.chosen
    gathered = [one for one in (free.chosen, *free.losers) if one.kind is Kind.CONSOLIDATE]
    fitting = [one for one in gathered if len(one.shipments) <= limit and _allowed(problem, chosen, one)]
    why = f"ships from more than {limit} sites"
    losers = [replace(one, lost_because=why) for one in (free.chosen,) if len(one.shipments) > limit]
    if fitting:
        losers.append(replace(chosen, lost_because="gathered first it costs less, and no later than acceptable"))
        chosen = replace(min(fitting, key=lambda one: _rank(problem, one)), lost_because=None)
    bound_minor = min(best.bound_minor, chosen.cost_minor)
    return Plan(chosen, lambda: (*losers, *best.losers), free.eliminated, bound_minor, False, free.nodes)


def _groups(problem: Problem, limit: int) -> list[tuple[int, tuple[Source, ...]]]:
    """The groups of sites that may serve together, each after the units that their stock lacks, the fewest first."""
    ways = sorted(sift(problem)[0], key=lambda way: -sum(way.cap))[:EXACT_SITES]
    wanted = [want.quantity for want in problem.wants]
    found = []
    for group in combinations(ways, min(limit, len(ways))):
        caps = [sum(units) for units in zip(*(way.cap for way in group), strict=True)]
        lacks = sum([max(0, units - cap) for units, cap in zip(wanted, caps, strict=True)])
        found.append((lacks, tuple([way.source for way in group])))
    return sorted(found, key=lambda one: one[0])


def _allowed(problem: Problem, straight: Candidate, one: Candidate) -> bool:
    if straight.short_units > one.short_units and problem.rules.backorder_unit_minor is None:
        return True
    return refusal(problem, straight.cost_minor, straight.arrival_at_ms, one) is None


def _rank(problem: Problem, one: Candidate) -> tuple[int, int, int, int]:
    """Units that wait count by their price, where they have one."""
    short = one.short_units if problem.rules.backorder_unit_minor is None else 0
    return short, one.cost_minor, len(one.shipments), one.arrival_at_ms


def _reason(found: Plan) -> str:
    """Why units wait."""
    short = found.chosen.short_units
    if not short:
        return ""
    whole = [one for one in found.eliminated if not one.sku]
    told = "; ".join(f"{one.site_id} {one.detail}" for one in whole[:4])
    more = f"; {len(whole) - 4} sites more are out" if len(whole) > 4 else ""
    if not whole:
        told = "no more units are in stock, or one site alone does not have all of an order that may not be split"
    return f"{short} units wait: {told}{more}"
