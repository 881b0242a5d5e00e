"""An order wanted in one box goes whole from elsewhere, where home would send several and it arrives in time."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.kernel.view import Draft
from orderwing.planning.sourcing import Choice
from orderwing.reservation import route
from orderwing.reservation.route import Route
from orderwing.reservation.rows import Hold
from orderwing.reservation.sourcing import MINUTE_MS, Search, earliest_ms
from orderwing.reservation.units import held_of_told
from orderwing_schemas.domain import Candidate, HeldLine, Order
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.topics import RESERVATION_CARDS

SEVERAL = "several boxes"


def is_wanted(order: Order) -> bool:
    """A single unit is never split, and what may not be split is in one box anyway."""
    return order.one_box and order.may_split and sum(line.quantity for line in order.lines) > 1


def is_sought(hold: Hold, order: Order, choice: Choice, *, again: bool = False) -> bool:
    """While nothing is held yet, once; `again` when an order that has waited is about to be taken."""
    if (hold.boxed and not again) or hold.held or hold.remote or hold.part_count or not is_wanted(order):
        return False
    return bool(choice.short) or len(choice.site_ids) > 1


def plan(draft: Draft, search: Search, choice: Choice) -> Route:
    """First a region of which a single site is known to have all, then whoever may have one."""
    return route.plan(draft, search._replace(whole=True, by_ms=_latest_ms(draft, search, choice), used=()))


def _latest_ms(draft: Draft, search: Search, choice: Choice) -> int:
    """The latest arrival of one box: so much later than several boxes could be there as the order accepts.

    Whatever other regions would send of them arrives no sooner than their quickest site delivers one unit.
    """
    network, order = draft.network, search.order
    by_site: dict[str, int] = {}
    for line in held_of_told(choice.held):
        by_site[line.site_id] = by_site.get(line.site_id, 0) + line.quantity
    here = [
        earliest_ms(network, network.site_by_id[site_id], order, units, search.now_ms)
        for site_id, units in by_site.items()
    ]
    there = [
        earliest_ms(network, site, order, 1, search.now_ms)
        for region in network.region_by_id[search.region].neighbours
        for site in network.sites_by_region.get(region, ())
    ]
    earliest = max([at for at in here if at is not None], default=search.now_ms)
    if choice.short:
        earliest = max(earliest, min([at for at in there if at is not None], default=earliest))
    return earliest + order.max_delay_minutes * MINUTE_MS


def put_card(draft: Draft, hold: Hold, order: Order, held: Sequence[HeldLine], now_ms: int) -> None:
    """What came of it: `held` at one site, or nothing. Each region's own card says why its sites could not."""
    found = held[0].site_id if held else None
    candidates = [
        Candidate(label=found or SEVERAL),
        Candidate(label=SEVERAL, lost_because="the customer wants one box"),
    ]
    if found is None:
        why = "no one site can send all of it in time"
        regions = draft.network.region_by_id[hold.home].neighbours
        candidates[1:] = [Candidate(label=region, lost_because=why) for region in regions]
    card = DecisionCard(
        order_id=order.order_id,
        part_id=None,
        stage="reservation",
        decision="one box or several",
        at_ms=now_ms,
        chosen=found or SEVERAL,
        candidates=tuple(candidates),
        notes=() if found else ("the customer wants one box, and no one site has all in time: it is split",),
    )
    draft.emit(RESERVATION_CARDS, card)
