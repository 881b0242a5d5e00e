"""Whom a slip asks, decided again by reservation's own code from what other regions had told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from orderwing.planning.explaining.deciding import Choose, Decide, Verdict, of_choice
from orderwing.planning.explaining.facts import Facts, Shelf
from orderwing.planning.holding import weighed
from orderwing.planning.policies.governing import Governed
from orderwing.planning.sourcing import Choice
from orderwing.reservation.hearing import Known
from orderwing.reservation.route import NOBODY, ROUTE, STALE, TO_ONE_BOX, UNKNOWN, Route, arranged, candidates_told
from orderwing.reservation.rows import Units
from orderwing.reservation.sourcing import Search
from orderwing_schemas.events.reservation import DecisionCard

DECISIONS = (ROUTE, TO_ONE_BOX)
__all__ = ["DECISIONS", "STALE", "by_route", "is_reproduced", "route_of", "told_of"]


def told_of(stock: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Without the shelves of which nobody had told: those are not nought."""
    return {place: units for place, units in stock.items() if units != UNKNOWN}


def route_of(facts: Facts, choice: Choice) -> Route:
    """The regions that a slip asks for a choice."""
    by_region = facts.network.sites_by_region
    knowns = tuple(
        [
            Known(
                region,
                {
                    (site.site_id, sku): facts.stock.get(Shelf(site.site_id, sku))
                    for sku in facts.needed
                    for site in by_region.get(region, ())
                },
                None,
            )
            for region in facts.elsewhere
        ]
    )
    search = Search(
        order=facts.order,
        region=facts.region,
        lines=[Units(line.line_id, line.sku, line.quantity) for line in facts.lines],
        now_ms=facts.now_ms,
        by_ms=facts.by_ms,
    )
    return arranged(facts.network, search, facts.sought, knowns, choice)


def by_route(choose: Choose) -> Decide:
    """The sites that a slip counts on, and in its note whom it asks."""

    def decide(facts: Facts) -> Verdict:
        choice = choose(facts)
        told = choice.told() if isinstance(choice, Governed) else weighed(facts.sought, choice)
        asks = ", then ".join(route_of(facts, choice).regions) or NOBODY
        return replace(of_choice(choice, told), note=f"It asks {asks}.")

    return decide


def is_reproduced(card: DecisionCard, facts: Facts, choose: Choose) -> bool:
    """Whether the same regions are asked, with all that was weighed."""
    route = route_of(facts, choose(facts))
    told = tuple(candidates_told(route))[: len(card.candidates) if card.truncated else None]
    return (", ".join(route.regions) or NOBODY) == card.chosen and told == card.candidates
