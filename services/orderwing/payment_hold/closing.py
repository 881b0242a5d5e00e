"""Giving back what will not be drawn, ending an order's money, and forgetting it."""

from __future__ import annotations

import msgspec

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.payment_hold.asking import ask
from orderwing.payment_hold.rows import (
    NOTHING_KEPT,
    PENDING,
    STATES,
    Ask,
    Authorisation,
    Declined,
    Happening,
    Payment,
    State,
)
from orderwing_schemas.events.payments import HoldReleaseRequested, OrderRefused, Purpose
from orderwing_schemas.topics import PAYMENT_RELEASES, PAYMENTS_RECORDED

DAY_MS = 24 * 60 * 60_000


def is_open(draft: Draft, payment: Payment) -> bool:
    """Whether any unit may still ship."""
    declined = draft.get(Declined, payment.order_id)
    units = declined.units if declined is not None else {}
    return any(line.quantity - line.shipped > units.get(line.line_id, 0) for line in payment.lines)


def settle(draft: Draft, payment: Payment, now_ms: int) -> None:
    """Write `payment` down after a change, with all that follows from it.

    An authorisation's rest is voided once nothing more is drawn on it: it was renewed, or the order is closing, and no
    capture is under way. The order's money ends when nothing is held and nothing asked.
    """
    if payment.state is State.AUTHORISED and not is_open(draft, payment):
        payment = _stepped(payment, Happening.NOTHING_OPEN)
    if payment.state is State.CLOSING or len(payment.authorisations) > 1:
        payment = _without_rests(draft, payment, now_ms)
    draft.put(payment)


def _without_rests(draft: Draft, payment: Payment, now_ms: int) -> Payment:
    pending = [row for row in draft.scan(Ask, payment.order_id) if row.state in PENDING]
    drawing = {row.authorisation for row in pending if row.purpose is Purpose.CAPTURE}
    closing = payment.state is State.CLOSING
    kept: list[Authorisation] = []
    for authorisation in payment.authorisations:
        superseded = authorisation is not payment.authorisations[-1]
        idle = authorisation.reference not in drawing and not authorisation.voiding
        if idle and (superseded or closing):
            kept.extend(_give_back(draft, payment, authorisation))
        else:
            kept.append(authorisation)
    payment = msgspec.structs.replace(payment, authorisations=tuple(kept))
    if closing:
        payment = msgspec.structs.replace(payment, wake_at_ms=None)
        if not kept and not pending:
            payment = over(draft, payment, Happening.SETTLED, now_ms)
    return payment


def over(draft: Draft, payment: Payment, happening: Happening, now_ms: int) -> Payment:
    """In a final state, with the deadline that drops it."""
    horizon_ms = draft.network.policies.duplicate_horizon_days * DAY_MS
    over = _stepped(payment, happening)
    return msgspec.structs.replace(over, wake_at_ms=now_ms + horizon_ms, accepted=NOTHING_KEPT)


def refuse(draft: Draft, payment: Payment, happening: Happening, reason: str, now_ms: int) -> None:
    draft.emit(PAYMENTS_RECORDED, OrderRefused(order_id=payment.order_id, reason=reason))
    draft.emit(
        PAYMENT_RELEASES,
        HoldReleaseRequested(order_id=payment.order_id, version=payment.version, region=payment.region, reason=reason),
    )
    draft.put(over(draft, payment, happening, now_ms))


def void_unanswered(draft: Draft, payment: Payment, row: Ask) -> None:
    """The provider may hold the money all the same, so it is told to give back whatever came of that key."""
    ask(draft, payment, Purpose.VOID, row.subject, row.amount_minor, row.idempotency_key)


def forget(draft: Draft, payment: Payment, now_ms: int) -> None:
    """Drop every row of an order that is over; one whose void is still owed waits another day."""
    asks = list(draft.scan(Ask, payment.order_id))
    if any(row.state in PENDING for row in asks):
        draft.put(msgspec.structs.replace(payment, wake_at_ms=now_ms + DAY_MS))
        return
    for row in asks:
        draft.drop(Ask, row.key)
    draft.drop(Declined, payment.order_id)
    draft.drop(Payment, payment.order_id)


def _give_back(draft: Draft, payment: Payment, authorisation: Authorisation) -> tuple[Authorisation, ...]:
    rest_minor = authorisation.amount_minor - authorisation.drawn_minor
    if rest_minor <= 0:
        return ()
    ask(draft, payment, Purpose.VOID, str(authorisation.version), rest_minor, authorisation.reference)
    return (msgspec.structs.replace(authorisation, voiding=True),)


def _stepped(payment: Payment, happening: Happening) -> Payment:
    return msgspec.structs.replace(payment, state=step(STATES, payment.state, happening))
