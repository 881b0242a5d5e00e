"""The slip of paper: asked regions hold what they can, the slip returns, home alone settles."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import IllegalTransitionError, step
from orderwing.kernel.view import Draft, View
from orderwing.reservation import one_box, route, together, units, wants
from orderwing.reservation.answers import horizon_ms, reserve_part, settle
from orderwing.reservation.rows import NO_ORDER, Held, Hold, HoldState, Remote, RemoteHold, Units, hold_key
from orderwing.reservation.seeking import (
    advance,
    ask,
    in_global_order,
    order_json,
    order_of,
    pass_on_unused,
    retry,
    used,
)
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import Search, choose, is_governed, put_card
from orderwing.reservation.states import HOLD_STATES, REMOTE_STATES, Happening, Word
from orderwing_schemas.domain import HeldLine, Order
from orderwing_schemas.events.reservation import RemoteHoldSettled, SlipPassed, SlipReturned, WantOffered
from orderwing_schemas.topics import RESERVATION_SLIPS


def on_passed(view: View, event: SlipPassed, now_ms: int) -> Decision:
    """Hold (or look for) what is there, then pass the slip on, or home. A slip that was here before is a duplicate."""
    order, region = event.order, event.region
    row = RemoteHold(order_id=order.order_id, version=order.version, region=region, slip=event.slip)
    if view.get(RemoteHold, row.key) is not None:
        return NOTHING
    draft = Draft(view)
    shelves = Shelves(draft, region)
    lines = units.of_told(event.open_lines)
    sites = tuple(sorted({*event.used, *[line.site_id for line in event.held]})) if is_governed(draft) else ()
    search = Search(order, region, lines, now_ms, whole=event.whole, by_ms=event.by_ms, used=sites)
    if event.look:
        choice = choose(draft, shelves, search).choice
        _pass_on(draft, event, units.held_told(units.held_of_told(choice.held)), units.of_told(choice.short))
        return draft.decision()
    if event.exactly:
        held = _share(draft, event)
        if not shelves.swap((), held):
            held, event = (), event.model_copy(update={"route": ()})
    else:
        found = choose(draft, shelves, search)
        put_card(draft, shelves, search, found)
        held = units.held_of_told(found.choice.held)
        shelves.reserve(held)
    shelves.publish("held", order.order_id)
    if held:
        draft.put(replace(row, held=held, order=order_json(order)))
    else:
        draft.put(replace(row, wake_at_ms=horizon_ms(draft, now_ms)))
    short = units.less(lines, held)
    if not event.whole:
        pass_on_unused(draft, shelves, order, region, short)
    _pass_on(draft, event, units.held_told(held), short)
    return draft.decision()


def on_returned(view: View, event: SlipReturned, now_ms: int) -> Decision:
    """Take what was found into the hold; where the hold has lapsed or was released meanwhile, give it back."""
    hold = view.get(Hold, hold_key(event.order_id, event.version))
    if hold is None or hold.awaiting != event.slip:
        return NOTHING
    draft = Draft(view)
    hold = replace(hold, awaiting=0, state=step(HOLD_STATES, hold.state, Happening.RETURN))
    order = order_of(hold)
    if event.look:
        _looked(draft, hold, order, event, now_ms)
        return draft.decision()
    route.put_stale(draft, order, event, now_ms)
    if hold.state in (HoldState.LAPSED, HoldState.RELEASED):
        for region in _holding(draft, hold, event):
            settle(draft, hold, region, event.slip)
        draft.put(replace(hold, asked=(), boxed=0, spare=None))
        return draft.decision()
    lost = _lost(draft, event.held)
    if lost:
        hold = _forget(draft, hold, event)
    found = () if lost else _by_region(draft, event)
    if event.slip == hold.boxed:
        if hold.spare is None and one_box.is_wanted(order):
            one_box.put_card(draft, hold, order, event.held, now_ms)
        found = together.needed(draft, hold, found, event.expected)
    lines = tuple([line for remote in found for line in remote.held])
    if event.slip == hold.boxed:
        hold = together.give_up(draft, hold, units.less(lines, hold.open))
    hold = replace(
        hold,
        remote=(*hold.remote, *found),
        open=units.less(hold.open, lines),
        asked=units.less(hold.asked, lines),
        spare=None,
    )
    hold = advance(draft, hold, order, now_ms)
    if hold.offers and hold.state is HoldState.FIRM and hold.open:
        retry(draft, hold, order, hold.offers, now_ms)
    return draft.decision()


def on_settled(view: View, event: RemoteHoldSettled, now_ms: int) -> Decision:
    """Keep as a part, or give back; and note what the order still wants here. Told again, it changes nothing.

    Raises IllegalTransitionError where home keeps what is not held.
    """
    draft = Draft(view)
    key = RemoteHold(order_id=event.order_id, version=event.version, region=event.region, slip=event.slip).key
    row = draft.get(RemoteHold, key)
    if row is not None and row.held:
        _settle_hold(draft, row, event, now_ms)
    elif event.keep:
        raise IllegalTransitionError(f"slip {event.slip} holds nothing in {event.region} to keep")
    if event.wants is not None:
        wanted = wants.leave(
            draft,
            event.order_id,
            event.version,
            event.region,
            event.home,
            units.of_told(event.wants),
            event.expected_at_ms,
            event.whole,
        )
        shelves = Shelves(draft, event.region)
        for sku in wanted:
            wants.offer(draft, event.region, sku, shelves.available(sku))
    return draft.decision()


def on_offered(view: View, event: WantOffered, now_ms: int) -> Decision:
    """Home tries again; while a slip is away it remembers. An order that wants nothing any more takes its want back."""
    draft = Draft(view)
    hold = draft.get(Hold, hold_key(event.order_id, event.version))
    if hold is not None and hold.state is HoldState.FIRM and hold.open:
        retry(draft, hold, order_of(hold), (event.from_region,), now_ms)
    elif hold is not None and hold.state is HoldState.FIRM_ASKING:
        if event.from_region not in hold.offers:
            draft.put(replace(hold, offers=(*hold.offers, event.from_region)))
    elif event.from_region != event.region:
        told = RemoteHoldSettled(
            region=event.from_region,
            order_id=event.order_id,
            version=event.version,
            slip=0,
            keep=False,
            home=event.region,
            wants=(),
        )
        draft.emit(RESERVATION_SLIPS, told)
    return draft.decision()


def on_remote_due(view: View, row: RemoteHold, now_ms: int) -> Decision:
    return Decision(drops=((RemoteHold, row.key),))


def _lost(draft: Draft, held: Iterable[HeldLine]) -> bool:
    """Whether something of it is at a site that the network has not any more."""
    return any(line.site_id not in draft.network.site_by_id for line in held)


def _holding(draft: Draft, hold: Hold, event: SlipReturned) -> tuple[str, ...]:
    """The regions that hold something for the slip: where a site is lost nobody knows whose it was, so all but home."""
    if _lost(draft, event.held):
        return tuple([region for region in draft.network.ordinals if region != hold.home])
    return tuple([remote.region for remote in _by_region(draft, event)])


def _forget(draft: Draft, hold: Hold, event: SlipReturned) -> Hold:
    """As if the slip had never gone out: what it found goes back, and what is open is sought in today's network."""
    for region in _holding(draft, hold, event):
        settle(draft, hold, region, event.slip)
    return replace(hold, asked=(), boxed=0 if event.slip == hold.boxed else hold.boxed, spare=None)


