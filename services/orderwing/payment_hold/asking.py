"""Asking the provider, asking again, and giving up."""

from __future__ import annotations

import msgspec

from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.payment_hold.rows import ASK_STATES, Ask, AskHappening, AskState, Payment, State
from orderwing_schemas.events.payments import PaymentRecorded, PaymentRequested, Purpose
from orderwing_schemas.topics import PAYMENTS_RECORDED, PAYMENTS_REQUESTED

MINUTE_MS = 60_000
FIRST_PAUSE_MS = 1 * MINUTE_MS  # domain time; the gateway has tried hard before it says `failed`
LONGEST_PAUSE_MS = 60 * MINUTE_MS
# An order's first authorisation that fails so often is given up, and the order refused. Captures and voids are owed,
# and a renewal is needed before what is held expires, while goods may still ship: those are never given up.
AUTHORISE_TRIES = 5


def ask(
    draft: Draft,
    payment: Payment,
    purpose: Purpose,
    subject: str,
    amount_minor: int,
    authorisation: str | None = None,
) -> None:
    """Ask once; the subject makes the idempotency key."""
    row = Ask(
        order_id=payment.order_id,
        purpose=purpose,
        subject=subject,
        amount_minor=amount_minor,
        authorisation=authorisation,
    )
    draft.put(row)
    send(draft, payment, row)


def send(draft: Draft, payment: Payment, row: Ask) -> None:
    draft.emit(
        PAYMENTS_REQUESTED,
        PaymentRequested(
            order_id=row.order_id,
            purpose=row.purpose,
            idempotency_key=row.idempotency_key,
            amount_minor=row.amount_minor,
            currency=payment.currency,
            payment_token=payment.payment_token if row.purpose is Purpose.AUTHORISE else None,
            authorisation=row.authorisation,
        ),
    )


def move(draft: Draft, row: Ask, happening: AskHappening) -> Ask:
    moved = msgspec.structs.replace(row, state=step(ASK_STATES, row.state, happening), wake_at_ms=None)
    draft.put(moved)
    return moved


def failed(draft: Draft, payment: Payment, row: Ask, now_ms: int) -> Ask:
    """Rest before the next try, or give up what is not owed. A second `failed` while resting changes nothing."""
    if row.state is AskState.RESTING:
        return row
    failures = row.failures + 1
    renews = payment.state is State.AUTHORISED and not row.is_first_authorisation
    if row.purpose is Purpose.AUTHORISE and not renews and failures >= AUTHORISE_TRIES:
        return move(draft, row, AskHappening.GIVEN_UP)
    pause_ms = min(FIRST_PAUSE_MS << min(failures - 1, 16), LONGEST_PAUSE_MS)
    rested = msgspec.structs.replace(
        move(draft, row, AskHappening.FAILED), failures=failures, wake_at_ms=now_ms + pause_ms
    )
    draft.put(rested)
    return rested


def record(draft: Draft, row: Ask, amount_minor: int) -> None:
    """Tell views and the auditor what the provider confirmed."""
    draft.emit(
        PAYMENTS_RECORDED,
        PaymentRecorded(
            order_id=row.order_id,
            purpose=row.purpose,
            idempotency_key=row.idempotency_key,
            amount_minor=amount_minor,
            shipment_id=row.subject if row.purpose is Purpose.CAPTURE else None,
        ),
    )
