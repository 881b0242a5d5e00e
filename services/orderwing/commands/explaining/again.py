"""Decisions made again, by the code that made them, from what cards and proposals keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orderwing.commands.explaining import jointly, plans, proposals, routes
from orderwing.commands.explaining.by_policy import plan_by, proposal_by
from orderwing.commands.explaining.cards import (
    CardError,
    Reference,
    compiled_of,
    decide_of,
    facts_of_card,
    is_reproduced,
    network_of,
    policy_in,
    there,
)
from orderwing.commands.explaining.room import rooms
from orderwing.planning.explaining.breakeven import Findings, break_evens, freed
from orderwing.planning.explaining.by_policy import by_policy, chosen_by
from orderwing.planning.explaining.deciding import (
    Choose,
    Decide,
    PricingError,
    Verdict,
    chosen_quickly,
    exactly,
    quickly,
)
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing_schemas.domain import Order
from orderwing_schemas.events.reoptimizer import ProposalMade
from orderwing_schemas.events.reservation import DecisionCard, PlanFacts
from orderwing_schemas.network import Network

ARRIVES = "arrives by"


@dataclass(frozen=True)
class Remade:
    """A decision made again by `decide`, as it was made. `findings` and `exact_findings` are of the two ways to decide.

    `exact` is by the network's rules alone; None where goods cannot be priced, and `no_price` says why, or where the
    engine does not decide such a thing. `under`: the same decision by another policy. `nothing`: what it means to
    choose nothing; `due`: what the verdict's promise is.
    """

    network: Network  # all of it, not only what the decision looked at
    facts: Facts
    decide: Decide
    verdict: Verdict
    findings: Findings
    under: Callable[[Compiled], Decide]
    exact: Verdict | None = None
    no_price: str | None = None
    governed: bool = False
    nothing: str = "Nothing could be held"
    due: str = "promised for"

    @property
    def has_engine(self) -> bool:
        """Whether the exact engine decides such a thing."""
        return self.exact is not None or self.no_price is not None

    def exact_findings(self) -> Findings | None:
        return None if self.exact is None else break_evens(self.facts, self.exact, exactly)


def remade(card: DecisionCard, order: Order | None, reference: Reference) -> Remade:
    """Raises CardError."""
    if card.plan is not None:
        return _plan(card, card.plan, there(order), reference)
    facts = facts_of_card(card, order, reference)
    if card.decision == jointly.TOGETHER:
        return _together(card, facts, reference)
    return _route(card, facts, reference) if facts.elsewhere else _hold(card, facts, reference)


def _hold(card: DecisionCard, facts: Facts, reference: Reference) -> Remade:
    decide = decide_of(card, reference)
    verdict = decide(facts)
    if not is_reproduced(card, verdict):
        raise CardError(otherwise(verdict))
    return _chosen(facts, verdict, decide, by_policy, reference, governed=decide is not quickly)


def _route(card: DecisionCard, facts: Facts, reference: Reference) -> Remade:
    def under(policy: Compiled) -> Decide:
        return routes.by_route(chosen_by(policy))

    policy = compiled_of(card, reference)
    choose: Choose = chosen_quickly if policy is None else chosen_by(policy)
    decide = routes.by_route(choose)
    verdict = decide(facts)
    if not routes.is_reproduced(card, facts, choose):
        raise CardError(otherwise(verdict))
    return _chosen(facts, verdict, decide, under, reference, governed=policy is not None)


def _together(card: DecisionCard, facts: Facts, reference: Reference) -> Remade:
    policy = compiled_of(card, reference)
    decide = jointly.as_told(card, policy)
    verdict = decide(facts)
    if not is_reproduced(card, verdict):
        raise CardError(otherwise(verdict))
    return _chosen(facts, verdict, decide, jointly.under, reference, governed=policy is not None)


def _chosen(
    facts: Facts,
    verdict: Verdict,
    decide: Decide,
    under: Callable[[Compiled], Decide],
    reference: Reference,
    governed: bool,
) -> Remade:
    """A choice of sites, beside which stands the exact engine's."""
    exact, no_price = priced(exactly, facts)
    network = reference.networks[facts.network.version]
    found = break_evens(facts, verdict, decide)
    return Remade(network, facts, decide, verdict, found, under, exact, no_price, governed)


def _plan(card: DecisionCard, kept: PlanFacts, order: Order, reference: Reference) -> Remade:
    network = network_of(kept.network_version, reference)
    facts = plans.planning_of(card, kept, order, network, reference.items, policy_in(kept, reference))
    verdict = plans.by_allocation(facts)
    if not plans.is_reproduced(card, facts):
        raise CardError(otherwise(verdict))
    found = break_evens(facts, verdict, plans.by_allocation, own=plans.own_inputs(facts))
    with_room = freed(facts, verdict, plans.by_allocation, rooms(facts))
    found = found._replace(found=(*found.found, *with_room))
    waits = "No departure would have room, and the part would wait"
    return Remade(network, facts, plans.by_allocation, verdict, found, plan_by, nothing=waits, due=ARRIVES)


def proposed_again(
    proposal: ProposalMade, order: Order | None, reference: Reference, others: Mapping[str, Order] | None = None
) -> list[tuple[str, Remade]]:
    """By part of the order that a proposal moves. `others`: orders of its other parts. Raises CardError."""
    kept = proposal.facts
    if kept is None:
        raise CardError("The proposal does not hold what it rests on, so it cannot be made again.")
    network, order = network_of(kept.network_version, reference), there(order)
    policy = policy_in(kept, reference)
    made = []
    for part_id in [one.part_id for one in proposal.changes if one.order_id == order.order_id]:
        facts = proposals.reconsidering(proposal, kept, part_id, order, network, reference.items, policy, others)
        if not proposals.is_reproduced(proposal, facts):
            raise CardError(
                "Made again it is another: it was weighed against parts that it does not name, what had been refused "
                "before, or another catalogue, and holds none of them."
            )
        verdict = proposals.by_search(facts)
        most = proposals.DECISIONS // len(kept.parts)
        found = proposals.sensible(break_evens(facts, verdict, proposals.by_search, most, proposals.own_inputs(facts)))
        with_room = freed(facts, verdict, proposals.by_search, rooms(facts))
        found = found._replace(found=(*found.found, *with_room))
        made.append((part_id, Remade(network, facts, proposals.by_search, verdict, found, proposal_by, due=ARRIVES)))
    return made


def otherwise(verdict: Verdict) -> str:
    return (
        f"Made again it is {verdict.chosen}: catalogue or program are no longer those it was made with, so nothing "
        "is told about what would have changed it."
    )


def priced(decide: Decide, facts: Facts) -> tuple[Verdict | None, str | None]:
    """The verdict, or why there is no price."""
    try:
        return decide(facts), None
    except PricingError as error:
        return None, str(error)
