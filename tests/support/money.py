"""A small network and orders for tests of the money."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing_schemas.domain import Backorder, LineQuantity, Order, OrderLine, Payer, Point, ServiceLevel
from orderwing_schemas.events.dispatch import ShipmentProgressed
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested
from orderwing_schemas.events.public import WarehouseStatus
from orderwing_schemas.events.reservation import ReservationOutcome, ReservationRecorded
from orderwing_schemas.network import Lane, Network, Policies, Region, Site
from support.memory_view import MemoryReference, MemoryView

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def network(policies: Policies | None = None) -> Network:
    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="north", centre=Point(latitude=54.0, longitude=-2.0)),),
        sites=(
            Site(
                site_id="leeds",
                region_id="north",
                location=Point(latitude=53.8, longitude=-1.5),
                timezone="Europe/London",
                pick_minutes=30,
                units_per_hour=100,
                handling_line_minor=10,
                handling_parcel_minor=50,
            ),
        ),
        lanes=(
            Lane(
                lane_id="leeds-north",
                site_id="leeds",
                zone="north",
                carrier="van",
                services=(ServiceLevel.STANDARD,),
                every_minutes=60,
                transit_minutes=120,
                parcels_per_departure=100,
                parcel_minor=300,
                kilogram_minor=10,
            ),
        ),
        policies=policies or Policies(),
    )


def view(policies: Policies | None = None) -> MemoryView:
    return MemoryView(MemoryReference(network(policies)))


def order(
    lines: Sequence[tuple[int, int]] = ((2, 1000), (3, 100)),
    order_id: str = "ORD-1",
    customer_key: str = "customer-1",
    service_level: ServiceLevel = ServiceLevel.STANDARD,
) -> Order:
    """`lines` are (units, amount in minor units); their ids count from `l0`."""
    return Order(
        order_id=order_id,
        version=1,
        customer_key=customer_key,
        currency="GBP",
        lines=tuple(
            OrderLine(line_id=f"l{n}", sku=f"sku-{n}", quantity=quantity, amount_minor=amount, capacity=0)
            for n, (quantity, amount) in enumerate(lines)
        ),
        service_level=service_level,
        home_region="north",
        zone="north",
        delivery_point=Point(latitude=54.0, longitude=-1.5),
        stop_id="stop-1",
        shipping_paid_by=Payer.SHOP,
        one_box=False,
        max_delay_minutes=1440,
        may_split=True,
        backorder=Backorder.LINES,
        placed_at_ms=START_MS,
        accepted_at_ms=START_MS,
    )


def accepted(of: Order, token: str = "tok_ok") -> OrderAccepted:
    return OrderAccepted(order=of, payment_token=token)


def answer(request: PaymentRequested, outcome: Outcome = Outcome.APPROVED) -> PaymentAnswered:
    return PaymentAnswered(
        order_id=request.order_id,
        purpose=request.purpose,
        idempotency_key=request.idempotency_key,
        outcome=outcome,
        amount_minor=request.amount_minor,
        reference=f"ref:{request.idempotency_key}" if outcome is Outcome.APPROVED else None,
        reason=None if outcome is Outcome.APPROVED else "no",
        attempts=1,
    )


def quantities(of: Order, units: dict[str, int]) -> tuple[LineQuantity, ...]:
    return tuple(
        LineQuantity(line_id=line.line_id, sku=line.sku, quantity=units[line.line_id])
        for line in of.lines
        if units.get(line.line_id)
    )


def progressed(
    of: Order, shipment_id: str, units: dict[str, int], status: WarehouseStatus = WarehouseStatus.SHIPPED
) -> ShipmentProgressed:
    return ShipmentProgressed(
        order_id=of.order_id,
        order_version=of.version,
        part_id=f"{of.order_id}/north/1",
        shipment_id=shipment_id,
        site_id="leeds",
        status=status,
        lines=quantities(of, units),
        at_ms=START_MS,
        promise_at_ms=START_MS,
    )


def declined(of: Order, units: dict[str, int]) -> ReservationRecorded:
    """`units` are all that is declined so far."""
    return ReservationRecorded(
        order_id=of.order_id,
        version=of.version,
        outcome=ReservationOutcome.SHORT,
        declined=quantities(of, units),
    )
