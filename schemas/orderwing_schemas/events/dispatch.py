"""Dispatch: what is released to a warehouse, its progress, waves and manifests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event, Id, Model, is_unsaid
from orderwing_schemas.domain import LineQuantity, Point, ServiceLevel
from orderwing_schemas.events.allocation import ForDispatch
from orderwing_schemas.events.public import WarehouseStatus


class ShipmentReleased(Event):
    """Public: pick, pack and ship this. Answer with `warehouse.answered.v1` on `wms.inbound`.

    Name and address for the label are on `orders.delivery`, keyed by order id. Times are domain milliseconds.
    `stop_id` is `street.house.flat`: equal ones are one door, those alike in street and house one building.
    With `to_site_id` the consignee is that site, which answers `arrived`; a carrier's answers after `shipped` count for
    nothing. `cross_docked` of the lines have come by such transfers: they are on the dock, not on a shelf.
    """

    type: Literal["shipment.released.v1"] = "shipment.released.v1"
    site_id: str
    shipment_id: str
    order_id: str
    wave_id: str
    carrier: str
    lane_id: str
    zone: str
    stop_id: str
    delivery_point: Point
    service_level: ServiceLevel
    lines: tuple[LineQuantity, ...]
    departure_at_ms: EpochMs
    arrival_at_ms: EpochMs
    promise_at_ms: EpochMs
    released_at_ms: EpochMs
    to_site_id: Annotated[Id | None, Field(exclude_if=is_unsaid)] = None
    cross_docked: Annotated[tuple[LineQuantity, ...], Field(exclude_if=is_unsaid)] = ()


class ShipmentProgressed(Event):
    """By order. For `shipped`, `lines` are what left; for `short_picked`, what was missing.

    A transfer is `transferred` when it has left, and `arrived`; a shipment whose transfers have not come in time is
    `overdue`, and goes on when they come.
    """

    type: Literal["shipment.progressed.v1"] = "shipment.progressed.v1"
    order_id: str
    order_version: int
    part_id: str
    shipment_id: str
    site_id: str
    status: Literal["released"] | WarehouseStatus | Literal["transferred", "overdue"]
    lines: tuple[LineQuantity, ...]
    at_ms: EpochMs
    promise_at_ms: EpochMs


class ShipmentShipped(Event):
    """By region: reservation lowers on hand and reserved together, once."""

    type: Literal["shipment.shipped.v1"] = "shipment.shipped.v1"
    region: str
    order_id: str
    order_version: int
    part_id: str
    shipment_id: str
    site_id: str
    lines: tuple[LineQuantity, ...]


class PickShort(Event):
    """By region: allocation turns it into a new need. `cross_docked` are missing besides: they had come by transfer."""

    type: Literal["shipment.pick_short.v1"] = "shipment.pick_short.v1"
    region: str
    order_id: str
    order_version: int
    part_id: str
    shipment_id: str
    site_id: str
    missing: tuple[LineQuantity, ...]
    cross_docked: Annotated[tuple[LineQuantity, ...], Field(exclude_if=is_unsaid)] = ()


class TransferAsked(ForDispatch, Event):
    """The site that waits for a transfer asks the site that has the goods, `site_id`, to release it."""

    type: Literal["transfer.asked.v1"] = "transfer.asked.v1"
    site_id: Id


class TransferLeft(Event):
    """What of a transfer is on its way to `site_id`: nothing, where nothing of it was found."""

    type: Literal["transfer.left.v1"] = "transfer.left.v1"
    site_id: Id
    order_id: str
    part_id: str
    shipment_id: str
    lines: tuple[LineQuantity, ...]


class Stop(Model):
    """One halt of the van: its shipments in the order in which they are walked, from the door of the one named `at`.

    `doors` it leads to, `service_s` from halt to departure, `walk_m` from the first door to the last.
    """

    at: str
    shipments: Annotated[tuple[str, ...], Field(min_length=1)]
    doors: Annotated[int, Field(ge=1)]
    service_s: Annotated[int, Field(ge=0)]
    walk_m: Annotated[int, Field(ge=0)]


class ManifestClosed(Event):
    """A departure left: the shipments handed over, the stops that they make, and those released but late for it.

    One that was late is among the `shipped` of the departure that it leaves with. Of a departure whose
    manifest is closed there is another then, of what is told of later.
    """

    type: Literal["manifest.closed.v1"] = "manifest.closed.v1"
    site_id: str
    wave_id: str
    carrier: str
    departure_at_ms: EpochMs
    shipped: tuple[str, ...]
    late: tuple[str, ...]
    stops: tuple[Stop, ...] = ()


class AnswerIgnored(Event):
    """A warehouse's answer that changed nothing, with the units that it says are missing.

    `reason`: `repeated`, `ended`, `too_late` (a short pick of what has left: the customer got less than was charged),
    `unknown_shipment`, `wrong_site`, `wrong_order`, `not_in_shipment`, `is_transfer` (which no customer receives),
    `not_released` (its transfers have not come).
    """

    type: Literal["answer.ignored.v1"] = "answer.ignored.v1"
    site_id: str
    order_id: str
    shipment_id: str
    status: WarehouseStatus
    reason: str
    missing: tuple[LineQuantity, ...] = ()
