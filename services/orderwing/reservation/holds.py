"""An order's hold in its home region: soft at first, firm when cleared; lapsed, extended, released."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing.reservation import rules, units
from orderwing.reservation.answers import give_back, horizon_ms
from orderwing.reservation.rows import Hold, HoldState, hold_key
from orderwing.reservation.seeking import advance, order_json
from orderwing.reservation.sourcing import MINUTE_MS, promise_ms
from orderwing.reservation.states import HOLD_STATES, SOFTLY, UNCLEARED, Happening
from orderwing_schemas.domain import Order
from orderwing_schemas.events.fraud import HoldExtended, OrderBlocked, OrderCleared
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import ReservationOutcome, ReservationRecorded
from orderwing_schemas.topics import RESERVATIONS_RECORDED


def on_requested(view: View, event: SoftHoldRequested, now_ms: int) -> Decision:
    """Nothing where the order is known already, by an earlier request, its clearance or its release."""
    order = event.order
    known = view.get(Hold, hold_key(order.order_id, order.version))
    if known is not None and known.state is not HoldState.NEW:
        return NOTHING
    draft = Draft(view)
    rules.notice(draft, order.home_region)
    until_ms = now_ms + draft.network.policies.soft_hold_minutes * MINUTE_MS
    if known is not None:
        until_ms = max(until_ms, known.wake_at_ms or 0)
    hold = replace(_new(order), state=step(HOLD_STATES, HoldState.NEW, Happening.REQUEST), wake_at_ms=until_ms)
    hold = advance(draft, hold, order, now_ms)
    _record(draft, hold, ReservationOutcome.HELD, promise_at_ms=_promise_ms(draft, hold, order, now_ms))
    return draft.decision()


def on_cleared(view: View, event: OrderCleared, now_ms: int) -> Decision:
    """Nothing where the order is cleared already or has been stopped."""
    order = event.order
    hold = view.get(Hold, hold_key(order.order_id, order.version))
    if hold is None or hold.state is HoldState.NEW:
        hold = _new(order)
    if hold.state not in UNCLEARED:
        return NOTHING
    draft = Draft(view)
    state = step(HOLD_STATES, hold.state, Happening.CLEAR)
    hold = replace(hold, state=state, wake_at_ms=None, order=order_json(order))
    if hold.awaiting:
        if state is HoldState.FIRM:  # a slip that went out before the hold lapsed: its answer is as good as a new one's
            hold = replace(hold, state=step(HOLD_STATES, state, Happening.ASK))
        draft.put(hold)
    else:
        advance(draft, hold, order, now_ms)
    return draft.decision()


def on_extended(view: View, event: HoldExtended, now_ms: int) -> Decision:
    """A review keeps a soft hold, also one that is still to be asked for; one that has lapsed stays so."""
    hold = view.get(Hold, hold_key(event.order_id, event.version))
    if hold is None:
        hold = Hold(order_id=event.order_id, version=event.version, home=event.region, wake_at_ms=event.until_ms)
        return Decision(puts=(hold,))
    if hold.state not in SOFTLY or event.until_ms <= (hold.wake_at_ms or 0):
        return NOTHING
    return Decision(puts=(replace(hold, wake_at_ms=event.until_ms),))


def on_stopped(view: View, event: OrderBlocked | HoldReleaseRequested, now_ms: int) -> Decision:
    """Give back and leave a tombstone. A firm hold ends only by shipping, and is no longer this event's to end."""
    hold = view.get(Hold, hold_key(event.order_id, event.version))
    if hold is None:
        hold = Hold(order_id=event.order_id, version=event.version, home=event.region)
    if hold.state not in UNCLEARED:
        return NOTHING
    draft = Draft(view)
    state = step(HOLD_STATES, hold.state, Happening.RELEASE)
    hold = replace(give_back(draft, hold), state=state, open=(), asked=(), wake_at_ms=horizon_ms(draft, now_ms))
    draft.put(hold)
    reason = event.reason if isinstance(event, HoldReleaseRequested) else "blocked"
    _record(draft, hold, ReservationOutcome.RELEASED, reason=reason)
    return draft.decision()


def on_due(view: View, hold: Hold, now_ms: int) -> Decision:
    """A soft hold lapses; what is over is forgotten."""
    if hold.state not in SOFTLY:
        return Decision(drops=((Hold, hold.key),))
    draft = Draft(view)
    lapsed = give_back(draft, hold)
    lapsed = replace(
        lapsed,
        state=step(HOLD_STATES, hold.state, Happening.LAPSE),
        asked=hold.asked if hold.awaiting else (),
        boxed=hold.boxed if hold.awaiting else 0,
        wake_at_ms=horizon_ms(draft, now_ms),
    )
    draft.put(lapsed)
    _record(draft, lapsed, ReservationOutcome.LAPSED)
    return draft.decision()


def _new(order: Order) -> Hold:
    return Hold(order_id=order.order_id, version=order.version, home=order.home_region, open=units.of_order(order))


def _promise_ms(draft: Draft, hold: Hold, order: Order, now_ms: int) -> int | None:
    return promise_ms(draft, order, hold.held, now_ms) if hold.held else None


def _record(
    draft: Draft,
    hold: Hold,
    outcome: ReservationOutcome,
    promise_at_ms: int | None = None,
    reason: str | None = None,
) -> None:
    event = ReservationRecorded(
        order_id=hold.order_id,
        version=hold.version,
        outcome=outcome,
        reserved=units.told(units.add(hold.held)),
        waiting=units.told(hold.open) if outcome is ReservationOutcome.HELD else (),
        promise_at_ms=promise_at_ms,
        reason=reason,
    )
    draft.emit(RESERVATIONS_RECORDED, event)
