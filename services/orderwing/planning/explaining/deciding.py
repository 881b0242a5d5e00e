"""Decisions made again: by the code that made them, and by the exact engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orderwing.planning.calendar import MINUTE_MS
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.holding import hold, weighed
from orderwing.planning.pricing import PricingError
from orderwing.planning.sourcing import Choice
from orderwing.planning.sourcing import plan as plans
from orderwing.planning.sourcing.building import problem_of
from orderwing.planning.sourcing.engine import plan
from orderwing.planning.sourcing.plan import Plan
from orderwing.planning.sourcing.problem import Budget
from orderwing_schemas.domain import Candidate

NOTHING = "nothing"
DEFAULT = Budget()


@dataclass(frozen=True)
class Taken:
    """Units that a decision has one site ship."""

    site_id: str
    sku: str
    units: int


@dataclass(frozen=True)
class Verdict:
    """`candidates`: the chosen one first, if anything is, then those priced, the best first, then those that were not.

    Costs are what ways were compared by, the steering prices of the goods included, which nobody is charged.
    `short_units` of all that is wanted find no stock. `gap`: how much of the cost a proof leaves open; None where the
    decision proves nothing. `compared`: by label what decides instead of costs alone, the least wins.
    """

    chosen: str
    candidates: tuple[Candidate, ...]
    taken: tuple[Taken, ...]
    short_units: int
    cost_minor: int
    promise_at_ms: int | None
    gap: float | None = None
    note: str = ""
    compared: Mapping[str, int] | None = None

    @cached_property
    def cost_of(self) -> dict[str, int]:
        """By label, the cheapest of those of one label."""
        costs: dict[str, int] = {}
        for one in self.candidates:
            if one.cost_minor is not None:
                costs[one.label] = min(one.cost_minor, costs.get(one.label, one.cost_minor))
        return costs

    @property
    def runner_up(self) -> Candidate | None:
        """The best that was priced and lost."""
        return next((one for one in self.candidates if one.lost_because and one.cost_minor is not None), None)


Decide = Callable[[Facts], Verdict]
Choose = Callable[[Facts], Choice]


def chosen_quickly(facts: Facts) -> Choice:
    """What the stage that owns the stock chooses where no policy is in force."""
    return hold(facts.sought)


def quickly(facts: Facts) -> Verdict:
    """The same, with what was weighed."""
    choice = chosen_quickly(facts)
    return of_choice(choice, weighed(facts.sought, choice))


def of_choice(choice: Choice, told: Sequence[Candidate], note: str = "") -> Verdict:
    """`told` is all that was weighed."""
    cost = next((one.cost_minor for one in told if one.lost_because is None), None)
    return Verdict(
        chosen="+".join(choice.site_ids) or NOTHING,
        candidates=tuple(told),
        taken=tuple([Taken(pick.site_id, pick.sku, pick.quantity) for pick in choice.held]),
        short_units=sum([line.quantity for line in choice.short]),
        cost_minor=cost or 0,
        promise_at_ms=choice.promise_at_ms,
        note=note,
    )


def exactly(facts: Facts, budget: Budget = DEFAULT) -> Verdict:
    """What the exact engine says: weight breaks, cartons, transfers and all. Raises PricingError."""
    sought = facts.sought
    found = plan(problem_of(sought.asked, sought.may_serve(), steering=facts.steering), budget)
    return verdict_of(facts, found, found.chosen)


def verdict_of(facts: Facts, found: Plan, chosen: plans.Candidate, note: str = "") -> Verdict:
    """Of an order that may not be split all from one site, or nothing."""
    if chosen.short and not facts.may_split:
        chosen = plans.Candidate(plans.Kind.NOTHING, (), tuple([plans.Taken(*n) for n in facts.needed.items()]))
    candidates = [_candidate(one) for one in (chosen, *found.losers) if one.shipments]
    told = {one.label for one in candidates}
    for site_id in dict.fromkeys([one.site_id for one in found.eliminated if one.site_id not in told]):
        why = [f"{e.sku}: {e.detail}" if e.sku else e.detail for e in found.eliminated if e.site_id == site_id]
        candidates.append(Candidate(label=site_id, lost_because="; ".join(why)))
    slack_ms = facts.network.policies.promise_slack_minutes * MINUTE_MS
    taken = [
        Taken(site_id, goods.sku, goods.units)
        for one in chosen.shipments
        for site_id, some in [(one.site_id, (*one.taken, *one.cross_docked)), *one.moved]
        for goods in some
    ]
    return Verdict(
        chosen=chosen.label,
        candidates=tuple(candidates),
        taken=tuple(taken),
        short_units=chosen.short_units,
        cost_minor=chosen.cost_minor,
        promise_at_ms=chosen.arrival_at_ms + slack_ms if chosen.shipments else None,
        gap=found.gap,
        note=note,
    )


def _candidate(one: plans.Candidate) -> Candidate:
    return Candidate(label=one.label, cost_minor=one.cost_minor, terms=one.terms, lost_because=one.lost_because)


__all__ = [
    "NOTHING",
    "Choose",
    "Decide",
    "PricingError",
    "Taken",
    "Verdict",
    "chosen_quickly",
    "exactly",
    "quickly",
    "verdict_of",
]
