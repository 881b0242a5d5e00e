"""Home and its neighbours as one region, or home first, decided again: as a policy means it, or by cost."""

from __future__ import annotations

from dataclasses import replace

from orderwing.planning.explaining.by_policy import by_policy, chosen_by
from orderwing.planning.explaining.deciding import Choose, Decide, Taken, Verdict, chosen_quickly, of_choice
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.governing import NOTHING_HELD, means_whole_order
from orderwing.planning.sourcing import Rest
from orderwing.reservation.everywhere import TOGETHER
from orderwing.reservation.together import HOME_FIRST, Ways
from orderwing_schemas.events.reservation import DecisionCard

__all__ = ["HOME_FIRST", "TOGETHER", "as_told", "by_both", "under", "ways_of"]


def under(policy: Compiled) -> Decide:
    """As one region where the order's strategy is about all of it."""
    at_once, either = by_policy(policy), by_both(chosen_by(policy))

    def decide(facts: Facts) -> Verdict:
        return (at_once if means_whole_order(policy, facts.order, facts.items.get) else either)(facts)

    return decide


def as_told(card: DecisionCard, policy: Compiled | None) -> Decide:
    """As it was made: a card that tells of home first compared both ways, also where all at once could not be had."""
    if policy is None:
        return by_both(chosen_quickly)
    both = any(one.label == HOME_FIRST for one in card.candidates)
    return by_both(chosen_by(policy)) if both else under(policy)


def ways_of(facts: Facts, choose: Choose) -> Ways:
    """`facts.elsewhere` is home, then its neighbours."""
    here = choose(replace(facts, elsewhere=()))
    rest = tuple([Rest(line.line_id, line.sku, line.quantity) for line in here.short])
    used = facts.used.union(here.site_ids)
    others = choose(replace(facts, elsewhere=facts.elsewhere[1:], lines=rest, used=used)) if rest else NOTHING_HELD
    return Ways(facts.sought, choose(facts), here, others)


def by_both(choose: Choose) -> Decide:
    """The sites of all together, or home first."""

    def decide(facts: Facts) -> Verdict:
        ways = ways_of(facts, choose)
        told = ways.told()
        if ways.is_better:
            return of_choice(ways.together, told)
        held = (*ways.here.held, *ways.others.held)
        promises = [one.promise_at_ms for one in (ways.here, ways.others) if one.promise_at_ms is not None]
        return Verdict(
            chosen=HOME_FIRST,
            candidates=tuple(told),
            taken=tuple([Taken(pick.site_id, pick.sku, pick.quantity) for pick in held]),
            short_units=sum([line.quantity for line in ways.others.short]),
            cost_minor=ways.apart_minor,
            promise_at_ms=max(promises, default=None),
        )

    return decide
