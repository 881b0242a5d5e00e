"""Values that shops, stages and planners share. Money is integer minor units of the order's currency."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orderwing_schemas.base import CurrencyCode, EpochMs, Id, Minor, Model, Quantity, is_unsaid

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class ServiceLevel(StrEnum):
    TWO_HOURS = "2_HOURS"
    SAME_DAY = "SAME_DAY"
    EXPRESS = "EXPRESS"
    STANDARD = "STANDARD"


class Backorder(StrEnum):
    """What the shop allows when stock is short."""

    NONE = "none"  # short lines are declined
    LINES = "lines"  # what is there goes now, the rest waits
    WHOLE = "whole"  # the order waits for all its lines and holds nothing meanwhile


class Payer(StrEnum):
    SHOP = "shop"
    CUSTOMER = "customer"


class Point(Model):
    """WGS 84, degrees."""

    latitude: Latitude
    longitude: Longitude


class OrderLine(Model):
    """One line as accepted. `amount_minor` is for the whole quantity, after discount, with tax.

    `capacity` is the load of the whole line (2 cases of 5 l water = 4, a phone = 1).
    """

    line_id: Id
    sku: Id
    quantity: Quantity
    amount_minor: Minor
    capacity: Annotated[int, Field(ge=0, le=1_000_000)]


class Order(Model):
    """The facts of an accepted order that decisions need; nothing in it names a person.

    `customer_key` is the customer's id, or `guest:<order_id>`. `zone` is the delivery zone that lanes serve,
    `stop_id` names the door without telling it (`shipment.released.v1` says how to read it).
    """

    order_id: Id
    version: Annotated[int, Field(ge=1)]
    customer_key: str
    currency: CurrencyCode
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=1000)]
    service_level: ServiceLevel
    home_region: Id
    zone: Id
    delivery_point: Point
    stop_id: str
    shipping_paid_by: Payer
    one_box: bool
    max_delay_minutes: Annotated[int, Field(ge=0)]
    may_split: bool
    backorder: Backorder
    placed_at_ms: EpochMs
    accepted_at_ms: EpochMs

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)


class HeldLine(Model):
    """Units of one order line held on one shelf."""

    line_id: Id
    sku: Id
    site_id: Id
    quantity: Quantity


class LineQuantity(Model):
    line_id: Id
    sku: Id
    quantity: Quantity


class ShelfLevel(Model):
    """One shelf, in units. ATP = on hand - reserved - safety."""

    site_id: Id
    sku: Id
    on_hand: int
    reserved: int
    safety: int

    @property
    def atp(self) -> int:
        return self.on_hand - self.reserved - self.safety


# Cards are full of these two: as arrays they cost a tenth of a model.
Available = tuple[str, str, int]  # (site, SKU, ATP): what a shelf has to give, below nought where it owes
CostTerm = tuple[str, int]  # (name, minor units): a part of a cost; negative ones are credits


class PlannedShipment(Model):
    """What one site sends on one departure of one lane. `terms` sum to `cost_minor`; `parcels` are its cartons.

    With `to_site_id` it is a transfer: the goods arrive at that site, and leave it in the parcels and on the lane of
    the part's shipment from there.
    """

    shipment_id: str
    site_id: Id
    lane_id: Id
    carrier: str
    departure_at_ms: EpochMs
    arrival_at_ms: EpochMs
    lines: Annotated[tuple[LineQuantity, ...], Field(min_length=1)]
    cost_minor: int
    terms: tuple[CostTerm, ...]
    parcels: Annotated[int, Field(ge=1)] = 1
    to_site_id: Annotated[Id | None, Field(exclude_if=is_unsaid)] = None


class Candidate(Model):
    """An option that a decision weighed. `lost_because` is None for the one chosen."""

    label: str
    cost_minor: int | None = None
    terms: tuple[CostTerm, ...] = ()
    lost_because: str | None = None
