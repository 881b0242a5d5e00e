"""Orders and parts for tests that only need some."""

from __future__ import annotations

from orderwing_schemas.domain import (
    Backorder,
    LineQuantity,
    Order,
    OrderLine,
    Payer,
    PlannedShipment,
    Point,
    ServiceLevel,
)
from orderwing_schemas.events.allocation import PartAllocated

HERE = Point(latitude=51.5, longitude=0.0)
LINE = OrderLine(line_id="1", sku="tea", quantity=2, amount_minor=500, capacity=2)


def an_order(order_id: str) -> Order:
    """Two units of tea for the region `south`."""
    return Order(
        order_id=order_id,
        version=1,
        customer_key=f"guest:{order_id}",
        currency="GBP",
        lines=(LINE,),
        service_level=ServiceLevel.STANDARD,
        home_region="south",
        zone="south",
        delivery_point=HERE,
        stop_id="stop",
        shipping_paid_by=Payer.SHOP,
        one_box=False,
        max_delay_minutes=60,
        may_split=True,
        backorder=Backorder.LINES,
        placed_at_ms=1_000,
        accepted_at_ms=2_000,
    )


def an_allocated_part(order_id: str) -> PartAllocated:
    """All of `an_order` from site s1, in one shipment."""
    shipment = PlannedShipment(
        shipment_id=f"{order_id}/south/1/s1",
        site_id="s1",
        lane_id="s1-van",
        carrier="van",
        departure_at_ms=7_200_000,
        arrival_at_ms=9_000_000,
        lines=(LineQuantity(line_id="1", sku="tea", quantity=2),),
        cost_minor=345,
        terms=(("parcel", 345),),
    )
    return PartAllocated(
        region="south",
        part_id=f"{order_id}/south/1",
        order_id=order_id,
        order_version=1,
        version=1,
        cause="first",
        zone="south",
        delivery_point=HERE,
        stop_id="stop",
        service_level=ServiceLevel.STANDARD,
        one_box=False,
        may_split=True,
        lines=(LINE,),
        shipments=(shipment,),
        cost_minor=345,
        promise_at_ms=9_000_000,
        freeze_at_ms=7_000_000,
        placed_at_ms=1_000,
    )
