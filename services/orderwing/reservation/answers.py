"""Home's answer once an order is cleared and nobody is left to ask: parts, what waits, what is declined."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.planning.wishes import expected_at_ms
from orderwing.reservation import rules, units, wants
from orderwing.reservation.rows import Held, Hold, HoldState, Part
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import barred_for, is_governed, promise_ms
from orderwing.reservation.states import HOLD_STATES, Happening
from orderwing.reservation.stock import DAY_MS
from orderwing_schemas.domain import Backorder, Order
from orderwing_schemas.events.reservation import (
    RemoteHoldSettled,
    ReservationOutcome,
    ReservationRecorded,
    StockReserved,
)
from orderwing_schemas.topics import RESERVATION_SLIPS, RESERVATIONS_RECORDED, STOCK_RESERVED


def horizon_ms(draft: Draft, now_ms: int) -> int:
    return now_ms + draft.network.policies.duplicate_horizon_days * DAY_MS


def takes_all_or_nothing(order: Order) -> bool:
    return order.backorder is Backorder.WHOLE or (order.backorder is Backorder.LINES and not order.may_split)


def answer(draft: Draft, hold: Hold, order: Order, now_ms: int) -> Hold:
    """Put the hold's row after making parts of what is held and settling what is open."""
    before = hold
    if hold.open and order.backorder is Backorder.NONE:
        hold = replace(hold, declined=units.add(hold.declined, hold.open), open=())
    elif hold.open and takes_all_or_nothing(order):
        hold = give_back(draft, hold)
    hold, added, promise_at_ms = _make_parts(draft, hold, order, now_ms)
    if added or hold.open != before.left or hold.declined != before.declined:
        _record(draft, hold, hold.parts[len(before.parts) :], added, promise_at_ms)
    if hold.open or before.left:
        rules.note(draft, hold, order, now_ms)
    hold = _leave_wants(draft, hold, order)
    if not hold.open:  # whoever had nothing then may have something when a short pick asks
        hold = replace(hold, replaces=None, asked=(), offers=())
    return finish(draft, hold, now_ms)


def finish(draft: Draft, hold: Hold, now_ms: int) -> Hold:
    if hold.state is HoldState.FIRM and not hold.parts and not hold.open:
        ended = step(HOLD_STATES, hold.state, Happening.END)
        hold = replace(hold, state=ended, wake_at_ms=horizon_ms(draft, now_ms))
    draft.put(hold)
    return hold


def give_back(draft: Draft, hold: Hold) -> Hold:
    """Hold nothing any more, at home and elsewhere; all of it is open, and counts as asked for."""
    release_at_home(draft, hold)
    for remote in hold.remote:
        settle(draft, hold, remote.region, remote.slip)
    away = (line for remote in hold.remote for line in remote.held)
    everything = units.add(hold.open, hold.held, away)
    spare = None if hold.spare is None else ()
    return replace(hold, held=(), remote=(), open=everything, asked=everything, spare=spare)


def release_at_home(draft: Draft, hold: Hold) -> None:
    if hold.held:
        shelves = Shelves(draft, hold.home)
        shelves.release(hold.held)
        shelves.publish("released", hold.order_id)


def settle(draft: Draft, hold: Hold, region: str, slip: int) -> None:
    """Tell a region to give back; what the order wants there is told apart from it."""
    event = RemoteHoldSettled(
        region=region, order_id=hold.order_id, version=hold.version, slip=slip, keep=False, home=hold.home
    )
    draft.emit(RESERVATION_SLIPS, event)


