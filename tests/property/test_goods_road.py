"""Reservation, allocation and dispatch together, in any interleaving: all goods arrive or are declined, once."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from random import Random

import pytest

from orderwing.allocation.stage import STAGE as ALLOCATION
from orderwing.dispatch.stage import STAGE as DISPATCH
from orderwing.kernel.decision import Decision
from orderwing.kernel.row import Row
from orderwing.kernel.stage import Stage
from orderwing.reservation.stage import STAGE as RESERVATION
from orderwing.runtime.settings import WarehouseSimulator
from orderwing.simulators.warehouse_floor import Floor
from orderwing_schemas import topics
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Backorder, HeldLine, LineQuantity, Order, OrderLine, Payer, ServiceLevel
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ProposalAnswered
from orderwing_schemas.events.dispatch import ShipmentProgressed, ShipmentReleased, ShipmentShipped
from orderwing_schemas.events.fraud import OrderCleared
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.public import StockReceived, WarehouseAnswered, WarehouseStatus
from orderwing_schemas.events.reoptimizer import PartChange, ProposalMade
from orderwing_schemas.events.reservation import DecisionCard, ReservationRecorded, StockMoved
from orderwing_schemas.network import Network, Policies, Region
from orderwing_schemas.topics import Topic
from support.allocation_world import HERE, HOUR_MS, MINUTE_MS, START_MS, a_lane, a_network, a_site
from support.memory_view import MemoryReference, MemoryView

STAGES = (RESERVATION, ALLOCATION, DISPATCH)
SKUS = ("tea", "mug", "jam")
SITES = {"a": "south", "b": "south", "c": "north"}


def a_small_country() -> Network:
    network = a_network(
        [a_site(site, 12, region=region) for site, region in SITES.items()],
        [
            a_lane(site, 3, price, zone=zone)
            for site, price in zip("abc", (90, 60, 70), strict=True)
            for zone in ("south", "north")
        ],
        Policies(churn_minor=5, move_threshold_minor=5, late_hour_minor=20),
    )
    regions = (
        Region(region_id="south", centre=HERE, neighbours=("north",)),
        Region(region_id="north", centre=HERE, neighbours=("south",)),
    )
    return network.model_copy(update={"regions": regions})


class Road:
    """Each stage's partitions are regions or sites; queues are topics and partitions, read in any order."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.network = a_small_country()
        self.views: dict[tuple[str, str], MemoryView] = {}
        self.queues: dict[tuple[str, str, str], deque[Event]] = defaultdict(deque)
        self.now_ms = START_MS
        self.told: list[Event] = []
        self.floor = Floor(
            WarehouseSimulator(short_share=0.15, late_share=0.2, duplicate_share=0.2, disorder_share=0.3), seed
        )
        self.answers: list[tuple[int, int, WarehouseAnswered]] = []

    def send(self, topic: Topic, event: Event) -> None:
        for stage in STAGES:
            if stage.name in topic.consumers:
                self.queues[stage.name, topic.name, topic.key_of(event)].append(event)

    def keep(self, view: MemoryView, decision: Decision) -> None:
        view.apply(decision)
        for emit in decision.emits:
            self.told.append(emit.event)
            self.send(emit.topic, emit.event)
            if isinstance(emit.event, ShipmentReleased):
                self._receive(emit.event)
            if isinstance(emit.event, PartAllocated) and self.random.random() < 0.5:
                self._propose(emit.event)

    def view(self, stage: Stage, partition: str) -> MemoryView:
        return self.views.setdefault((stage.name, partition), MemoryView(MemoryReference(self.network)))

    def step(self) -> None:
        """One record of any queue."""
        place = self.random.choice(sorted(place for place, queue in self.queues.items() if queue))
        stage = next(stage for stage in STAGES if stage.name == place[0])
        view = self.view(stage, place[2])
        self.keep(view, stage.decide(view, self.queues[place].popleft(), self.now_ms))

    def run(self, until_ms: int) -> None:
        """Records and deadlines; sometimes a deadline comes first, as in a busy partition."""
        while True:
            busy = any(self.queues.values())
            due = self._due(until_ms)
            if busy and (due is None or due[0] > self.now_ms or self.random.random() < 0.8):
                self.step()
            elif due is not None:
                self.now_ms = max(self.now_ms, due[0])
                self._fire(due[1])
            else:
                break
        self.now_ms = until_ms

    def _due(self, until_ms: int) -> tuple[int, tuple[Stage, str, Row] | None] | None:
        due: list[tuple[int, str, tuple[Stage, str, Row] | None]] = []
        for stage in STAGES:
            for (name, partition), view in self.views.items():
                if name == stage.name:
                    rows = [
                        row for row in view.rows.values() if row.wake_at_ms is not None and row.wake_at_ms <= until_ms
                    ]
                    due += [(row.wake_at_ms or 0, f"{name}{row.key}", (stage, partition, row)) for row in rows]
        due += [(at, "", None) for at, _, _ in self.answers[:1] if at <= until_ms]
        if not due:
            return None
        at_ms, _, what = min(due, key=lambda d: d[:2])
        return at_ms, what

    def _fire(self, what: tuple[Stage, str, Row] | None) -> None:
        if what is None:
            self.send(topics.WAREHOUSE_ANSWERS, self.answers.pop(0)[2])
        else:
            stage, partition, row = what
            view = self.view(stage, partition)
            self.keep(view, stage.due(view, row, self.now_ms))

    def _receive(self, released: ShipmentReleased) -> None:
        received = {**released.model_dump(mode="json"), "at_ms": self.now_ms}
        for step in self.floor.day_of(received):
            answer = WarehouseAnswered(
                shipment_id=released.shipment_id,
                site_id=released.site_id,
                order_id=released.order_id,
                status=WarehouseStatus(step.status),
                missing=tuple(LineQuantity(**line) for line in step.lines) if step.status == "short_picked" else (),
                at=datetime.fromtimestamp(step.at_ms / 1000, UTC),
            )
            self.answers += [(step.at_ms, len(self.told), answer)] * step.times
        self.answers.sort(key=lambda a: a[:2])

    def _propose(self, plan: PartAllocated) -> None:
        site = self.random.choice([s for s, region in SITES.items() if region == plan.region])
        held = tuple(HeldLine(line_id=x.line_id, sku=x.sku, site_id=site, quantity=x.quantity) for x in plan.lines)
        change = PartChange(part_id=plan.part_id, order_id=plan.order_id, version=plan.version, held=held)
        proposal = ProposalMade(
            region=plan.region,
            proposal_id=f"p{len(self.told)}",
            window_id="w",
            changes=(change,),
            expected_gain_minor=1,
        )
        for _ in range(self.random.choice((1, 1, 2))):
            self.send(topics.PROPOSALS, proposal)

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        return [event for event in self.told if isinstance(event, kind)]


