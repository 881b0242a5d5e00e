"""What the exact engine says under a policy."""

from __future__ import annotations

from orderwing.planning.explaining.deciding import DEFAULT, Decide, Verdict, verdict_of
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.matching import facts_of
from orderwing.planning.policies.sourcing import Situation, source
from orderwing.planning.sourcing.problem import Budget


def by_policy(policy: Compiled, budget: Budget = DEFAULT) -> Decide:
    """Costs are without its weights. What decides raises PricingError."""

    def decide(facts: Facts) -> Verdict:
        sought = facts.sought
        about = facts_of(facts.order, facts.items.get)
        found = source(policy, Situation(about, sought.asked, sought.may_serve()), budget)
        return verdict_of(facts, found.plan, found.chosen, found.explained)

    return decide