def reserve_part(
    draft: Draft, order: Order, part_id: str, region: str, held: tuple[Held, ...], replaces: str | None, now_ms: int
) -> int:
    """The part's row, and the part for its region's allocation. Returns its promise."""
    held = units.merge(held)
    bars = barred_for(draft, order, region)
    part = Part(
        part_id=part_id,
        order_id=order.order_id,
        version=order.version,
        region=region,
        home=order.home_region,
        held=held,
        barred=bars,
    )
    draft.put(part)
    promise_at_ms = promise_ms(draft, order, held, now_ms)
    event = StockReserved(
        region=region,
        part_id=part_id,
        order=order,
        held=units.held_told(held),
        promise_at_ms=promise_at_ms,
        seen=Shelves(draft, region).seen([line.sku for line in held], bars),
        replaces=replaces,
        barred=bars,
    )
    draft.emit(STOCK_RESERVED, event)
    return promise_at_ms


def _make_parts(draft: Draft, hold: Hold, order: Order, now_ms: int) -> tuple[Hold, tuple[Held, ...], int | None]:
    """What home holds is a part at once, what others hold becomes one when they hear of it.

    Returns also the lines added and their latest promise.
    """
    promises: list[int] = []
    number, parts = hold.part_count, hold.parts
    added: tuple[Held, ...] = hold.held
    if hold.held:
        number += 1
        part_id = f"{hold.order_id}/{hold.home}/{number}"
        promises.append(reserve_part(draft, order, part_id, hold.home, hold.held, hold.replaces, now_ms))
        parts = (*parts, part_id)
    for remote in hold.remote:
        number += 1
        part_id = f"{hold.order_id}/{remote.region}/{number}"
        event = RemoteHoldSettled(
            region=remote.region,
            order_id=hold.order_id,
            version=hold.version,
            slip=remote.slip,
            keep=True,
            part_id=part_id,
            replaces=hold.replaces,
            home=hold.home,
        )
        draft.emit(RESERVATION_SLIPS, event)
        parts = (*parts, part_id)
        added = (*added, *remote.held)
        promises.append(promise_ms(draft, order, remote.held, now_ms))
    sites = tuple(sorted({*hold.sites, *[line.site_id for line in added]})) if is_governed(draft) else ()
    hold = replace(hold, held=(), remote=(), parts=parts, part_count=number, sites=sites)
    return hold, added, max(promises, default=None)


def _leave_wants(draft: Draft, hold: Hold, order: Order) -> Hold:
    """Tell home's own shelves and all regions that may be asked what is still wanted, if that has changed."""
    if hold.open == hold.left:
        return hold
    expected_ms = expected_at_ms(order.placed_at_ms, order.service_level)
    whole = takes_all_or_nothing(order)
    wants.leave(draft, hold.order_id, hold.version, hold.home, hold.home, hold.open, expected_ms, whole)
    shelves = Shelves(draft, hold.home)
    for sku in dict.fromkeys([line.sku for line in hold.left]):  # what was offered to it is free for the next
        wants.offer(draft, hold.home, sku, shelves.available(sku))
    wanted = draft.network.region_by_id[hold.home].neighbours
    for region in wanted:
        event = RemoteHoldSettled(
            region=region,
            order_id=hold.order_id,
            version=hold.version,
            slip=0,
            keep=False,
            home=hold.home,
            wants=units.told(hold.open),
            expected_at_ms=expected_ms,
            whole=whole,
        )
        draft.emit(RESERVATION_SLIPS, event)
    return replace(hold, left=hold.open)


def _record(draft: Draft, hold: Hold, parts: tuple[str, ...], added: Sequence[Held], promise_at_ms: int | None) -> None:
    outcome = ReservationOutcome.RESERVED
    if hold.open:
        outcome = ReservationOutcome.BACKORDERED
    elif hold.declined:
        outcome = ReservationOutcome.SHORT
    event = ReservationRecorded(
        order_id=hold.order_id,
        version=hold.version,
        outcome=outcome,
        parts=parts,
        reserved=units.told(units.add(added)),
        waiting=units.told(hold.open),
        declined=units.told(hold.declined),
        promise_at_ms=promise_at_ms,
    )
    draft.emit(RESERVATIONS_RECORDED, event)
