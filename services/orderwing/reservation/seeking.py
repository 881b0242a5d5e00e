"""Where an order's open lines are sought: at home, then by a slip to other regions, and again when stock is offered."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw
from msgspec.structs import replace

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.planning.sourcing import Choice
from orderwing.reservation import one_box, units
from orderwing.reservation.answers import answer, give_back, takes_all_or_nothing
from orderwing.reservation.rows import Hold, HoldState
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import Search, choose, put_card
from orderwing.reservation.states import HOLD_STATES, Happening
from orderwing_schemas.domain import Backorder, HeldLine, Order
from orderwing_schemas.events.reservation import SlipPassed
from orderwing_schemas.topics import RESERVATION_SLIPS


def advance(draft: Draft, hold: Hold, order: Order, now_ms: int, without_site: str | None = None) -> Hold:
    """Hold at home what is there; ask the neighbours once for the rest; then rest softly, or answer if cleared.

    Where a customer wants one box and home would need several, neighbours are asked first whether one site has all.
    """
    if hold.open:
        shelves = Shelves(draft, hold.home)
        search = Search(order, hold.home, hold.open, now_ms, without_site)
        choice = choose(draft, shelves, search)
        put_card(draft, shelves, search, choice)
        short = units.of_told(choice.short)
        neighbours = draft.network.region_by_id[hold.home].neighbours
        route = neighbours if units.less(short, hold.asked) else ()
        in_one = bool(neighbours) and one_box.is_sought(hold, order, choice)
        if in_one or route or not short or order.backorder is not Backorder.WHOLE:
            hold = _take(shelves, hold, choice)
        if in_one:
            return _ask_for_one_box(draft, hold, order, neighbours, one_box.latest_ms(draft, search, choice))
        if route:
            return ask(draft, hold, order, route)
    if hold.state is HoldState.FIRM:
        return answer(draft, hold, order, now_ms)
    if hold.open and order.backorder is Backorder.WHOLE:
        hold = give_back(draft, hold)
    draft.put(hold)
    return hold


def retry(draft: Draft, hold: Hold, order: Order, offered: Sequence[str], now_ms: int) -> Hold:
    """Stock is offered to a firm hold with open lines: home alone if it has all, else with those who offer.

    An order that takes all or nothing looks at every region first (wanted in one box, for one site that has all, then
    for several), and all such orders take in the same order of regions: two of them can neither block each other for
    ever nor snatch and give back in turns.
    """
    elsewhere = tuple(region for region in offered if region != hold.home)
    together = takes_all_or_nothing(order)
    shelves = Shelves(draft, hold.home)
    search = Search(order, hold.home, hold.open, now_ms)
    choice = choose(draft, shelves, search)
    hold = replace(hold, offers=())
    if choice.held and not (together and choice.short):
        put_card(draft, shelves, search, choice)
        hold = _take(shelves, hold, choice)
    if hold.open and together and order.may_split:
        route = in_global_order(draft, hold)
        if one_box.is_wanted(order) and not hold.part_count:
            by_ms = one_box.latest_ms(draft, search, choice)
            return _ask_for_one_box(draft, replace(hold, asked=hold.open), order, route, by_ms, look=True)
        return ask(draft, hold, order, route, look=True)
    if hold.open and elsewhere:
        return ask(draft, hold, order, elsewhere)
    return answer(draft, hold, order, now_ms)


def ask(
    draft: Draft,
    hold: Hold,
    order: Order,
    route: Sequence[str],
    *,
    look: bool = False,
    exactly: tuple[HeldLine, ...] = (),
) -> Hold:
    """Send a slip along `route` for all open lines, and put the hold's row."""
    event = SlipPassed(
        region=route[0],
        order=order,
        slip=hold.slips + 1,
        open_lines=units.told(hold.open),
        held=(),
        route=tuple(route[1:]),
        whole=not order.may_split,
        look=look,
        exactly=exactly,
    )
    return _send(draft, replace(hold, asked=hold.open), event)


def _ask_for_one_box(
    draft: Draft, hold: Hold, order: Order, route: Sequence[str], by_ms: int, *, look: bool = False
) -> Hold:
    """Send a slip along `route` for all lines at one site. Home keeps what it holds until the slip is back."""
    event = SlipPassed(
        region=route[0],
        order=order,
        slip=hold.slips + 1,
        open_lines=units.told(units.add(hold.open, hold.held)),
        held=(),
        route=tuple(route[1:]),
        whole=True,
        by_ms=by_ms,
        look=look,
    )
    return _send(draft, replace(hold, boxed=event.slip), event)


def _send(draft: Draft, hold: Hold, event: SlipPassed) -> Hold:
    draft.emit(RESERVATION_SLIPS, event)
    state = step(HOLD_STATES, hold.state, Happening.ASK)
    hold = replace(hold, state=state, slips=event.slip, awaiting=event.slip, order=order_json(event.order))
    draft.put(hold)
    return hold


def in_global_order(draft: Draft, hold: Hold) -> tuple[str, ...]:
    """Home and the regions that it may ask, by their place in the network."""
    regions = {hold.home, *draft.network.region_by_id[hold.home].neighbours}
    return tuple(sorted(regions, key=draft.network.ordinals.__getitem__))


def order_json(order: Order) -> Raw:
    return Raw(type(order).__pydantic_serializer__.to_json(order))


def order_of(hold: Hold) -> Order:
    return Order.model_validate_json(bytes(hold.order))


def _take(shelves: Shelves, hold: Hold, choice: Choice) -> Hold:
    held = units.held_of_told(choice.held)
    shelves.reserve(held)
    shelves.publish("held", hold.order_id)
    return replace(hold, held=(*hold.held, *held), open=units.of_told(choice.short))
