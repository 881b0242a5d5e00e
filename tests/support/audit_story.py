"""A hand-made history for the auditor: one order of two units, told from the shop to the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orderwing.audit.facts import Fact, Violation
from orderwing.audit.verdict import Verdict, judge
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site

HOUR_MS = 3_600_000
DEPARTURE_MS = 10 * HOUR_MS
PART, SHIPMENT = "O1/south/1", "O1/south/1/1"
HERE = Point(latitude=51.5, longitude=0.0)
ITEMS = (Item(sku="TEA", weight_g=400, volume_cm3=1, capacity=1, list_price_minor=500),)
NETWORK = Network(
    version=1,
    currency="GBP",
    regions=(Region(region_id="south", centre=HERE),),
    sites=(
        Site(
            site_id="dartford",
            region_id="south",
            location=HERE,
            timezone="UTC",
            pick_minutes=30,
            units_per_hour=4,
            handling_line_minor=25,
            handling_parcel_minor=60,
        ),
    ),
    lanes=(
        Lane(
            lane_id="van",
            site_id="dartford",
            zone="south",
            carrier="own-van",
            services=tuple(ServiceLevel),
            every_minutes=60,
            transit_minutes=60,
            parcels_per_departure=1,
            parcel_minor=240,
            kilogram_minor=8,
        ),
    ),
    policies=Policies(churn_minor=5),
)
PLAN_MINOR = 240 + 8 + 25 + 60
UNITS = {"line_id": "1", "sku": "TEA", "quantity": 2}
HELD = {**UNITS, "site_id": "dartford"}


@dataclass
class Story:
    """Facts in the order in which they are told; `provider` and `warehouse` are the outside books."""

    facts: list[Fact] = field(default_factory=list)
    provider: list[dict[str, Any]] = field(default_factory=list)
    warehouse: list[dict[str, Any]] = field(default_factory=list)
    network: Network = NETWORK
    items: tuple[Item, ...] = ITEMS

    def tell(
        self, topic: str, event_type: str, body: dict[str, Any], source: str = "", cause: str = "", again: bool = False
    ) -> Fact:
        """What a stage says of one cause is one decision, unless it says it `again`."""
        offset = sum(1 for fact in self.facts if fact.topic == topic)
        mine = f"/orderwing/{source}" if source else "/shop"
        decided = (fact.decision for fact in reversed(self.facts) if (fact.source, fact.cause) == (mine, cause))
        decision = next(decided, "") if not again else ""
        wall_ms = 1_000 * (len(self.facts) + 1)
        made = Fact(
            topic=topic,
            partition=0,
            offset=offset,
            wall_ms=wall_ms,
            type=event_type,
            id=f"id-{len(self.facts)}",
            source=mine,
            cause=cause,
            decision=(decision or str(len(self.facts))) if source else "",
            now_ms=0,
            value=body,
        )
        self.facts.append(made)
        return made

    def change(self, event_type: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the value of the first fact of a type."""
        fact = next(fact for fact in self.facts if fact.type == event_type)
        change(fact.body)

    def forget(self, event_type: str) -> None:
        """Remove every fact of a type."""
        self.facts = [fact for fact in self.facts if fact.type != event_type]

    def repeat(self, event_type: str) -> None:
        """Tell the first fact of a type again, as another record of another decision."""
        fact = next(fact for fact in self.facts if fact.type == event_type)
        self.tell(fact.topic, fact.type, dict(fact.body), fact.source.removeprefix("/orderwing/"), "elsewhere/0/0")

    def judged(self, settled_before_wall_ms: int = 10**15) -> Verdict:
        return judge(
            self.facts,
            self.network,
            self.items,
            self.provider,
            self.warehouse,
            settled_before_wall_ms=settled_before_wall_ms,
        )

    def violations(self) -> list[Violation]:
        return list(self.judged().violations)


def delivered() -> Story:
    """Received stock, then an order that went well."""
    story = Story()
    _stock(story)
    _accepted(story)
    _planned(story)
    _shipped(story)
    _paid(story)
    return story


def moves(story: Story, word: str, sequence: int, **told: Any) -> str:
    """A stranger's movement of TEA at dartford as gate accepts it; the place of gate's record."""
    movement = {"type": f"stock.{word}.v1", "site_id": "dartford", "sku": "TEA", "sequence": sequence, **told}
    inbound = story.tell("stock.inbound", movement["type"], movement)
    body = {"region": "south", "movement": movement}
    return story.tell("stock.movements", "stock.movement_accepted.v1", body, "gate", inbound.place).place


def shelf(
    story: Story, kind: str, on_hand: int, reserved: int, cause: str, *, safety: int = 0, exception: str | None = None
) -> Fact:
    """Reservation's record of TEA at dartford."""
    level = {"site_id": "dartford", "sku": "TEA", "on_hand": on_hand, "reserved": reserved, "safety": safety}
    order_id = "O1" if kind in ("held", "moved", "released", "shipped", "short_pick") else None
    body = {"region": "south", "kind": kind, "order_id": order_id, "shelves": [level], "exception": exception}
    return story.tell("stock.moved", "stock.moved.v1", body, "reservation", cause)


def ships(story: Story, shipment_id: str, part_id: str, units: int, line_id: str = "1") -> str:
    """What dispatch tells reservation of a shipment of TEA that left dartford; the record's place."""
    line = {"line_id": line_id, "sku": "TEA", "quantity": units}
    body = {"region": "south", "part_id": part_id, "site_id": "dartford", "lines": [line]}
    body |= {"shipment_id": shipment_id, "order_id": part_id.partition("/")[0]}
    return story.tell("shipments.shipped", "shipment.shipped.v1", body, "dispatch", f"elsewhere/{shipment_id}").place


