"""Where an order's open lines are sought: at home, then by a slip to other regions, and again when stock is offered."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw
from msgspec.structs import replace

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.planning.sourcing import Choice
from orderwing.planning.wishes import expected_at_ms
from orderwing.reservation import everywhere, one_box, route, rules, together, units, wants
from orderwing.reservation.answers import answer, give_back, takes_all_or_nothing
from orderwing.reservation.rows import Hold, HoldState, Units
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import Search, choose, is_governed, put_card
from orderwing.reservation.states import HOLD_STATES, Happening
from orderwing_schemas.domain import Backorder, HeldLine, Order
from orderwing_schemas.events.reservation import SlipPassed
from orderwing_schemas.topics import RESERVATION_SLIPS


def advance(draft: Draft, hold: Hold, order: Order, now_ms: int, without_site: str | None = None) -> Hold:
    """Hold at home what is there; ask the neighbours once for the rest; then rest softly, or answer if cleared.

    Where a customer wants one box and home would need several, neighbours are asked first whether one site has all; and
    where home and they together would send it for less, they are asked for what home has, too. An order whose strategy
    is about all of it is decided everywhere at once.
    """
    search = Search(order, hold.home, hold.open, now_ms, without_site, used=used(draft, hold, order, now_ms))
    way = everywhere.plan(draft, hold, order, search) if hold.open else None
    return _home_first(draft, hold, search) if way is None else _hold_everywhere(draft, hold, way)


def _home_first(draft: Draft, hold: Hold, search: Search) -> Hold:
    order = search.order
    if hold.open:
        shelves = Shelves(draft, hold.home)
        found = choose(draft, shelves, search)
        put_card(draft, shelves, search, found)
        choice = found.choice
        short = units.of_told(choice.short)
        alone = not draft.network.region_by_id[hold.home].neighbours
        boxes, others = None, None
        if not alone and one_box.is_sought(hold, order, choice):
            boxes = one_box.plan(draft, search, choice)
        if not alone and units.less(short, hold.asked):
            others = route.plan(draft, search._replace(lines=short, used=with_sites(draft, search.used, choice)))
        if short and (alone or others is not None):
            hold = replace(hold, sought_by=rules.current(draft))
        joint = together.plan(draft, hold, search, choice, others) if boxes is None else None
        ways = [way for way in (boxes, others) if way is not None and way.regions]
        if ways or not short or order.backorder is not Backorder.WHOLE:
            hold = _take(shelves, hold, choice)
        if boxes is not None and boxes.regions:
            return _ask_for_one_box(draft, hold, boxes)
        if boxes is not None:
            one_box.put_card(draft, hold, order, (), search.now_ms)
        if joint is not None:
            return _ask_together(draft, hold, joint)
        if others is not None:
            route.put_card(draft, others)
            if others.regions:
                sites = _used(draft, hold, search)
                return ask(draft, hold, order, others.regions, expected=others.expected(draft.network), sites=sites)
    if hold.state is HoldState.FIRM:
        return answer(draft, hold, order, search.now_ms)
    if hold.open and order.backorder is Backorder.WHOLE:
        hold = give_back(draft, hold)
    draft.put(hold)
    return hold


def retry(draft: Draft, hold: Hold, order: Order, offered: Sequence[str], now_ms: int) -> Hold:
    """Stock is offered to a firm hold with open lines: home alone if it has all, else with those who offer.

    An order that takes all or nothing looks at every region first (wanted in one box, for one site that has all, then
    for several), and all such orders take in the same order of regions: two of them can neither block each other for
    ever nor snatch and give back in turns. A look leaves nobody out for what was last known: an offer comes but once.
    """
    elsewhere = tuple(region for region in offered if region != hold.home)
    all_or_nothing = takes_all_or_nothing(order)
    shelves = Shelves(draft, hold.home)
    search = Search(order, hold.home, hold.open, now_ms, used=used(draft, hold, order, now_ms))
    found = choose(draft, shelves, search)
    choice = found.choice
    hold = replace(hold, offers=())
    if choice.held and not (all_or_nothing and choice.short):
        put_card(draft, shelves, search, found)
        boxes = one_box.plan(draft, search, choice) if one_box.is_sought(hold, order, choice, again=True) else None
        hold = _take(shelves, hold, choice)
        if boxes is not None and boxes.regions:
            return _ask_for_one_box(draft, replace(hold, offers=elsewhere), boxes)
    if not all_or_nothing:
        pass_on_unused(draft, shelves, order, hold.home, units.of_told(choice.short))
    if hold.open and all_or_nothing and order.may_split:
        regions = in_global_order(draft, hold)
        if one_box.is_wanted(order) and not hold.part_count:
            boxes = one_box.plan(draft, search, choice)
            return _ask_for_one_box(draft, replace(hold, asked=hold.open), boxes, look_at=regions)
        return ask(draft, hold, order, regions, look=True, sites=_used(draft, hold, search))
    if hold.open and elsewhere:
        return ask(draft, hold, order, elsewhere, sites=_used(draft, hold, search))
    return answer(draft, hold, order, now_ms)


def ask(
    draft: Draft,
    hold: Hold,
    order: Order,
    regions: Sequence[str],
    *,
    look: bool = False,
    exactly: tuple[HeldLine, ...] = (),
    expected: tuple[HeldLine, ...] = (),
    sites: tuple[str, ...] = (),
) -> Hold:
    """Send a slip along `regions` for all open lines, and put the hold's row. `sites`: those in use."""
    event = SlipPassed(
        region=regions[0],
        order=order,
        slip=hold.slips + 1,
        open_lines=units.told(hold.open),
        held=(),
        route=tuple(regions[1:]),
        whole=not order.may_split,
        look=look,
        exactly=exactly,
        expected=expected,
        used=sites,
    )
    return _send(draft, replace(hold, asked=hold.open), event)


