"""What an order hears of its shipments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from orderwing.dispatch.rows import Shipment, Units
from orderwing.kernel.view import Draft
from orderwing_schemas import topics
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentProgressed
from orderwing_schemas.events.public import WarehouseStatus

Told = Literal["released", "transferred", "overdue"] | WarehouseStatus


def tell(draft: Draft, shipment: Shipment, status: Told, lines: Iterable[Units], now_ms: int) -> None:
    """`status` now, and the lines that it concerns."""
    draft.emit(
        topics.SHIPMENTS_PROGRESS,
        ShipmentProgressed(
            order_id=shipment.order_id,
            order_version=shipment.order_version,
            part_id=shipment.part_id,
            shipment_id=shipment.shipment_id,
            site_id=shipment.site_id,
            status=status,
            lines=quantities(lines),
            at_ms=now_ms,
            promise_at_ms=shipment.promise_at_ms,
        ),
    )


def quantities(lines: Iterable[Units]) -> tuple[LineQuantity, ...]:
    return tuple([LineQuantity(line_id=x.line_id, sku=x.sku, quantity=x.quantity) for x in lines])
