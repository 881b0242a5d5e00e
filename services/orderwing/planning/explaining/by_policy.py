"""What the stage that owns the stock decides while a policy is in force."""

from __future__ import annotations

from collections.abc import Callable

from orderwing.planning.explaining.deciding import Decide, Verdict, of_choice
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.governing import Governed, hold_by


def chosen_by(policy: Compiled) -> Callable[[Facts], Governed]:
    """The choice alone."""
    return lambda facts: hold_by(policy.on(facts.network), facts.sought, facts.order)


def by_policy(policy: Compiled) -> Decide:
    """Costs are without its weights. The policy was compiled on the whole network."""
    choose = chosen_by(policy)

    def decide(facts: Facts) -> Verdict:
        choice = choose(facts)
        return of_choice(choice, choice.told(), choice.note)

    return decide
