"""What the stage that owns the stock decides while a policy is in force."""

from __future__ import annotations

from orderwing.planning.explaining.deciding import Decide, Verdict, of_choice
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.governing import hold_by


def by_policy(policy: Compiled) -> Decide:
    """Costs are without its weights. The policy was compiled on the whole network."""

    def decide(facts: Facts) -> Verdict:
        choice = hold_by(policy.on(facts.network), facts.sought, facts.order)
        return of_choice(choice, choice.told(), choice.note)

    return decide
