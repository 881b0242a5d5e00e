"""Plans and proposals as a policy would have them, on the goods as they were held."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

import msgspec

from orderwing.allocation.plans import delay_minutes
from orderwing.commands.explaining.plans import Planning, by_allocation
from orderwing.commands.explaining.proposals import Reconsidering, by_search
from orderwing.planning.explaining.deciding import Decide, Verdict
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.counting import decides, followed, named, needs_hours
from orderwing.planning.policies.governing import barred
from orderwing.reoptimizer.pool import PoolPart
from orderwing_schemas.domain import Order

AS_HELD = "It is held as it was: what the policy would hold instead, reservation's card says."


def plan_by(policy: Compiled) -> Decide:
    """Of allocation. The policy was compiled on the whole network."""

    def decide(facts: Facts) -> Verdict:
        assert isinstance(facts, Planning)
        here = policy.on(facts.network)
        bars = frozenset(barred(here, facts.order, facts.items.get, facts.sites))
        verdict = by_allocation(replace(facts, policy=here, barred=bars))
        unseen = sorted(facts.unseen - bars)
        more = (
            f"The card does not hold what {' and '.join(unseen)} had: nothing might be moved there." if unseen else ""
        )
        return _noting(verdict, AS_HELD, more)

    return decide


def proposal_by(policy: Compiled) -> Decide:
    """Of the re-optimizer. The policy was compiled on the whole network."""

    def decide(facts: Facts) -> Verdict:
        assert isinstance(facts, Reconsidering)
        here = policy.on(facts.network)
        orders = {facts.order.order_id: facts.order, **facts.others}
        parts = tuple([_held_by(here, one, orders.get(one.order_id), facts) for one in facts.parts])
        mine = next(one for one in parts if one.part_id == facts.part_id)
        governed = replace(facts, parts=parts, policy=here, max_delay_minutes=mine.max_delay_minutes)
        return _noting(by_search(governed), AS_HELD, *_untold(governed, here, orders.keys()))

    return decide


def _held_by(policy: Compiled, part: PoolPart, order: Order | None, facts: Reconsidering) -> PoolPart:
    """By the strategy that it would follow; by none where its order is not known."""
    if order is None:
        return msgspec.structs.replace(part, strategy=None, barred=())
    known = facts.network.site_by_id
    sites = [known[site_id] for site_id in dict.fromkeys([take.site_id for take in part.takes]) if site_id in known]
    strategy = followed(policy, order, facts.items.get, sites)
    return msgspec.structs.replace(
        part,
        strategy=strategy.name if decides(strategy) else None,
        max_delay_minutes=delay_minutes(order, strategy),
        barred=barred(policy, order, facts.items.get, facts.sites),
    )


def _untold(facts: Reconsidering, policy: Compiled, orders: Container[str]) -> Iterator[str]:
    unknown = sorted({one.part_id for one in facts.parts if one.order_id not in orders})
    if unknown:
        yield f"What the policy means for {' and '.join(unknown)} is not known: their orders are not in the views."
    weighed = [named(policy, one.strategy) for one in facts.parts]
    if facts.hours is None and any(needs_hours(one) for one in weighed):
        yield "The proposal does not hold how full hours of picking were: its own parts alone count."


def _noting(verdict: Verdict, *notes: str) -> Verdict:
    return replace(verdict, note=" ".join([note for note in (verdict.note, *notes) if note]))
