"""Every topic, declared once: who writes, who reads, the key, the events.

From this table come the cluster's topics, the AsyncAPI document, the JSON Schemas and the contract tests.
A topic is keyed by the entity whose rows its consumers keep and has one producing service. Strangers' topics
(`stranger=True`) may be keyed anyhow; `gate` alone reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from orderwing_schemas.base import Event
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

PARTITIONS = 4  # unless the cluster was made with another count


class Counted:
    """For the whole process: what its cluster's topics have. A service learns it before it decides anything."""

    partitions = PARTITIONS


@dataclass(frozen=True)
class Topic:
    """`key` names the attribute of the event that keys it.

    Where `by_region`, the key is a region and its partition is the region's ordinal modulo the count; elsewhere the
    partition is murmur2 of the key, as Java clients have it. All topics of a cluster have as many (`Counted`) but for
    those with `own_partitions`; what a stage reads never changes its count.
    """

    name: str
    key: str
    events: tuple[type[Event], ...]
    producer: str
    consumers: tuple[str, ...]
    about: str
    by_region: bool = False
    compacted: bool = False
    stranger: bool = False
    public: bool = False
    own_partitions: int | None = None

    @property
    def partitions(self) -> int:
        return Counted.partitions if self.own_partitions is None else self.own_partitions

    def key_of(self, event: Event) -> str:
        key = getattr(event, self.key)
        if not isinstance(key, str):
            raise TypeError(f"{self.name}: {type(event).__name__}.{self.key} is no string")
        return key


STAGES = ("gate", "intake", "payment_hold", "fraud", "reservation", "allocation", "dispatch")

ORDERS_INBOUND = Topic(
    "orders.inbound",
    "order_id",
    (public.OrderPlaced,),
    "shop",
    ("gate", "audit"),
    "Orders as shops place them.",
    stranger=True,
    public=True,
)
WMS_INBOUND = Topic(
    "wms.inbound",
    "site_id",
    (public.WarehouseAnswered,),
    "warehouse",
    ("gate", "audit"),
    "Warehouses' progress on released shipments.",
    stranger=True,
    public=True,
)
STOCK_INBOUND = Topic(
    "stock.inbound",
    "site_id",
    (public.StockReceived, public.StockAdjusted, public.StockCounted, public.StockExpected),
    "stock_system",
    ("gate", "audit"),
    "Receipts, corrections, counts and goods on order, in a sequence per site.",
    stranger=True,
    public=True,
)
OPERATIONS_INBOUND = Topic(
    "operations.inbound",
    "order_id",
    (public.ReviewVerdict,),
    "operator",
    ("gate", "audit"),
    "Operators' verdicts on fraud reviews.",
    stranger=True,
    public=True,
)

ORDERS_PLACED = Topic(
    "orders.placed", "order_id", (public.OrderPlaced,), "gate", ("intake", "audit"), "Orders that keep the contract."
)
STOCK_MOVEMENTS = Topic(
    "stock.movements",
    "region",
    (gate.StockMovementAccepted,),
    "gate",
    ("reservation", "audit"),
    "Stock movements by the region of their site.",
    by_region=True,
)
WAREHOUSE_ANSWERS = Topic(
    "warehouse.answers",
    "site_id",
    (public.WarehouseAnswered,),
    "gate",
    ("dispatch", "audit"),
    "Warehouses' answers by site.",
)
REVIEW_VERDICTS = Topic(
    "reviews.verdicts",
    "customer_key",
    (public.ReviewVerdict,),
    "gate",
    ("fraud", "audit"),
    "Reviewers' verdicts by customer.",
)
INPUTS_REJECTED = Topic(
    "inputs.rejected",
    "source_key",
    (gate.InputRejected,),
    "gate",
    ("views", "audit"),
    "Strangers' records that break the contract, with the reason.",
    public=True,
)

ORDERS_ACCEPTED = Topic(
    "orders.accepted",
    "order_id",
    (intake.OrderAccepted,),
    "intake",
    ("payment_hold", "views", "steering", "audit"),
    "Accepted orders, as facts without a person.",
)
HOLDS_REQUESTED = Topic(
    "holds.requested",
    "region",
    (intake.SoftHoldRequested,),
    "intake",
    ("reservation",),
    "Soft holds asked for the moment an order is accepted.",
    by_region=True,
)
INTAKE_OUTCOMES = Topic(
    "orders.rejected",
    "order_id",
    (intake.OrderRejected, intake.OrderDuplicated, intake.OrderConflicted),
    "intake",
    ("views", "audit"),
    "Orders refused at the door, repeated, or in conflict with themselves.",
    public=True,
)
ORDERS_DELIVERY = Topic(
    "orders.delivery",
    "order_id",
    (intake.DeliveryRecorded,),
    "intake",
    ("warehouse",),
    "Name and address for the label. A tombstone forgets the person.",
    compacted=True,
    public=True,
)

