"""The stage payment_hold: one decision per fact about an order's money."""

from __future__ import annotations

from orderwing.kernel.stage import Stage
from orderwing.payment_hold import decide
from orderwing.payment_hold.answers import on_answered
from orderwing.payment_hold.rows import Ask, Declined, Payment
from orderwing_schemas.events.dispatch import ShipmentProgressed
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.payments import PaymentAnswered
from orderwing_schemas.events.reservation import ReservationRecorded
from orderwing_schemas.topics import (
    FRAUD_DECIDED,
    ORDERS_ACCEPTED,
    PAYMENTS_ANSWERED,
    RESERVATIONS_RECORDED,
    SHIPMENTS_PROGRESS,
)

STAGE = Stage(
    name="payment_hold",
    inputs=(ORDERS_ACCEPTED, PAYMENTS_ANSWERED, FRAUD_DECIDED, RESERVATIONS_RECORDED, SHIPMENTS_PROGRESS),
    handlers={
        OrderAccepted: decide.on_accepted,
        PaymentAnswered: on_answered,
        FraudDecided: decide.on_fraud_decided,
        ReservationRecorded: decide.on_reservation_recorded,
        ShipmentProgressed: decide.on_progressed,
    },
    rows=(Payment, Declined, Ask),
    deadlines={
        Payment: decide.on_payment_due,
        Ask: decide.on_ask_due,
        Declined: decide.on_declined_due,
    },
)
