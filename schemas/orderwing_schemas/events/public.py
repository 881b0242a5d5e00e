"""What strangers send: shops, warehouses, stock systems and operators. They may add fields; gate ignores those."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from orderwing_schemas.base import CurrencyCode, Event, Id, Minor, Model, Quantity
from orderwing_schemas.domain import Backorder, LineQuantity, Payer, ServiceLevel

Text = Annotated[str, Field(min_length=1, max_length=200)]
Sequence = Annotated[int, Field(ge=1, le=2**53)]  # a site's movements, counted without gaps


class PlacedLine(Model):
    """A line as the shop sends it. Discount and tax are for the whole line, in minor units."""

    line_id: Id
    sku: Id
    quantity: Quantity
    unit_price_minor: Minor
    tax_minor: Minor = 0
    discount_minor: Minor = 0
    capacity: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Personal(Model):
    """Who receives the order. Opaque to every stage but intake."""

    name: Text
    address: Text
    city: Text
    postcode: Annotated[str, Field(max_length=20)] = ""
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    contact: Annotated[str, Field(max_length=200)] = ""


class OrderPlaced(Event):
    type: Literal["order.placed.v1"] = "order.placed.v1"
    order_id: Id
    customer_id: Id | None = None
    lines: Annotated[tuple[PlacedLine, ...], Field(min_length=1, max_length=1000)]
    currency: CurrencyCode
    promotion_codes: Annotated[tuple[Id, ...], Field(max_length=10)] = ()
    payment_token: Annotated[str, Field(min_length=1, max_length=200)]
    service_level: ServiceLevel = ServiceLevel.STANDARD
    shipping_paid_by: Payer = Payer.SHOP
    one_box: bool = False
    max_delay_minutes: Annotated[int, Field(ge=0, le=100_000)] = 1440
    may_split: bool = True
    backorder: Backorder = Backorder.LINES
    placed_at: AwareDatetime
    personal: Personal

    @model_validator(mode="after")
    def _lines_are_distinct(self) -> OrderPlaced:
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise ValueError("line ids must be unique within an order")
        return self


class StockReceived(Event):
    """Goods arrived. `sequence` counts the site's movements from 1 without gaps."""

    type: Literal["stock.received.v1"] = "stock.received.v1"
    site_id: Id
    sku: Id
    quantity: Quantity
    sequence: Sequence


class StockAdjusted(Event):
    """A correction: damage, loss, find. `delta` is signed."""

    type: Literal["stock.adjusted.v1"] = "stock.adjusted.v1"
    site_id: Id
    sku: Id
    delta: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    reason: Text
    sequence: Sequence


class StockCounted(Event):
    """A count of one shelf. It includes the site's movements up to `includes_sequence`, which is before its own
    `sequence`, and its shipments up to the one named, or all that have left."""

    type: Literal["stock.counted.v1"] = "stock.counted.v1"
    site_id: Id
    sku: Id
    on_hand: Annotated[int, Field(ge=0, le=10**9)]
    includes_sequence: Annotated[int, Field(ge=0, le=2**53)]
    includes_shipment: str | None = None
    sequence: Sequence


class StockExpected(Event):
    """Goods on order, due at a time; a later receipt of the SKU at the site draws this down."""

    type: Literal["stock.expected.v1"] = "stock.expected.v1"
    site_id: Id
    sku: Id
    quantity: Quantity
    due_at: AwareDatetime
    sequence: Sequence


StockMovement = StockReceived | StockAdjusted | StockCounted | StockExpected


class WarehouseStatus(StrEnum):
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    SHORT_PICKED = "short_picked"
    ARRIVED = "arrived"


class WarehouseAnswered(Event):
    """A warehouse's progress on one released shipment.

    `short_picked` names what was *not* found, comes before `picked`, and the rest of the shipment goes on
    (a shipment of which nothing was found ends there). `arrived` is said of a transfer by the site that it was sent to.
    """

    type: Literal["warehouse.answered.v1"] = "warehouse.answered.v1"
    shipment_id: Annotated[str, Field(min_length=1, max_length=200)]
    site_id: Id
    order_id: Id
    status: WarehouseStatus
    missing: tuple[LineQuantity, ...] = ()
    tracking: Annotated[str, Field(max_length=100)] | None = None
    at: AwareDatetime


class Verdict(StrEnum):
    CLEAR = "clear"
    BLOCK = "block"


class ReviewVerdict(Event):
    """An operator's answer to a fraud review. `customer_key` is shown in the review queue."""

    type: Literal["review.verdict.v1"] = "review.verdict.v1"
    order_id: Id
    customer_key: Annotated[str, Field(min_length=1, max_length=100)]
    verdict: Verdict
    reviewer: Text
