"""The money of an order: requests to the provider, its answers, and what follows for the order."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import CurrencyCode, EpochMs, Event, Minor
from orderwing_schemas.domain import Order


class Purpose(StrEnum):
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"


class Outcome(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"  # no answer within the gateway's retries; payment_hold asks again or gives up


class PaymentRequested(Event):
    """`idempotency_key` = order id + purpose + amount version, the same for every retry."""

    type: Literal["payment.requested.v1"] = "payment.requested.v1"
    order_id: str
    purpose: Purpose
    idempotency_key: str
    amount_minor: Minor
    currency: CurrencyCode
    payment_token: str | None = None
    authorisation: str | None = None


class PaymentAnswered(Event):
    type: Literal["payment.answered.v1"] = "payment.answered.v1"
    order_id: str
    purpose: Purpose
    idempotency_key: str
    outcome: Outcome
    amount_minor: Minor
    reference: str | None
    reason: str | None = None
    attempts: Annotated[int, Field(ge=1)]


class OrderAuthorised(Event):
    type: Literal["order.authorised.v1"] = "order.authorised.v1"
    order: Order
    authorised_minor: Minor
    authorised_at_ms: EpochMs

    @property
    def customer_key(self) -> str:
        return self.order.customer_key


class OrderRefused(Event):
    """The payment was declined or the provider never answered: the order ends."""

    type: Literal["order.refused.v1"] = "order.refused.v1"
    order_id: str
    reason: str


class PaymentRecorded(Event):
    """What the provider confirmed, for views and the auditor."""

    type: Literal["payment.recorded.v1"] = "payment.recorded.v1"
    order_id: str
    purpose: Purpose
    idempotency_key: str
    amount_minor: Minor
    shipment_id: str | None = None


class CaptureRefused(Event):
    """The provider refused to pay for goods that have left: uncollected, for an operator to pursue."""

    type: Literal["payment.capture_refused.v1"] = "payment.capture_refused.v1"
    order_id: str
    shipment_id: str
    idempotency_key: str
    amount_minor: Minor
    reason: str


class HoldReleaseRequested(Event):
    """The order ended before reservation made its hold firm: give the stock back."""

    type: Literal["hold.release_requested.v1"] = "hold.release_requested.v1"
    order_id: str
    version: int
    region: str
    reason: str
