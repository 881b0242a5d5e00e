"""Where an order's open lines are sought: at home, then by a slip to other regions, and again when stock is offered."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw
from msgspec.structs import replace

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.planning.sourcing import Choice
from orderwing.reservation import units
from orderwing.reservation.answers import answer, give_back, takes_all_or_nothing
from orderwing.reservation.rows import Hold, HoldState
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import choose, put_card
from orderwing.reservation.states import HOLD_STATES, Happening
from orderwing_schemas.domain import Backorder, HeldLine, Order
from orderwing_schemas.events.reservation import SlipPassed
from orderwing_schemas.topics import RESERVATION_SLIPS


def advance(draft: Draft, hold: Hold, order: Order, now_ms: int, without_site: str | None = None) -> Hold:
    """Hold at home what is there; ask the neighbours once for the rest; then rest softly, or answer if cleared."""
    if hold.open:
        shelves = Shelves(draft, hold.home)
        choice = choose(draft, shelves, order, hold.home, hold.open, now_ms, without_site)
        put_card(draft, shelves, order, hold.home, hold.open, choice, now_ms, without_site)
        short = units.of_told(choice.short)
        route = draft.network.region_by_id[hold.home].neighbours if units.less(short, hold.asked) else ()
        if route or not short or order.backorder is not Backorder.WHOLE:
            hold = _take(shelves, hold, choice)
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

    An order that takes all or nothing looks at every region first, and all such orders take in the same order of
    regions: two of them can neither block each other for ever nor snatch and give back in turns.
    """
    elsewhere = tuple(region for region in offered if region != hold.home)
    together = takes_all_or_nothing(order)
    shelves = Shelves(draft, hold.home)
    choice = choose(draft, shelves, order, hold.home, hold.open, now_ms)
    hold = replace(hold, offers=())
    if choice.held and not (together and choice.short):
        put_card(draft, shelves, order, hold.home, hold.open, choice, now_ms)
        hold = _take(shelves, hold, choice)
    if hold.open and together and order.may_split:
        return ask(draft, hold, order, in_global_order(draft, hold), look=True)
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
    slip = hold.slips + 1
    event = SlipPassed(
        region=route[0],
        order=order,
        slip=slip,
        open_lines=units.told(hold.open),
        held=(),
        route=tuple(route[1:]),
        whole=not order.may_split,
        look=look,
        exactly=exactly,
    )
    draft.emit(RESERVATION_SLIPS, event)
    state = step(HOLD_STATES, hold.state, Happening.ASK)
    hold = replace(hold, state=state, slips=slip, awaiting=slip, asked=hold.open, order=order_json(order))
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