def _ask_for_one_box(draft: Draft, hold: Hold, way: route.Route, look_at: Sequence[str] = ()) -> Hold:
    """Send a slip for all lines at one site. Home keeps what it holds until the slip is back.

    With `look_at`, only look: at the regions counted on, then at all of those in their order.
    """
    route.put_card(draft, way)
    regions = (*way.first, *[region for region in look_at if region not in way.first]) if look_at else way.regions
    event = SlipPassed(
        region=regions[0],
        order=way.search.order,
        slip=hold.slips + 1,
        open_lines=units.told(units.add(hold.open, hold.held)),
        held=(),
        route=tuple(regions[1:]),
        whole=True,
        by_ms=way.search.by_ms,
        look=bool(look_at),
        expected=() if look_at else way.expected(draft.network),
    )
    return _send(draft, replace(hold, boxed=event.slip), event)


def _ask_together(draft: Draft, hold: Hold, way: together.Together) -> Hold:
    """Send a slip for what others are to send, also instead of home. Home keeps what it holds until it is back."""
    event = SlipPassed(
        region=way.regions[0],
        order=way.search.order,
        slip=hold.slips + 1,
        open_lines=units.told(units.add(units.held_of_told(way.expected))),
        held=(),
        route=way.regions[1:],
        whole=False,
        expected=way.expected,
    )
    return _send(draft, replace(hold, boxed=event.slip), event)


def _hold_everywhere(draft: Draft, hold: Hold, way: everywhere.Everywhere) -> Hold:
    """Hold what home is to send, and ask others for exactly what they are to."""
    everywhere.put_card(draft, way)
    shelves = Shelves(draft, hold.home)
    shelves.reserve(way.home)
    shelves.publish("held", hold.order_id)
    hold = replace(hold, held=way.home, open=units.less(hold.open, way.home))
    search = way.search
    if not way.away:
        return _home_first(draft, hold, search._replace(lines=hold.open, used=_used(draft, hold, search)))
    hold = _keep_spare(draft, hold, way)
    event = SlipPassed(
        region=way.regions[0],
        order=search.order,
        slip=hold.slips + 1,
        open_lines=units.told(units.add(units.held_of_told(way.away))),
        held=(),
        route=way.regions[1:],
        whole=not search.order.may_split,
        exactly=way.away,
        expected=way.away,
    )
    return _send(draft, replace(hold, boxed=event.slip), event)


def _keep_spare(draft: Draft, hold: Hold, way: everywhere.Everywhere) -> Hold:
    """Hold also what home has of what others are to send."""
    shelves = Shelves(draft, hold.home)
    lines = units.add(units.held_of_told(way.away))
    search = way.search._replace(lines=lines, used=_used(draft, hold, way.search))
    found = choose(draft, shelves, search)
    spare = units.held_of_told(found.choice.held)
    if spare:
        put_card(draft, shelves, search, found)
        shelves.reserve(spare)
        shelves.publish("held", hold.order_id)
    return replace(hold, held=(*hold.held, *spare), open=units.less(hold.open, spare), spare=spare)


def used(draft: Draft, hold: Hold, order: Order, now_ms: int) -> tuple[str, ...]:
    """Sites that send something of the order: they count where a policy counts sites.

    Those of parts only until the customer expects the rest, which else might wait for ever.
    """
    if not is_governed(draft):
        return ()
    held = (*hold.held, *[line for remote in hold.remote for line in remote.held])
    parts = hold.sites if now_ms < expected_at_ms(order.placed_at_ms, order.service_level) else ()
    return tuple(sorted({*parts, *[line.site_id for line in held]}))


def _used(draft: Draft, hold: Hold, search: Search) -> tuple[str, ...]:
    return used(draft, hold, search.order, search.now_ms)


def with_sites(draft: Draft, sites: tuple[str, ...], choice: Choice) -> tuple[str, ...]:
    """And those of the choice."""
    return tuple(sorted({*sites, *choice.site_ids})) if is_governed(draft) else ()


def _send(draft: Draft, hold: Hold, event: SlipPassed) -> Hold:
    draft.emit(RESERVATION_SLIPS, event)
    state = step(HOLD_STATES, hold.state, Happening.ASK)
    hold = replace(hold, state=state, slips=event.slip, awaiting=event.slip, order=order_json(event.order))
    draft.put(hold)
    return hold


def pass_on_unused(draft: Draft, shelves: Shelves, order: Order, region: str, short: Sequence[Units]) -> None:
    """What the region has of `short` and cannot send to the order (no lane, too late) is for those behind it."""
    for sku in dict.fromkeys([line.sku for line in short]):
        if (available := shelves.available(sku)) > 0:
            wants.pass_on(draft, order.order_id, order.version, region, sku, available)


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