def _looked(draft: Draft, hold: Hold, order: Order, event: SlipReturned, now_ms: int) -> None:
    """All is there: ask for exactly that, region by region. Else wait on; another offer meanwhile is looked at too."""
    at_one_site = event.slip == hold.boxed
    lost = _lost(draft, event.held)
    if not lost and not units.less(hold.open, units.held_of_told(event.held)):
        if one_box.is_wanted(order):
            one_box.put_card(draft, hold, order, event.held if at_one_site else (), now_ms)
        regions = {remote.region for remote in _by_region(draft, event)}
        route = tuple(region for region in in_global_order(draft, hold) if region in regions)
        ask(draft, hold, order, route, exactly=event.held)
    elif lost or hold.offers or units.less(hold.open, hold.asked):
        retry(draft, hold, order, hold.offers, now_ms)
    elif at_one_site:
        sites = used(draft, hold, order, now_ms)
        ask(draft, hold, order, in_global_order(draft, hold), look=True, sites=sites)
    else:
        draft.put(hold)


def _settle_hold(draft: Draft, row: RemoteHold, event: RemoteHoldSettled, now_ms: int) -> None:
    state = step(REMOTE_STATES, row.state, Word.KEEP if event.keep else Word.GIVE_BACK)
    if event.keep and event.part_id is not None:
        order = Order.model_validate_json(bytes(row.order))
        reserve_part(draft, order, event.part_id, row.region, row.held, event.replaces, now_ms)
    else:
        shelves = Shelves(draft, row.region)
        shelves.release(row.held)
        shelves.publish("released", row.order_id)
    draft.put(replace(row, state=state, held=(), order=NO_ORDER, wake_at_ms=horizon_ms(draft, now_ms)))


def _share(draft: Draft, event: SlipPassed) -> tuple[Held, ...]:
    """What the slip asks of this region."""
    sites = draft.network.sites_by_region.get(event.region, ())
    own = {site.site_id for site in sites}
    return tuple([line for line in units.held_of_told(event.exactly) if line.site_id in own])


def _pass_on(draft: Draft, event: SlipPassed, held: tuple[HeldLine, ...], short: tuple[Units, ...]) -> None:
    """To the next region while lines are open, else home."""
    order, held = event.order, (*event.held, *held)
    if short and event.route:
        onward = {"region": event.route[0], "route": event.route[1:], "held": held, "open_lines": units.told(short)}
        draft.emit(RESERVATION_SLIPS, event.model_copy(update=onward))
        return
    returned = SlipReturned(
        region=order.home_region,
        order_id=order.order_id,
        version=order.version,
        slip=event.slip,
        held=held,
        look=event.look,
        expected=event.expected,
    )
    draft.emit(RESERVATION_SLIPS, returned)


def _by_region(draft: Draft, event: SlipReturned) -> tuple[Remote, ...]:
    by_region: dict[str, list[Held]] = {}
    for line in units.held_of_told(event.held):
        by_region.setdefault(draft.network.site_by_id[line.site_id].region_id, []).append(line)
    return tuple(Remote(region, event.slip, tuple(lines)) for region, lines in by_region.items())
