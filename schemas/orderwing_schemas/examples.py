"""A valid, realistic example of every event: one order from a British shop, told from its placing to its delivery."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Final

from orderwing_schemas.base import Event
from orderwing_schemas.domain import (
    Backorder,
    Candidate,
    HeldLine,
    LineQuantity,
    Order,
    OrderLine,
    Payer,
    PlannedShipment,
    Point,
    ServiceLevel,
    ShelfLevel,
)
from orderwing_schemas.events import (
    allocation,
    dispatch,
    fraud,
    gate,
    intake,
    operations,
    payments,
    public,
    reference,
    reoptimizer,
    reservation,
)
from orderwing_schemas.network import Item, Lane, Network, Policies, Promotion, Region, Site
from orderwing_schemas.policy import Fallback, Filters, Policy, Relax, Strategy, When
from orderwing_schemas.steering import ShelfPrice

PLACED_AT: Final = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_PLACED_MS = int(PLACED_AT.timestamp() * 1000)
_DEPARTURE_MS = _PLACED_MS + 5 * _HOUR_MS
_ARRIVAL_MS = _DEPARTURE_MS + 3 * _HOUR_MS
_PROMISE_MS = _ARRIVAL_MS + _HOUR_MS
_FREEZE_MS = _DEPARTURE_MS - 45 * _MINUTE_MS

ORDER_ID = "A-100317"
PART_ID = f"{ORDER_ID}/london/1"
SHIPMENT_ID = f"{PART_ID}/1"
SOUTH, CROYDON, ENFIELD = "london", "LON-CROYDON", "LON-ENFIELD"
KETTLE, MUG = "KETTLE-17", "MUG-BLUE"
BRIXTON = Point(latitude=51.4613, longitude=-0.1156)
STOP_ID = "5d1f0c2a9be34b17"

HELD = (
    HeldLine(line_id="1", sku=KETTLE, site_id=CROYDON, quantity=1),
    HeldLine(line_id="2", sku=MUG, site_id=CROYDON, quantity=6),
)
BETTER = (HELD[0], HeldLine(line_id="2", sku=MUG, site_id=ENFIELD, quantity=6))
QUANTITIES = tuple(LineQuantity(line_id=h.line_id, sku=h.sku, quantity=h.quantity) for h in HELD)
ONE_MUG = (LineQuantity(line_id="2", sku=MUG, quantity=1),)
SHELVES = (
    ShelfLevel(site_id=CROYDON, sku=KETTLE, on_hand=40, reserved=3, safety=2),
    ShelfLevel(site_id=CROYDON, sku=MUG, on_hand=212, reserved=30, safety=10),
)
SEEN = tuple((shelf.site_id, shelf.sku, shelf.atp) for shelf in SHELVES)
LINES = (
    OrderLine(line_id="1", sku=KETTLE, quantity=1, amount_minor=3_599, capacity=4),
    OrderLine(line_id="2", sku=MUG, quantity=6, amount_minor=3_240, capacity=6),
)
ORDER = Order(
    order_id=ORDER_ID,
    version=1,
    customer_key="C-20442",
    currency="GBP",
    lines=LINES,
    service_level=ServiceLevel.SAME_DAY,
    home_region=SOUTH,
    zone=SOUTH,
    delivery_point=BRIXTON,
    stop_id=STOP_ID,
    shipping_paid_by=Payer.SHOP,
    one_box=False,
    max_delay_minutes=240,
    may_split=True,
    backorder=Backorder.LINES,
    placed_at_ms=_PLACED_MS,
    accepted_at_ms=_PLACED_MS + 400,
)
TERMS = (("handling", 90), ("parcel", 320))
SHIPMENT = PlannedShipment(
    shipment_id=SHIPMENT_ID,
    site_id=CROYDON,
    lane_id="LON-CROYDON-van",
    carrier="van",
    departure_at_ms=_DEPARTURE_MS,
    arrival_at_ms=_ARRIVAL_MS,
    lines=QUANTITIES,
    cost_minor=410,
    terms=TERMS,
)
CANDIDATES = (
    Candidate(label=CROYDON, cost_minor=410, terms=TERMS),
    Candidate(label=ENFIELD, cost_minor=540, lost_because="130 dearer: a longer way to the zone"),
)
PERSONAL = public.Personal(
    name="Jane Example",
    address="1 Example Road",
    city="Brixton",
    postcode="SW2 1AA",
    country="GB",
    contact="jane@example.org",
)
PLACED = public.OrderPlaced(
    order_id=ORDER_ID,
    customer_id="C-20442",
    lines=(
        public.PlacedLine(
            line_id="1",
            sku=KETTLE,
            quantity=1,
            unit_price_minor=3_999,
            tax_minor=0,
            discount_minor=400,
            capacity=4,
        ),
        public.PlacedLine(line_id="2", sku=MUG, quantity=6, unit_price_minor=600, discount_minor=360, capacity=6),
    ),
    currency="GBP",
    promotion_codes=("SPRING10",),
    payment_token="tok_example_visa",
    service_level=ServiceLevel.SAME_DAY,
    max_delay_minutes=240,
    placed_at=PLACED_AT,
    personal=PERSONAL,
)
RECEIVED = public.StockReceived(site_id=CROYDON, sku=MUG, quantity=144, sequence=17)


def _site(site_id: str, location: Point) -> Site:
    return Site(
        site_id=site_id,
        region_id=SOUTH,
        location=location,
        timezone="Europe/London",
        opens_minute=360,
        closes_minute=1320,
        pick_minutes=45,
        units_per_hour=600,
        handling_line_minor=20,
        handling_parcel_minor=50,
        safety_share_percent=5,
    )


NETWORK = Network(
    version=1,
    currency="GBP",
    regions=(Region(region_id=SOUTH, centre=Point(latitude=51.5072, longitude=-0.1276)),),
    sites=(
        _site(CROYDON, Point(latitude=51.3714, longitude=-0.0977)),
        _site(ENFIELD, Point(latitude=51.6521, longitude=-0.0807)),
    ),
    lanes=(
        Lane(
            lane_id="LON-CROYDON-van",
            site_id=CROYDON,
            zone=SOUTH,
            carrier="van",
            services=(ServiceLevel.SAME_DAY, ServiceLevel.EXPRESS, ServiceLevel.STANDARD),
            every_minutes=60,
            offset_minutes=15,
            transit_minutes=180,
            parcels_per_departure=120,
            parcel_minor=320,
            kilogram_minor=15,
        ),
    ),
    promotions=(Promotion(code="SPRING10", percent=10, minimum_minor=2_000),),
    policies=Policies(),
)

_SHOP = (
    PLACED,
    public.StockAdjusted(site_id=CROYDON, sku=KETTLE, delta=-1, reason="damaged on the shelf", sequence=19),
    public.StockCounted(
        site_id=CROYDON, sku=MUG, on_hand=211, includes_sequence=19, includes_shipment=SHIPMENT_ID, sequence=20
    ),
    public.StockExpected(site_id=CROYDON, sku=KETTLE, quantity=48, due_at=PLACED_AT + timedelta(days=3), sequence=18),
    RECEIVED,
    public.WarehouseAnswered(
        shipment_id=SHIPMENT_ID,
        site_id=CROYDON,
        order_id=ORDER_ID,
        status=public.WarehouseStatus.SHIPPED,
        tracking="VAN-2026-0000417",
        at=PLACED_AT + timedelta(hours=5),
    ),
    public.ReviewVerdict(
        order_id=ORDER_ID, customer_key="C-20442", verdict=public.Verdict.CLEAR, reviewer="fraud-desk-2"
    ),
)
_DOOR = (
    gate.InputRejected(
        source_key="A-100318",
        order_id="A-100318",
        source_topic="orders.inbound",
        source_partition=2,
        source_offset=1_204,
        reason="contract",
        detail="lines.0.quantity: greater_than",
    ),
    gate.StockMovementAccepted(region=SOUTH, movement=RECEIVED),
    intake.OrderAccepted(order=ORDER, payment_token="tok_example_visa"),
    intake.SoftHoldRequested(order=ORDER),
    intake.OrderRejected(order_id="A-100319", reasons=("unknown_sku",), detail="line 3"),
    intake.OrderDuplicated(order_id=ORDER_ID),
    intake.OrderConflicted(order_id=ORDER_ID, differs_in=("lines",)),
    intake.DeliveryRecorded(order_id=ORDER_ID, personal=PERSONAL),
)
_MONEY = (
    payments.PaymentRequested(
        order_id=ORDER_ID,
        purpose=payments.Purpose.AUTHORISE,
        idempotency_key=f"{ORDER_ID}:authorise:1",
        amount_minor=6_839,
        currency="GBP",
        payment_token="tok_example_visa",
    ),
    payments.PaymentAnswered(
        order_id=ORDER_ID,
        purpose=payments.Purpose.AUTHORISE,
        idempotency_key=f"{ORDER_ID}:authorise:1",
        outcome=payments.Outcome.APPROVED,
        amount_minor=6_839,
        reference="auth_7Qk2",
        attempts=1,
    ),
    payments.OrderAuthorised(order=ORDER, authorised_minor=6_839, authorised_at_ms=_PLACED_MS + 900),
    payments.OrderRefused(order_id="A-100320", reason="declined"),
    payments.PaymentRecorded(
        order_id=ORDER_ID,
        purpose=payments.Purpose.CAPTURE,
        idempotency_key=f"{ORDER_ID}:capture:{SHIPMENT_ID}",
        amount_minor=6_839,
        shipment_id=SHIPMENT_ID,
    ),
    payments.CaptureRefused(
        order_id=ORDER_ID,
        shipment_id=SHIPMENT_ID,
        idempotency_key=f"{ORDER_ID}:capture:{SHIPMENT_ID}",
        amount_minor=6_839,
        reason="authorisation_expired",
    ),
    payments.HoldReleaseRequested(order_id="A-100320", version=1, region=SOUTH, reason="declined"),
    fraud.OrderCleared(order=ORDER),
    fraud.HoldExtended(order_id="A-100321", version=1, region=SOUTH, until_ms=_PLACED_MS + _HOUR_MS),
    fraud.OrderBlocked(order_id="A-100322", version=1, region=SOUTH),
    fraud.FraudDecided(order_id=ORDER_ID, customer_key="C-20442", outcome="cleared", rules=(), by="rules"),
)
_STOCK = (
    reservation.StockReserved(
        region=SOUTH, part_id=PART_ID, order=ORDER, held=HELD, promise_at_ms=_PROMISE_MS, seen=SEEN
    ),
    reservation.HoldMoved(
        region=SOUTH,
        move_id=f"{PART_ID}#2",
        moves=(reservation.PartMove(part_id=PART_ID, order_id=ORDER_ID, version=1, held=BETTER),),
    ),
    reservation.MoveRefused(region=SOUTH, move_id=f"{PART_ID}#2", reason="no_stock"),
    reservation.ReservationRecorded(
        order_id=ORDER_ID,
        version=1,
        outcome=reservation.ReservationOutcome.RESERVED,
        parts=(PART_ID,),
        reserved=QUANTITIES,
        promise_at_ms=_PROMISE_MS,
    ),
    reservation.StockMoved(region=SOUTH, kind="held", order_id=ORDER_ID, shelves=SHELVES),
    reservation.SlipPassed(
        region="midlands",
        order=ORDER,
        slip=1,
        open_lines=ONE_MUG,
        held=HELD[:1],
        route=("north",),
        whole=False,
    ),
    reservation.SlipReturned(
        region=SOUTH,
        order_id=ORDER_ID,
        version=1,
        slip=1,
        held=(HELD[0], HeldLine(line_id="2", sku=MUG, site_id="MID-COVENTRY", quantity=1)),
    ),
    reservation.RemoteHoldSettled(
        region="midlands",
        order_id=ORDER_ID,
        version=1,
        slip=1,
        keep=True,
        part_id=f"{ORDER_ID}/midlands/1",
        home=SOUTH,
    ),
    reservation.WantOffered(region=SOUTH, order_id=ORDER_ID, version=1, sku=MUG, from_region="midlands"),
    reservation.StockTold(
        region=SOUTH,
        from_region="midlands",
        number=118,
        as_of_ms=_PLACED_MS,
        shelves=(("MID-COVENTRY", MUG, 4), ("MID-COVENTRY", KETTLE, 0)),
    ),
    reservation.PartReported(
        region=SOUTH,
        order_id=ORDER_ID,
        version=1,
        part_id=f"{ORDER_ID}/midlands/1",
        shipment_id=f"{ORDER_ID}/midlands/1/1",
        site_id="MID-COVENTRY",
        missing=ONE_MUG,
        ended=True,
    ),
    reservation.DecisionCard(
        order_id=ORDER_ID,
        part_id=PART_ID,
        stage="reservation",
        decision="sourcing",
        at_ms=_PLACED_MS + 1_200,
        chosen=CROYDON,
        candidates=CANDIDATES,
        seen=SEEN,
        notes=("one site has all lines",),
        facts=reservation.CardFacts(
            region=SOUTH, network_version=1, policy="gb", policy_version=3, steering=(115, 0, 0, 40)
        ),
    ),
)
_PLAN = (
    allocation.PartAllocated(
        region=SOUTH,
        part_id=PART_ID,
        order_id=ORDER_ID,
        order_version=1,
        version=1,
        cause="first",
        zone=SOUTH,
        delivery_point=BRIXTON,
        stop_id=STOP_ID,
        service_level=ServiceLevel.SAME_DAY,
        one_box=False,
        may_split=True,
        lines=LINES,
        shipments=(SHIPMENT,),
        cost_minor=410,
        promise_at_ms=_PROMISE_MS,
        freeze_at_ms=_FREEZE_MS,
        placed_at_ms=_PLACED_MS,
    ),
    allocation.PartWaiting(
        region=SOUTH,
        part_id=PART_ID,
        order_id=ORDER_ID,
        reason=f"no departure from {CROYDON} to {SOUTH} has room within 30 days",
        next_attempt_at_ms=_FREEZE_MS,
    ),
    allocation.PartFrozen(region=SOUTH, part_id=PART_ID, order_id=ORDER_ID, version=1),
    allocation.ProposalAnswered(
        region=SOUTH,
        proposal_id="london-w12-1",
        accepted=True,
        reason="accepted",
        part_ids=(PART_ID,),
        gain_minor=125,
    ),
    allocation.MoveRequested(
        region=SOUTH,
        move_id=f"{PART_ID}#2",
        moves=(reservation.PartMove(part_id=PART_ID, order_id=ORDER_ID, version=1, held=BETTER),),
    ),
    allocation.ReplacementRequested(
        region=SOUTH,
        part_id=PART_ID,
        order_id=ORDER_ID,
        order_version=1,
        shipment_id=SHIPMENT_ID,
        site_id=CROYDON,
        missing=ONE_MUG,
    ),
    allocation.ShipmentOrdered(
        site_id=CROYDON,
        region=SOUTH,
        order_id=ORDER_ID,
        order_version=1,
        part_id=PART_ID,
        service_level=ServiceLevel.SAME_DAY,
        stop_id=STOP_ID,
        zone=SOUTH,
        delivery_point=BRIXTON,
        promise_at_ms=_PROMISE_MS,
        shipment=SHIPMENT,
    ),
    reoptimizer.ProposalMade(
        region=SOUTH,
        proposal_id="london-w12-1",
        window_id="london-w12",
        changes=(reoptimizer.PartChange(part_id=PART_ID, order_id=ORDER_ID, version=1, held=BETTER),),
        expected_gain_minor=125,
        candidates=CANDIDATES,
    ),
    reoptimizer.WindowClosed(
        region=SOUTH,
        window_id="london-w12",
        at_ms=_PLACED_MS + 20 * _MINUTE_MS,
        pool=318,
        looked=318,
        proposed=4,
        expected_gain_minor=1_140,
        solve_wall_ms=870,
        part_ids=(PART_ID,),
    ),
)
_DOCK = (
    dispatch.ShipmentReleased(
        site_id=CROYDON,
        shipment_id=SHIPMENT_ID,
        order_id=ORDER_ID,
        wave_id=f"{CROYDON}-{_DEPARTURE_MS}",
        carrier="van",
        lane_id="LON-CROYDON-van",
        zone=SOUTH,
        stop_id=STOP_ID,
        delivery_point=BRIXTON,
        service_level=ServiceLevel.SAME_DAY,
        lines=QUANTITIES,
        departure_at_ms=_DEPARTURE_MS,
        arrival_at_ms=_ARRIVAL_MS,
        promise_at_ms=_PROMISE_MS,
        released_at_ms=_FREEZE_MS,
    ),
    dispatch.ShipmentProgressed(
        order_id=ORDER_ID,
        order_version=1,
        part_id=PART_ID,
        shipment_id=SHIPMENT_ID,
        site_id=CROYDON,
        status=public.WarehouseStatus.SHIPPED,
        lines=QUANTITIES,
        at_ms=_DEPARTURE_MS,
        promise_at_ms=_PROMISE_MS,
    ),
    dispatch.ShipmentShipped(
        region=SOUTH,
        order_id=ORDER_ID,
        order_version=1,
        part_id=PART_ID,
        shipment_id=SHIPMENT_ID,
        site_id=CROYDON,
        lines=QUANTITIES,
    ),
    dispatch.PickShort(
        region=SOUTH,
        order_id=ORDER_ID,
        order_version=1,
        part_id=PART_ID,
        shipment_id=SHIPMENT_ID,
        site_id=CROYDON,
        missing=ONE_MUG,
    ),
    dispatch.TransferAsked(
        site_id=ENFIELD,
        region=SOUTH,
        order_id=ORDER_ID,
        order_version=1,
        part_id=PART_ID,
        service_level=ServiceLevel.STANDARD,
        stop_id=STOP_ID,
        zone=SOUTH,
        delivery_point=BRIXTON,
        promise_at_ms=_PROMISE_MS,
        shipment=SHIPMENT.model_copy(update={"site_id": ENFIELD, "carrier": "transfer", "to_site_id": CROYDON}),
    ),
    dispatch.TransferLeft(
        site_id=CROYDON, order_id=ORDER_ID, part_id=PART_ID, shipment_id=SHIPMENT_ID, lines=QUANTITIES
    ),
    dispatch.ManifestClosed(
        site_id=CROYDON,
        wave_id=f"{CROYDON}-{_DEPARTURE_MS}",
        carrier="van",
        departure_at_ms=_DEPARTURE_MS,
        shipped=(SHIPMENT_ID,),
        late=(),
        stops=(dispatch.Stop(at=SHIPMENT_ID, shipments=(SHIPMENT_ID,), doors=1, service_s=110, walk_m=0),),
    ),
    dispatch.AnswerIgnored(
        site_id=CROYDON,
        order_id=ORDER_ID,
        shipment_id=SHIPMENT_ID,
        status=public.WarehouseStatus.SHIPPED,
        reason="repeated",
    ),
)
_OPERATION = (
    reference.NetworkPublished(network=NETWORK),
    reference.CataloguePublished(
        key="catalogue-0",
        items=(
            Item(sku=KETTLE, weight_g=1_250, volume_cm3=9_400, capacity=4, list_price_minor=3_999),
            Item(sku=MUG, weight_g=340, volume_cm3=900, capacity=1, list_price_minor=600),
        ),
    ),
    reference.PolicyPublished(
        policy=Policy(
            policy="gb",
            version=3,
            currency="GBP",
            strategies=(
                Strategy(
                    name="today",
                    when=When(service_levels=(ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY)),
                    filters=Filters(max_distance_km=200),
                    fallbacks=(Fallback(relax=(Relax.MAX_DISTANCE_KM,)),),
                ),
            ),
        ),
    ),
    reference.SteeringPriced(
        key="steering-0",
        version=41,
        valid_from_ms=_PLACED_MS,
        valid_until_ms=_PLACED_MS + _HOUR_MS,
        prices=(
            ShelfPrice(site_id=CROYDON, sku=KETTLE, price_minor=115),
            ShelfPrice(site_id=ENFIELD, sku=MUG, price_minor=40),
        ),
    ),
    reference.ClockFixed(start_ms=_PLACED_MS, wall0_ms=_PLACED_MS, factor=60.0),
    operations.DeadLettered(
        dead_letter_id="3f0c9be5a1d24c7e8b6f5d0e9a7c1b42",
        stage="payment_hold",
        order_id=ORDER_ID,
        topic="orders.accepted",
        partition=2,
        offset=5_512,
        reason="not_json",
        traceback="",
        key_base64=base64.b64encode(ORDER_ID.encode()).decode(),
        value_base64=base64.b64encode(b'{"type": "order.accepted.v1"').decode(),
        headers=(("ce_type", "order.accepted.v1"), ("ce_subject", ORDER_ID)),
        at_ms=_PLACED_MS,
    ),
    operations.DeadLetterSettled(
        dead_letter_id="3f0c9be5a1d24c7e8b6f5d0e9a7c1b42", order_id=ORDER_ID, action="redrive"
    ),
)
EXAMPLES: tuple[Event, ...] = (*_SHOP, *_DOOR, *_MONEY, *_STOCK, *_PLAN, *_DOCK, *_OPERATION)
EXAMPLE_BY_TYPE: dict[str, Event] = {event.EVENT_TYPE: event for event in EXAMPLES}
