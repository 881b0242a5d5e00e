"""Intake: new, duplicate, conflict or rejected; and the soft hold asked for at once."""

from __future__ import annotations

from typing import Literal

from orderwing_schemas.base import Event
from orderwing_schemas.domain import Order
from orderwing_schemas.events.public import Personal


class OrderAccepted(Event):
    type: Literal["order.accepted.v1"] = "order.accepted.v1"
    order: Order
    payment_token: str

    @property
    def order_id(self) -> str:
        return self.order.order_id


class SoftHoldRequested(Event):
    type: Literal["hold.requested.v1"] = "hold.requested.v1"
    order: Order

    @property
    def region(self) -> str:
        return self.order.home_region


class OrderRejected(Event):
    """`reasons`: codes such as `unknown_sku`, `bad_address`, `promotion_misapplied`, `bad_payment_method`."""

    type: Literal["order.rejected.v1"] = "order.rejected.v1"
    order_id: str
    reasons: tuple[str, ...]
    detail: str


class OrderDuplicated(Event):
    """The same order again, alike in every fact: a no-op, counted."""

    type: Literal["order.duplicated.v1"] = "order.duplicated.v1"
    order_id: str


class OrderConflicted(Event):
    """An order id again with other facts: refused, the first stands."""

    type: Literal["order.conflicted.v1"] = "order.conflicted.v1"
    order_id: str
    differs_in: tuple[str, ...]


class DeliveryRecorded(Event):
    """Who receives an order, on a compacted topic of its own: a tombstone forgets the person."""

    type: Literal["delivery.recorded.v1"] = "delivery.recorded.v1"
    order_id: str
    personal: Personal
