"""Ways from few sites: the best from at most so many, or from as few as leave no more units short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

from orderwing.planning.sourcing.consolidating import refusal
from orderwing.planning.sourcing.engine import plan
from orderwing.planning.sourcing.plan import Candidate, Kind, Plan
from orderwing.planning.sourcing.problem import EXACT_SITES, Budget, Problem, Source
from orderwing.planning.sourcing.sieve import sift
from orderwing.planning.sourcing.states import load_count


@dataclass(frozen=True, slots=True)
class Few:
    """`used` sites send something of the order in any case: they count, and cost no site more."""

    problem: Problem
    used: frozenset[str]
    budget: Budget
    seed: int

    def count(self, one: Candidate) -> int:
        """Of the order's sites."""
        return len(self.used.union([shipment.site_id for shipment in one.shipments]))

    def fewest(self, free: Plan) -> Plan:
        """The best way from as few sites as leave no more units short than `free` does."""
        for limit in range(max(1, len(self.used)), self.count(free.chosen)):
            found = self.limited(free, limit)
            if found.chosen.short_units <= free.chosen.short_units:
                return found
        return free

    def limited(self, free: Plan, limit: int) -> Plan:
        """The best way from at most `limit` sites: of every group of them, or gathered where the rules allow that.

        Of an order too large for tables, of the groups that lack the fewest units, one for every four nodes of the
        budget.
        """
        best = self._straight(limit)
        chosen = best.chosen
        gathered = [one for one in (free.chosen, *free.losers) if one.kind is Kind.CONSOLIDATE]
        fitting = [one for one in gathered if self.count(one) <= limit and _allowed(self.problem, chosen, one)]
        why = f"ships from more than {limit} sites"
        losers = [replace(one, lost_because=why) for one in (free.chosen,) if self.count(one) > limit]
        if fitting:
            losers.append(replace(chosen, lost_because="gathered first it costs less, and no later than acceptable"))
            chosen = replace(min(fitting, key=lambda one: _rank(self.problem, one)), lost_because=None)
        bound_minor = min(best.bound_minor, chosen.cost_minor)
        return Plan(chosen, lambda: (*losers, *best.losers), free.eliminated, bound_minor, False, free.nodes)

    def _straight(self, limit: int) -> Plan:
        """Straight to the customer, of every group of sites."""
        problem, budget = self.problem, self.budget
        straight = replace(problem, hubs=(), rules=replace(problem.rules, consolidates=False))
        priced = problem.rules.backorder_unit_minor is not None
        groups = self._groups(limit)
        if load_count(tuple([want.quantity for want in problem.wants])) > budget.loads:  # each would take a search
            groups = groups[: max(1, budget.nodes // 4)]
        best: Plan | None = None
        for lacks, group in groups:
            if best is not None and not priced and lacks > best.chosen.short_units:
                break
            one = plan(replace(straight, sources=group), budget, self.seed)
            if best is None or _rank(problem, one.chosen) < _rank(problem, best.chosen):
                best = one
        if best is None:
            raise AssertionError("there is a group of no sites at least")
        return best

    def _groups(self, limit: int) -> list[tuple[int, tuple[Source, ...]]]:
        """Groups of sites that may serve together, each after the units that its stock lacks, the fewest first."""
        sifted = sorted(sift(self.problem)[0], key=lambda way: -sum(way.cap))
        always = [way for way in sifted if way.source.site_id in self.used]
        others = [way for way in sifted if way.source.site_id not in self.used][:EXACT_SITES]
        wanted = [want.quantity for want in self.problem.wants]
        found = []
        for more in combinations(others, max(0, min(limit - len(self.used), len(others)))):
            group = (*always, *more)
            caps = [sum([way.cap[place] for way in group]) for place in range(len(wanted))]
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
