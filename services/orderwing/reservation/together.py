"""An order that home has in part, sourced from home and its neighbours as from one region, where that costs less.

Home first, then others for the rest, often sends two boxes where one would do. What others told is never trusted: home
keeps what it holds until the slip is back, and gives up only what they hold instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from orderwing.kernel.view import Draft
from orderwing.planning.holding import Sought
from orderwing.planning.sourcing import Choice
from orderwing.reservation import units
from orderwing.reservation.hearing import Known, known
from orderwing.reservation.route import Route
from orderwing.reservation.rows import Held, Hold, Units
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import CARD_CANDIDATES, CARD_SHELVES, Search, candidates_of, decide
from orderwing_schemas.domain import Candidate, HeldLine
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.topics import RESERVATION_CARDS

TOGETHER, HOME_FIRST = "home and others together", "home first"


class Together(NamedTuple):
    """`regions`: whom a slip asks, most units first. `expected`: what for, in their order."""

    search: Search
    sought: Sought
    knowns: tuple[Known, ...]
    choice: Choice
    apart_minor: int
    regions: tuple[str, ...]
    expected: tuple[HeldLine, ...]


def plan(draft: Draft, hold: Hold, search: Search, here: Choice, others: Route | None) -> Together | None:
    """None where home first is as good: home holding `here`, and `others` the rest. Once for an order.

    Ways are compared by the parcels that the quick choice priced. A policy's strategy that needs the exact engine has
    none, and decides region by region.
    """
    if others is None or hold.boxed or hold.held or hold.remote or hold.part_count:
        return None
    if not (here.parcels and others.choice.parcels):
        return None
    sought, knowns = _everywhere(draft, search)
    choice = decide(draft, sought, search.order)
    apart_minor = here.weighed_minor + others.choice.weighed_minor
    if (_short(choice), choice.weighed_minor) >= (_short(others.choice), apart_minor) or not choice.parcels:
        return None
    away = _away(draft, search.region, choice)
    if not away:
        return None
    regions = tuple(sorted(away, key=lambda region: -sum([line.quantity for line in away[region]])))
    expected = tuple([line for region in regions for line in away[region]])
    return Together(search, sought, knowns, choice, apart_minor, regions, expected)


def put_card(draft: Draft, way: Together) -> None:
    """What each way would cost, by the stock last told."""
    first, *others = candidates_of(way.sought, way.choice)
    apart = Candidate(
        label=HOME_FIRST,
        cost_minor=way.apart_minor,
        lost_because=f"dearer by {way.apart_minor - way.choice.weighed_minor}",
    )
    candidates = (first, apart, *others)
    seen = tuple([shelf for one in way.knowns for shelf in one.told()])
    card = DecisionCard(
        order_id=way.search.order.order_id,
        part_id=None,
        stage="reservation",
        decision=TOGETHER,
        at_ms=way.search.now_ms,
        chosen=first.label,
        candidates=candidates[:CARD_CANDIDATES],
        seen=seen[:CARD_SHELVES],
        notes=(f"asked: {', '.join(way.regions)}; home keeps what it holds until they have answered",),
        truncated=len(candidates) > CARD_CANDIDATES or len(seen) > CARD_SHELVES,
    )
    draft.emit(RESERVATION_CARDS, card)


def give_up(draft: Draft, hold: Hold, lines: Sequence[Units]) -> Hold:
    """Home holds so much less, since others hold it; first of the sites that would send the least."""
    if not lines:
        return hold
    by_site: dict[str, int] = {}
    for one in hold.held:
        by_site[one.site_id] = by_site.get(one.site_id, 0) + one.quantity
    left = {(line.line_id, line.sku): line.quantity for line in lines}
    kept: list[Held] = []
    gone: list[Held] = []
    for one in sorted(hold.held, key=lambda one: (by_site[one.site_id], one.site_id)):
        some = min(one.quantity, left.get((one.line_id, one.sku), 0))
        if some:
            left[one.line_id, one.sku] -= some
            gone.append(structs.replace(one, quantity=some))
        if some < one.quantity:
            kept.append(structs.replace(one, quantity=one.quantity - some))
    shelves = Shelves(draft, hold.home)
    shelves.release(gone)
    shelves.publish("released", hold.order_id)
    return structs.replace(hold, held=tuple(kept))


def _everywhere(draft: Draft, search: Search) -> tuple[Sought, tuple[Known, ...]]:
    """Among home's own sites and its neighbours', with what they last told."""
    network = draft.network
    skus = dict.fromkeys([line.sku for line in search.lines])
    knowns = tuple([known(draft, region, skus) for region in network.region_by_id[search.region].neighbours])
    told = {place: units or 0 for one in knowns for place, units in one.units.items()}
    sought = search.sought(draft, Shelves(draft, search.region))
    own = sought.asked.atp

    def atp(site_id: str, sku: str) -> int:
        elsewhere = told.get((site_id, sku))
        return own(site_id, sku) if elsewhere is None else elsewhere

    regions = (search.region, *[one.region for one in knowns])
    among = tuple([site for region in regions for site in network.sites_by_region.get(region, ())])
    return sought._replace(asked=replace(sought.asked, atp=atp), among=among), knowns


def _away(draft: Draft, home: str, choice: Choice) -> dict[str, list[HeldLine]]:
    """What other regions would send, by region."""
    away: dict[str, list[HeldLine]] = {}
    for line in units.held_told(units.held_of_told(choice.held)):
        region = draft.network.site_by_id[line.site_id].region_id
        if region != home:
            away.setdefault(region, []).append(line)
    return away


def _short(choice: Choice) -> int:
    return sum([line.quantity for line in choice.short])