def an_order(road: Road, number: int) -> Order:
    lines = road.random.sample(SKUS, road.random.randint(1, 3))
    home = road.random.choice(("south", "north"))
    quantities = [road.random.randint(1, 4) for _ in lines]
    return Order(
        order_id=f"o{number}",
        version=1,
        customer_key="c",
        currency="GBP",
        lines=tuple(
            OrderLine(line_id=str(n), sku=sku, quantity=q, amount_minor=100 * q, capacity=q)
            for n, (sku, q) in enumerate(zip(lines, quantities, strict=True))
        ),
        service_level=ServiceLevel.STANDARD,
        home_region=home,
        zone=home,
        delivery_point=HERE,
        stop_id="stop",
        shipping_paid_by=Payer.SHOP,
        one_box=road.random.random() < 0.3,
        max_delay_minutes=road.random.choice((0, 60, 600)),
        may_split=road.random.random() < 0.8,
        backorder=road.random.choice(list(Backorder)),
        placed_at_ms=road.now_ms,
        accepted_at_ms=road.now_ms,
    )


def receive(road: Road, sequence: dict[str, int], quantity: int) -> None:
    for site_id, region in SITES.items():
        for sku in SKUS:
            sequence[site_id] = sequence.get(site_id, 0) + 1
            movement = StockReceived(site_id=site_id, sku=sku, quantity=quantity, sequence=sequence[site_id])
            road.send(topics.STOCK_MOVEMENTS, StockMovementAccepted(region=region, movement=movement))


@pytest.mark.parametrize("seed", range(20))
def test_goods_arrive_or_are_declined(seed: int) -> None:
    road, sequence = Road(seed), dict[str, int]()
    receive(road, sequence, 8)
    road.run(road.now_ms)
    orders = {f"o{n}": an_order(road, n) for n in range(25)}
    for order in orders.values():
        asked = SoftHoldRequested(order=order)
        if road.random.random() < 0.7:
            road.send(topics.HOLDS_REQUESTED, asked)
        road.send(topics.FRAUD_BY_REGION, OrderCleared(order=order))
        road.run(road.now_ms + road.random.randint(0, 20) * MINUTE_MS)
    road.run(road.now_ms + 12 * HOUR_MS)
    receive(road, sequence, 200)
    road.run(road.now_ms + 96 * HOUR_MS)
    delivered: Counter[tuple[str, str]] = Counter()
    for event in road.of(ShipmentProgressed):
        if event.status == "delivered":
            delivered.update({(event.order_id, line.line_id): line.quantity for line in event.lines})
    declined: Counter[tuple[str, str]] = Counter()
    for event in road.of(ReservationRecorded):
        for line in event.declined:
            place = (event.order_id, line.line_id)
            declined[place] = max(declined[place], line.quantity)
    for order in orders.values():
        for line in order.lines:
            place = (order.order_id, line.line_id)
            assert delivered[place] + declined[place] == line.quantity, (place, delivered[place], declined[place])
    shipped = [event.shipment_id for event in road.of(ShipmentShipped)]
    assert len(shipped) == len(set(shipped))
    parts = {event.part_id for event in road.of(PartAllocated)}
    assert sorted(event.part_id for event in road.of(PartFrozen)) == sorted(parts)
    answered = Counter(event.proposal_id for event in road.of(ProposalAnswered))
    assert set(answered.values()) <= {1}
    refused = Counter(p for e in road.of(ProposalAnswered) if not e.accepted for p in e.part_ids)
    cards = Counter(card.part_id for card in road.of(DecisionCard) if card.decision == "refused a proposal")
    assert cards == refused
    for card in road.of(DecisionCard):
        for candidate in card.candidates:
            assert sum(amount for _, amount in candidate.terms) == (candidate.cost_minor or 0)
    shelves = {(level.site_id, level.sku): level for event in road.of(StockMoved) for level in event.shelves}
    assert {place: level.reserved for place, level in shelves.items() if level.reserved} == {}
    assert all(level.on_hand >= 0 for event in road.of(StockMoved) for level in event.shelves)
    assert all(level.atp >= 0 for event in road.of(StockMoved) for level in event.shelves if event.exception is None)