PAYMENTS_REQUESTED = Topic(
    "payments.requested",
    "order_id",
    (payments.PaymentRequested,),
    "payment_hold",
    ("payment_gateway", "audit"),
    "What the payment gateway shall ask of the provider.",
)
PAYMENTS_ANSWERED = Topic(
    "payments.answered",
    "order_id",
    (payments.PaymentAnswered,),
    "payment_gateway",
    ("payment_hold", "audit"),
    "The provider's answers.",
)
ORDERS_AUTHORISED = Topic(
    "orders.authorised",
    "customer_key",
    (payments.OrderAuthorised,),
    "payment_hold",
    ("fraud",),
    "Orders whose money is held, by customer.",
)
PAYMENTS_RECORDED = Topic(
    "payments.recorded",
    "order_id",
    (payments.PaymentRecorded, payments.CaptureRefused, payments.OrderRefused),
    "payment_hold",
    ("views", "audit"),
    "Confirmed authorisations, captures and voids; refusals.",
    public=True,
)
PAYMENT_RELEASES = Topic(
    "payments.releases",
    "region",
    (payments.HoldReleaseRequested,),
    "payment_hold",
    ("reservation",),
    "Stock to give back, since the payment was refused.",
    by_region=True,
)

FRAUD_BY_REGION = Topic(
    "orders.cleared",
    "region",
    (fraud.OrderCleared, fraud.HoldExtended, fraud.OrderBlocked),
    "fraud",
    ("reservation", "audit"),
    "Fraud's word to reservation.",
    by_region=True,
)
FRAUD_DECIDED = Topic(
    "fraud.decided",
    "order_id",
    (fraud.FraudDecided,),
    "fraud",
    ("payment_hold", "views", "audit"),
    "Fraud's verdict by order.",
)

STOCK_RESERVED = Topic(
    "stock.reserved",
    "region",
    (reservation.StockReserved, reservation.HoldMoved, reservation.MoveRefused),
    "reservation",
    ("allocation", "audit"),
    "Parts to plan, and answers to moves.",
    by_region=True,
)
RESERVATION_SLIPS = Topic(
    "reservation.slips",
    "region",
    (
        reservation.SlipPassed,
        reservation.SlipReturned,
        reservation.RemoteHoldSettled,
        reservation.WantOffered,
        reservation.PartReported,
        reservation.StockTold,
    ),
    "reservation",
    ("reservation", "audit"),
    "The slip of paper between regions, and the stock that they tell each other.",
    by_region=True,
)
RESERVATIONS_RECORDED = Topic(
    "reservations.recorded",
    "order_id",
    (reservation.ReservationRecorded,),
    "reservation",
    ("payment_hold", "views", "audit"),
    "What stands reserved, waits or is declined, by order.",
)
STOCK_MOVED = Topic(
    "stock.moved",
    "region",
    (reservation.StockMoved,),
    "reservation",
    ("reoptimizer", "views", "steering", "audit"),
    "Every change of a shelf, with its level after it.",
    by_region=True,
    public=True,
)
RESERVATION_CARDS = Topic(
    "reservation.cards",
    "order_id",
    (reservation.DecisionCard,),
    "reservation",
    ("views",),
    "Why these sites hold the stock.",
)

HOLDS_ASKED = Topic(
    "allocation.requests",
    "region",
    (allocation.MoveRequested, allocation.ReplacementRequested),
    "allocation",
    ("reservation", "audit"),
    "Moves of a hold for a better plan; replacements for a short pick.",
    by_region=True,
)
PARTS_PLANNED = Topic(
    "parts.planned",
    "region",
    (allocation.PartAllocated, allocation.PartWaiting, allocation.PartFrozen, allocation.ProposalAnswered),
    "allocation",
    ("reoptimizer", "views", "audit"),
    "Plans, freezes and answers to proposals.",
    by_region=True,
    public=True,
)
SHIPMENTS_ORDERED = Topic(
    "shipments.ordered",
    "site_id",
    (allocation.ShipmentOrdered,),
    "allocation",
    ("dispatch", "audit"),
    "Frozen shipments, by site.",
)
ALLOCATION_CARDS = Topic(
    "allocation.cards", "order_id", (reservation.DecisionCard,), "allocation", ("views",), "Why this plan."
)