def _stock(story: Story) -> None:
    shelf(story, "received", 5, 0, moves(story, "received", 1, quantity=5))


def _accepted(story: Story) -> None:
    asked = {"order_id": "O1", "lines": [{**UNITS, "unit_price_minor": 500, "discount_minor": 0, "tax_minor": 1}]}
    inbound = story.tell("orders.inbound", "order.placed.v1", asked)
    placed = story.tell("orders.placed", "order.placed.v1", asked, "gate", inbound.place)
    line = {**UNITS, "amount_minor": 1_001, "capacity": 2}
    order = {"order_id": "O1", "lines": [line], "accepted_at_ms": 8 * HOUR_MS}
    accepted = story.tell("orders.accepted", "order.accepted.v1", {"order": order}, "intake", placed.place)
    _money(story, "authorise", "1", 1_001, accepted.place)
    story.tell("fraud.decided", "fraud.decided.v1", {"order_id": "O1", "outcome": "cleared"}, "fraud", accepted.place)


def _planned(story: Story) -> None:
    recorded = {"order_id": "O1", "outcome": "reserved", "waiting": [], "declined": []}
    story.tell("reservations.recorded", "reservation.recorded.v1", recorded, "reservation", "orders.cleared/0/0")
    reserved = {"region": "south", "part_id": PART, "held": [HELD]}
    held = story.tell("stock.reserved", "stock.reserved.v1", reserved, "reservation", "orders.cleared/0/0")
    shelf(story, "held", 5, 2, "orders.cleared/0/0")
    story.tell("parts.planned", "part.allocated.v1", plan(PART, SHIPMENT, 1), "allocation", held.place)
    frozen = {"region": "south", "part_id": PART, "order_id": "O1", "version": 1}
    story.tell("parts.planned", "part.frozen.v1", frozen, "allocation", "Plan:O1@1#1")
    ordered = {"site_id": "dartford", "part_id": PART, "order_id": "O1", "shipment": {"shipment_id": SHIPMENT}}
    story.tell("shipments.ordered", "shipment.ordered.v1", ordered, "allocation", "Plan:O1@1#1")


def plan(part_id: str, shipment_id: str, version: int, cause: str = "first") -> dict[str, Any]:
    shipment = {
        "shipment_id": shipment_id,
        "site_id": "dartford",
        "lane_id": "van",
        "departure_at_ms": DEPARTURE_MS,
        "arrival_at_ms": DEPARTURE_MS + HOUR_MS,
        "lines": [UNITS],
        "cost_minor": PLAN_MINOR,
        "terms": [["all", PLAN_MINOR]],
    }
    return {
        "region": "south",
        "part_id": part_id,
        "order_id": part_id.partition("/")[0],
        "version": version,
        "cause": cause,
        "shipments": [shipment],
        "cost_minor": PLAN_MINOR,
        "proposal_id": None,
        "promise_at_ms": DEPARTURE_MS + HOUR_MS,
    }


def _shipped(story: Story) -> None:
    released = {
        "site_id": "dartford",
        "shipment_id": SHIPMENT,
        "order_id": "O1",
        "departure_at_ms": DEPARTURE_MS,
        "arrival_at_ms": DEPARTURE_MS + HOUR_MS,
        "promise_at_ms": DEPARTURE_MS + HOUR_MS,
        "released_at_ms": DEPARTURE_MS - HOUR_MS // 2,
    }
    story.tell("shipments.released.v1", "shipment.released.v1", released, "dispatch", "shipments.ordered/0/0")
    for status in ("received", "picked", "packed", "shipped", "in_transit", "delivered"):
        entry = {"status": status, "shipment_id": SHIPMENT, "order_id": "O1", "site_id": "dartford", "lines": [UNITS]}
        story.warehouse.append(entry)
        if status != "received":
            answer = story.tell("wms.inbound", "warehouse.answered.v1", entry)
            told = story.tell("warehouse.answers", "warehouse.answered.v1", entry, "gate", answer.place)
            _progressed(story, status, told.place)
    shelf(story, "shipped", 3, 0, "shipments.shipped/0/0")


def _progressed(story: Story, status: str, cause: str) -> None:
    body = {
        "order_id": "O1",
        "part_id": PART,
        "shipment_id": SHIPMENT,
        "site_id": "dartford",
        "status": status,
        "lines": [UNITS],
        "at_ms": DEPARTURE_MS + HOUR_MS,
        "promise_at_ms": DEPARTURE_MS + HOUR_MS,
    }
    story.tell("shipments.progress", "shipment.progressed.v1", body, "dispatch", cause)
    if status == "shipped":
        named = {"region": "south", "order_id": "O1", "part_id": PART, "shipment_id": SHIPMENT, "site_id": "dartford"}
        shipped = {**named, "lines": [UNITS]}
        story.tell("shipments.shipped", "shipment.shipped.v1", shipped, "dispatch", cause)


def _paid(story: Story) -> None:
    _money(story, "capture", SHIPMENT, 1_001, "shipments.progress/0/3")


def _money(story: Story, purpose: str, subject: str, amount_minor: int, cause: str) -> None:
    key = f"O1:{purpose}:{subject}"
    told = {"order_id": "O1", "purpose": purpose, "idempotency_key": key, "amount_minor": amount_minor}
    story.tell("payments.requested", "payment.requested.v1", told, "payment_hold", cause)
    story.tell("payments.answered", "payment.answered.v1", {**told, "outcome": "approved"}, "payment_gateway")
    story.tell("payments.recorded", "payment.recorded.v1", told, "payment_hold", f"payments.answered/0/{key}")
    story.provider.append({**told, "outcome": "approved", "flags": []})
