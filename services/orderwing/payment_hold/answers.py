"""What follows from the provider's answers."""

from __future__ import annotations

import msgspec

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing.payment_hold import closing
from orderwing.payment_hold.asking import failed, move, record
from orderwing.payment_hold.rows import (
    NOTHING_KEPT,
    PENDING,
    STATES,
    Ask,
    AskHappening,
    AskState,
    Authorisation,
    Happening,
    Payment,
    State,
    ask_key,
)
from orderwing_schemas.codec import decode
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.payments import CaptureRefused, OrderAuthorised, Outcome, PaymentAnswered, Purpose
from orderwing_schemas.topics import ORDERS_AUTHORISED, PAYMENTS_RECORDED

HOUR_MS = 60 * 60_000


def on_answered(view: View, event: PaymentAnswered, now_ms: int) -> Decision:
    """The first final answer to a key counts; every later one changes nothing."""
    draft = Draft(view)
    payment = draft.get(Payment, event.order_id)
    row = draft.get(Ask, ask_key(event.order_id, event.purpose, event.idempotency_key.split(":", 2)[-1]))
    if payment is None or row is None or row.state not in PENDING:
        return NOTHING
    if event.outcome is Outcome.FAILED:
        row = failed(draft, payment, row, now_ms)
        if row.state is not AskState.GIVEN_UP:
            return draft.decision()
    else:
        row = move(draft, row, AskHappening(event.outcome.value))
    {
        Purpose.AUTHORISE: _authorisation_answered,
        Purpose.CAPTURE: _capture_answered,
        Purpose.VOID: _void_answered,
    }[row.purpose](draft, payment, row, event, now_ms)
    return draft.decision()


def renewal_at_ms(draft: Draft, now_ms: int) -> int:
    """Before the authorisation expires, with a twelfth of its life to spare for retries."""
    life_ms = max(1, draft.network.policies.authorisation_hours) * HOUR_MS
    return now_ms + life_ms - life_ms // 12


def _authorisation_answered(draft: Draft, payment: Payment, row: Ask, event: PaymentAnswered, now_ms: int) -> None:
    first = payment.state is State.REQUESTED
    partial = row.state is AskState.APPROVED and event.amount_minor < row.amount_minor
    if partial or row.state is AskState.GIVEN_UP:
        closing.void_unanswered(draft, payment, row)
    if row.state is AskState.APPROVED and not partial:
        record(draft, row, event.amount_minor)
        _authorised(draft, payment, row, event, now_ms)
    elif first and row.state is AskState.GIVEN_UP:
        closing.refuse(draft, payment, Happening.GIVEN_UP, "payment_unanswered", now_ms)
    elif first:
        closing.refuse(draft, payment, Happening.DECLINED, "payment_declined", now_ms)
    else:
        # What is held stays usable until it expires; a customer who declined is asked again in a day.
        payment = msgspec.structs.replace(payment, wake_at_ms=now_ms + closing.DAY_MS)
        closing.settle(draft, payment, now_ms)


def _authorised(draft: Draft, payment: Payment, row: Ask, event: PaymentAnswered, now_ms: int) -> None:
    held = Authorisation(
        reference=event.reference or row.idempotency_key, version=int(row.subject), amount_minor=event.amount_minor
    )
    first, accepted = payment.state is State.REQUESTED, payment.accepted
    payment = msgspec.structs.replace(
        payment,
        state=step(STATES, payment.state, Happening.APPROVED) if first else payment.state,
        authorisations=(*payment.authorisations, held),
        wake_at_ms=renewal_at_ms(draft, now_ms),
        accepted=NOTHING_KEPT,
    )
    # Where reservation has declined every unit meanwhile, there is nothing left to check.
    if first and closing.is_open(draft, payment):
        _pass_on(draft, accepted, event.amount_minor, now_ms)
    closing.settle(draft, payment, now_ms)


def _pass_on(draft: Draft, accepted: msgspec.Raw, authorised_minor: int, now_ms: int) -> None:
    event = decode(bytes(accepted), OrderAccepted.EVENT_TYPE)
    assert isinstance(event, OrderAccepted)
    draft.emit(
        ORDERS_AUTHORISED,
        OrderAuthorised(order=event.order, authorised_minor=authorised_minor, authorised_at_ms=now_ms),
    )


def _capture_answered(draft: Draft, payment: Payment, row: Ask, event: PaymentAnswered, now_ms: int) -> None:
    """What counts is what the provider says it paid, be it less than was asked for."""
    paid_minor = 0
    if row.state is AskState.APPROVED:
        paid_minor = event.amount_minor
        record(draft, row, paid_minor)
    if paid_minor < row.amount_minor:
        draft.emit(
            PAYMENTS_RECORDED,
            CaptureRefused(
                order_id=row.order_id,
                shipment_id=row.subject,
                idempotency_key=row.idempotency_key,
                amount_minor=row.amount_minor - paid_minor,
                reason=event.reason or ("paid_in_part" if row.state is AskState.APPROVED else "declined"),
            ),
        )
    closing.settle(draft, _drawn_anew(payment, row, paid_minor), now_ms)


def _void_answered(draft: Draft, payment: Payment, row: Ask, event: PaymentAnswered, now_ms: int) -> None:
    """A declined void has nothing left to give back: the authorisation is gone either way."""
    if row.state is AskState.APPROVED:
        record(draft, row, event.amount_minor)
    version = int(row.subject)
    rest = tuple(held for held in payment.authorisations if held.version != version)
    closing.settle(draft, msgspec.structs.replace(payment, authorisations=rest), now_ms)


def _drawn_anew(payment: Payment, row: Ask, paid_minor: int) -> Payment:
    """What a capture did not draw stays on the authorisation, to be given back with the rest."""
    held = tuple(
        msgspec.structs.replace(a, drawn_minor=a.drawn_minor - row.amount_minor + paid_minor)
        if a.reference == row.authorisation
        else a
        for a in payment.authorisations
    )
    return msgspec.structs.replace(payment, authorisations=held)
