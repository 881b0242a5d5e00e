"""Sourcing one order by a policy: its strategy, then fallbacks while units are short; and what was decided why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from orderwing.planning.policies.compiling import Applied, Compiled, apply, steps
from orderwing.planning.policies.few_sites import Few
from orderwing.planning.policies.matching import Facts
from orderwing.planning.policies.sieving import Load, sieved
from orderwing.planning.policies.weighing import unweighed, weighed
from orderwing.planning.sourcing.building import Arriving, Room, problem_of
from orderwing.planning.sourcing.engine import plan
from orderwing.planning.sourcing.plan import Candidate, Plan
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.quick import Asked
from orderwing_schemas.network import Site
from orderwing_schemas.policy import First

DEFAULT = Budget()


@dataclass(frozen=True, slots=True)
class Situation:
    """An order and what is known at its decision. `asked` is with the policy's network; the rest as for `problem_of`.

    `load`: percent of what a site can pick in this hour. `gathers` False: nobody can move goods between sites.
    `may_wait` False: no unit that is in stock waits, whatever it costs. `used`: sites that send something of the order
    in any case, and count where sites are counted.
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
    used: frozenset[str] = frozenset()


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
    few = Few(problem, at.used, budget, seed)
    if applied.max_sites is not None and few.count(found.chosen) > applied.max_sites:
        found = few.limited(found, applied.max_sites)
    if applied.strategy.first is First.SITES:
        found = few.fewest(found)
    return Attempt(applied, replace(found, eliminated=(*out, *found.eliminated)) if out else found, problem, base)


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
