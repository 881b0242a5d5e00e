"""Accepted, blocked, declined, shipped, due: what each means for the money of an order."""

from __future__ import annotations

import msgspec

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing.payment_hold import closing
from orderwing.payment_hold.answers import renewal_at_ms
from orderwing.payment_hold.asking import ask, move, record, send
from orderwing.payment_hold.rows import (
    OVER,
    STATES,
    Ask,
    AskHappening,
    AskState,
    Declined,
    Happening,
    Line,
    Payment,
    State,
    ask_key,
)
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentProgressed
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.payments import Purpose
from orderwing_schemas.events.public import WarehouseStatus
from orderwing_schemas.events.reservation import ReservationRecorded


class MoneyError(RuntimeError):
    """Goods moved for which no money can be accounted: a defect upstream, so the record becomes a dead letter."""


def on_accepted(view: View, event: OrderAccepted, now_ms: int) -> Decision:
    draft = Draft(view)
    order = event.order
    if draft.get(Payment, order.order_id) is not None:
        return NOTHING
    payment = Payment(
        order_id=order.order_id,
        version=order.version,
        region=order.home_region,
        currency=order.currency,
        payment_token=event.payment_token,
        state=State.REQUESTED,
        lines=tuple(Line(line.line_id, line.quantity, line.amount_minor) for line in order.lines),
        accepted=msgspec.Raw(encode(event)),
    )
    draft.put(payment)
    if (declined := draft.get(Declined, order.order_id)) is not None:
        draft.put(msgspec.structs.replace(declined, wake_at_ms=None))
    ask(draft, payment, Purpose.AUTHORISE, str(payment.asked_version), payment.total_minor)
    return draft.decision()


def on_fraud_decided(view: View, event: FraudDecided, now_ms: int) -> Decision:
    if event.outcome != "blocked":
        return NOTHING
    draft = Draft(view)
    payment = draft.get(Payment, event.order_id)
    if payment is None or payment.state in (State.CLOSING, *OVER):
        return NOTHING
    state = step(STATES, payment.state, Happening.BLOCKED)
    closing.settle(draft, msgspec.structs.replace(payment, state=state), now_ms)
    return draft.decision()


def on_reservation_recorded(view: View, event: ReservationRecorded, now_ms: int) -> Decision:
    """`declined` is all that is declined so far, so the largest told stands; it may come before the order itself."""
    if not event.declined:
        return NOTHING
    draft = Draft(view)
    payment = draft.get(Payment, event.order_id)
    if payment is not None and payment.state in OVER:
        return NOTHING
    known = draft.get(Declined, event.order_id)
    units = dict(known.units) if known is not None else {}
    for line_id, told in _by_line(event.declined).items():
        units[line_id] = max(units.get(line_id, 0), told)
    horizon_ms = draft.network.policies.duplicate_horizon_days * closing.DAY_MS
    wake_at_ms = now_ms + horizon_ms if payment is None else None
    draft.put(Declined(order_id=event.order_id, units=units, wake_at_ms=wake_at_ms))
    if payment is not None and payment.state is not State.REQUESTED:
        closing.settle(draft, payment, now_ms)
    return draft.decision()


def on_progressed(view: View, event: ShipmentProgressed, now_ms: int) -> Decision:
    """Capture what left the dock, once per shipment."""
    if event.status != WarehouseStatus.SHIPPED:
        return NOTHING
    draft = Draft(view)
    payment = draft.get(Payment, event.order_id)
    if payment is None:
        raise MoneyError("goods shipped for an order whose payment is not known")
    if draft.get(Ask, ask_key(event.order_id, Purpose.CAPTURE, event.shipment_id)) is not None:
        return NOTHING
    state = step(STATES, payment.state, Happening.SHIPPED)
    lines, amount_minor = _ship(payment, _by_line(event.lines))
    *others, held = payment.authorisations
    held = msgspec.structs.replace(held, drawn_minor=held.drawn_minor + amount_minor)
    payment = msgspec.structs.replace(payment, state=state, lines=lines, authorisations=(*others, held))
    if amount_minor > 0:
        ask(draft, payment, Purpose.CAPTURE, event.shipment_id, amount_minor, held.reference)
    else:
        free = Ask(
            order_id=payment.order_id,
            purpose=Purpose.CAPTURE,
            subject=event.shipment_id,
            amount_minor=0,
            state=AskState.APPROVED,
        )
        draft.put(free)
        record(draft, free, 0)
    closing.settle(draft, payment, now_ms)
    return draft.decision()


def on_payment_due(view: View, payment: Payment, now_ms: int) -> Decision:
    """Renew while goods may still ship; forget what is over."""
    draft = Draft(view)
    if payment.state in OVER:
        closing.forget(draft, payment, now_ms)
    elif payment.state is State.AUTHORISED:
        _renew(draft, payment, now_ms)
    return draft.decision()


def _renew(draft: Draft, payment: Payment, now_ms: int) -> None:
    due_minor = _still_due_minor(draft, payment)
    if due_minor == 0:  # what may still ship is free: no provider holds nothing
        draft.put(msgspec.structs.replace(payment, wake_at_ms=renewal_at_ms(draft, now_ms)))
        return
    renewed = msgspec.structs.replace(payment, asked_version=payment.asked_version + 1, wake_at_ms=None)
    draft.put(renewed)
    ask(draft, renewed, Purpose.AUTHORISE, str(renewed.asked_version), due_minor)


def on_ask_due(view: View, row: Ask, now_ms: int) -> Decision:
    """The same request again, under the same key."""
    draft = Draft(view)
    payment = draft.get(Payment, row.order_id)
    if payment is None or row.state is not AskState.RESTING:
        return NOTHING
    send(draft, payment, move(draft, row, AskHappening.DUE))
    return draft.decision()


def on_declined_due(view: View, row: Declined, now_ms: int) -> Decision:
    """The order it speaks of never came."""
    draft = Draft(view)
    draft.drop(Declined, row.key)
    return draft.decision()


def _ship(payment: Payment, units: dict[str, int]) -> tuple[tuple[Line, ...], int]:
    """The lines after the shipment, and what it is worth in minor units."""
    if unknown := set(units) - {line.line_id for line in payment.lines}:
        raise MoneyError(f"{len(unknown)} shipped lines are not in the order")
    lines = []
    amount_minor = 0
    for line in payment.lines:
        shipped = line.shipped + units.get(line.line_id, 0)
        if shipped > line.quantity:
            raise MoneyError(f"more units shipped than ordered on line {line.line_id}")
        amount_minor += line.worth_minor(shipped) - line.worth_minor(line.shipped)
        lines.append(msgspec.structs.replace(line, shipped=shipped))
    return tuple(lines), amount_minor


def _still_due_minor(draft: Draft, payment: Payment) -> int:
    """What the units that may still ship are worth."""
    declined = draft.get(Declined, payment.order_id)
    units = declined.units if declined is not None else {}
    return sum(
        line.worth_minor(max(line.shipped, line.quantity - units.get(line.line_id, 0))) - line.worth_minor(line.shipped)
        for line in payment.lines
    )


def _by_line(lines: tuple[LineQuantity, ...]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.line_id] = units.get(line.line_id, 0) + line.quantity
    return units