SHIPMENTS_RELEASED = Topic(
    "shipments.released.v1",
    "site_id",
    (dispatch.ShipmentReleased,),
    "dispatch",
    ("warehouse", "views", "audit"),
    "What a warehouse shall pick, pack and ship.",
    public=True,
)
SHIPMENTS_PROGRESS = Topic(
    "shipments.progress",
    "order_id",
    (dispatch.ShipmentProgressed,),
    "dispatch",
    ("payment_hold", "views", "audit"),
    "Progress of shipments, by order.",
    public=True,
)
SHIPMENTS_SHIPPED = Topic(
    "shipments.shipped",
    "region",
    (dispatch.ShipmentShipped,),
    "dispatch",
    ("reservation", "audit"),
    "What left the dock, by region.",
    by_region=True,
)
PICKS_SHORT = Topic(
    "picks.short",
    "region",
    (dispatch.PickShort,),
    "dispatch",
    ("allocation",),
    "Short picks, a new need for allocation.",
    by_region=True,
)
TRANSFERS = Topic(
    "transfers",
    "site_id",
    (dispatch.TransferAsked, dispatch.TransferLeft),
    "dispatch",
    ("dispatch",),
    "Goods moved between sites before they ship: asked of the one, on their way to the other.",
)
MANIFESTS = Topic(
    "manifests.closed",
    "site_id",
    (dispatch.ManifestClosed,),
    "dispatch",
    ("views", "audit"),
    "What each departure took.",
    public=True,
)
ANSWERS_IGNORED = Topic(
    "warehouse.ignored",
    "site_id",
    (dispatch.AnswerIgnored,),
    "dispatch",
    ("views", "audit"),
    "Warehouses' answers that changed nothing: repetitions, and those that fit no shipment.",
    public=True,
)

PROPOSALS = Topic(
    "proposals",
    "region",
    (reoptimizer.ProposalMade,),
    "reoptimizer",
    ("allocation", "views", "audit"),
    "Better plans, to be accepted or refused.",
    by_region=True,
)
WINDOWS = Topic(
    "reoptimizer.windows",
    "region",
    (reoptimizer.WindowClosed,),
    "reoptimizer",
    ("views", "audit"),
    "What each look at a pool found.",
    by_region=True,
)

REFERENCE = Topic(
    "reference",
    "key",
    (reference.NetworkPublished, reference.CataloguePublished, reference.PolicyPublished, reference.SteeringPriced),
    "operator",
    (*STAGES, "reoptimizer", "steering"),
    "Network, catalogue, sourcing policy and steering prices, whole in every partition.",
    compacted=True,
)
CLOCK = Topic(
    "clock",
    "key",
    (reference.ClockFixed,),
    "operator",
    (*STAGES, "reoptimizer", "views", "audit"),
    "The cluster's domain clock, fixed once.",
    compacted=True,
    own_partitions=1,
)


def changelog(stage: str) -> Topic:
    """The compacted rows of a stage: key `Kind:row key`, value the row, none when dropped."""
    return Topic(f"{stage}.changelog", "key", (), stage, (stage,), f"Rows of {stage}.", compacted=True)


def dead_letters(stage: str) -> Topic:
    """Records that `stage` could not decode or decide."""
    return Topic(
        f"{stage}.dead-letters",
        "dead_letter_id",
        (operations.DeadLettered,),
        stage,
        ("views", "audit"),
        f"Poison of {stage}, with its original bytes.",
    )


def control(stage: str) -> Topic:
    """An operator's word on dead letters, sent to the partition that holds them."""
    return Topic(
        f"{stage}.control",
        "dead_letter_id",
        (operations.DeadLetterSettled,),
        "operator",
        (stage,),
        f"Redrive or drop for {stage}'s dead letters.",
    )


ROAD = (
    ORDERS_INBOUND, WMS_INBOUND, STOCK_INBOUND, OPERATIONS_INBOUND,
    ORDERS_PLACED, STOCK_MOVEMENTS, WAREHOUSE_ANSWERS, REVIEW_VERDICTS, INPUTS_REJECTED,
    ORDERS_ACCEPTED, HOLDS_REQUESTED, INTAKE_OUTCOMES, ORDERS_DELIVERY,
    PAYMENTS_REQUESTED, PAYMENTS_ANSWERED, ORDERS_AUTHORISED, PAYMENTS_RECORDED, PAYMENT_RELEASES,
    FRAUD_BY_REGION, FRAUD_DECIDED,
    STOCK_RESERVED, RESERVATION_SLIPS, RESERVATIONS_RECORDED, STOCK_MOVED, RESERVATION_CARDS,
    HOLDS_ASKED, PARTS_PLANNED, SHIPMENTS_ORDERED, ALLOCATION_CARDS,
    SHIPMENTS_RELEASED, SHIPMENTS_PROGRESS, SHIPMENTS_SHIPPED, PICKS_SHORT, TRANSFERS, MANIFESTS,
    ANSWERS_IGNORED,
    PROPOSALS, WINDOWS, REFERENCE, CLOCK,
)  # fmt: skip
ALL_TOPICS = ROAD + tuple(make(stage) for stage in STAGES for make in (changelog, dead_letters, control))
TOPIC_BY_NAME = {topic.name: topic for topic in ALL_TOPICS}
EVENT_BY_TYPE = {event.EVENT_TYPE: event for topic in ALL_TOPICS for event in topic.events}
