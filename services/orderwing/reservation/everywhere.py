"""An order whose strategy is about all that it ships from: decided among home and its neighbours as one region.

By the stock that they last told. Of them is asked exactly what was decided; until they have answered home also keeps
what it would send without them, and gives that up for what they hold instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from orderwing.kernel.view import Draft
from orderwing.planning.holding import Sought
from orderwing.planning.sourcing import Choice
from orderwing.reservation import one_box, units
from orderwing.reservation.answers import takes_all_or_nothing
from orderwing.reservation.hearing import Known, known
from orderwing.reservation.rows import Held, Hold
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import (
    CARD_CANDIDATES,
    CARD_SHELVES,
    Search,
    candidates_of,
    card_facts,
    decide,
    means_whole_order,
    notes,
)
from orderwing_schemas.domain import Candidate, HeldLine, Order
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.topics import RESERVATION_CARDS

TOGETHER = "home and others together"
KEEPS = "home keeps what it holds until they have answered"


class Everywhere(NamedTuple):
    """`home`: what home is to send. `away`: what others are to, those who are to send the most first."""

    search: Search
    sought: Sought
    knowns: tuple[Known, ...]
    choice: Choice
    home: tuple[Held, ...]
    away: tuple[HeldLine, ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """Of `away`, in its order."""
        sites = self.sought.asked.network.site_by_id
        return tuple(dict.fromkeys([sites[line.site_id].region_id for line in self.away]))


def plan(draft: Draft, hold: Hold, order: Order, search: Search) -> Everywhere | None:
    """None where regions are to decide one after another; once for an order.

    So they are where others have not told all that could matter, and where an order taken whole cannot be had so.
    """
    if hold.boxed or hold.held or hold.remote or hold.part_count or not means_whole_order(draft, order):
        return None
    sought, knowns = among_all(draft, search)
    if not knowns:
        return None
    choice = decide(draft, sought, order)
    lacks = bool(choice.short) or (one_box.is_wanted(order) and len(choice.site_ids) > 1)
    if not choice.held or (lacks and any(one.is_unknown for one in knowns)):
        return None
    if choice.short and takes_all_or_nothing(order):
        return None
    away = away_of(draft, search.region, choice)
    regions = most_first(away)
    held = units.held_of_told(choice.held)
    home = tuple([line for line in held if draft.network.site_by_id[line.site_id].region_id == search.region])
    return Everywhere(search, sought, knowns, choice, home, tuple([line for one in regions for line in away[one]]))


def put_card(draft: Draft, way: Everywhere) -> None:
    """Before home holds any: the card tells the stock that was seen."""
    asked = (f"asked: {', '.join(way.regions)}; {KEEPS}",) if way.away else ()
    put_card_of(draft, way.search, way.sought, way.knowns, candidates_of(way.sought, way.choice), (
        *notes(draft, way.search, way.choice), *asked
    ))  # fmt: skip


def put_card_of(
    draft: Draft,
    search: Search,
    sought: Sought,
    knowns: tuple[Known, ...],
    candidates: list[Candidate],
    said: tuple[str, ...],
) -> None:
    """By the stock last told of others. The chosen way is the first of the candidates."""
    skus = tuple(sought.asked.needed)
    told = [shelf for one in knowns for shelf in one.told()]
    seen = (*Shelves(draft, search.region).seen(skus), *told)
    card = DecisionCard(
        order_id=search.order.order_id,
        part_id=None,
        stage="reservation",
        decision=TOGETHER,
        at_ms=search.now_ms,
        chosen=candidates[0].label,
        candidates=tuple(candidates[:CARD_CANDIDATES]),
        seen=seen[:CARD_SHELVES],
        notes=said,
        truncated=len(candidates) > CARD_CANDIDATES or len(seen) > CARD_SHELVES,
        facts=card_facts(draft, search, sought, sought.asked.atp, skus, len(seen) > CARD_SHELVES),
    )
    draft.emit(RESERVATION_CARDS, card)


def among_all(draft: Draft, search: Search) -> tuple[Sought, tuple[Known, ...]]:
    """Among home's own sites and its neighbours', with what they last told."""
    network = draft.network
    skus = dict.fromkeys([line.sku for line in search.lines])
    knowns = tuple([known(draft, region, skus) for region in network.region_by_id[search.region].neighbours])
    told = {place: units or 0 for one in knowns for place, units in one.units.items()}
    sought = search.sought(draft, Shelves(draft, search.region))
    own = sought.asked.atp

    def atp(site_id: str, sku: str) -> int:
        there = told.get((site_id, sku))
        return own(site_id, sku) if there is None else there

    regions = (search.region, *[one.region for one in knowns])
    among = tuple([site for region in regions for site in network.sites_by_region.get(region, ())])
    return sought._replace(asked=replace(sought.asked, atp=atp), among=among), knowns


def away_of(draft: Draft, home: str, choice: Choice) -> dict[str, list[HeldLine]]:
    """What other regions would send, by region."""
    away: dict[str, list[HeldLine]] = {}
    for line in units.held_told(units.held_of_told(choice.held)):
        region = draft.network.site_by_id[line.site_id].region_id
        if region != home:
            away.setdefault(region, []).append(line)
    return away


def most_first(away: dict[str, list[HeldLine]]) -> tuple[str, ...]:
    """Regions, those of the most units first."""
    return tuple(sorted(away, key=lambda region: -sum([line.quantity for line in away[region]])))
