"""Gate: what passes, what is rejected, and under which key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orderwing.gate.stage import STAGE
from orderwing.kernel.decision import Emit
from orderwing.kernel.stage import RawRecord
from orderwing_schemas import topics
from orderwing_schemas.events.gate import InputRejected, StockMovementAccepted
from support.orders import demo_view, order_document, raw

VIEW = demo_view()


def decided(record: RawRecord) -> Emit:
    decision = STAGE.decide(VIEW, record, 0)
    assert not decision.puts
    assert not decision.drops
    (emit,) = decision.emits
    return emit


def rejected(record: RawRecord) -> InputRejected:
    emit = decided(record)
    assert emit.topic is topics.INPUTS_REJECTED
    assert isinstance(emit.event, InputRejected)
    return emit.event


def order(**changes: Any) -> bytes:
    return json.dumps(order_document(**changes)).encode()


def test_an_order_passes_and_is_keyed_by_its_id() -> None:
    emit = decided(raw(order()))
    assert emit.topic is topics.ORDERS_PLACED
    assert emit.topic.key_of(emit.event) == "ORD-2026-05-06-001"


def test_fields_that_strangers_add_are_ignored_at_every_depth() -> None:
    document = order_document(gift=True)
    document["lines"][0]["colour"] = "red"
    document["personal"]["title"] = "Dr"
    assert decided(raw(json.dumps(document).encode())).topic is topics.ORDERS_PLACED


def test_the_type_in_the_value_counts_where_the_header_is_missing() -> None:
    assert decided(raw(order(), event_type=None)).topic is topics.ORDERS_PLACED


@pytest.mark.parametrize(
    ("value", "event_type", "reason"),
    [
        (None, "order.placed.v1", "empty"),
        (b"", "order.placed.v1", "not_json"),
        (b"\xff\xfe", "order.placed.v1", "not_json"),
        (b"[" * 100_000, "order.placed.v1", "not_json"),
        (b'{"a":' * 100_000, None, "unknown_type"),
        (b"1" * 10_000, None, "unknown_type"),
        (b'"order.placed.v1"', "order.placed.v1", "contract"),
        (order(), "order.placed.v9", "unknown_type"),
        (order(), "stock.received.v1", "contract"),
        (order(order_id="guest:1"), "order.placed.v1", "contract"),
        (order(customer_id="guest:ORD-1"), "order.placed.v1", "contract"),
        (order(placed_at="2026-05-06T09:00:00"), "order.placed.v1", "contract"),
        (order(lines=[]), "order.placed.v1", "contract"),
        (order(lines=[order_document()["lines"][0]] * 2), "order.placed.v1", "contract"),
        (order().replace(b'"quantity": 2', b'"quantity": NaN'), "order.placed.v1", "contract"),
        (order().replace(b'"quantity": 2', b'"quantity": ' + b"9" * 5_000), "order.placed.v1", "not_json"),
        (order().replace(b'"quantity": 2', b'"quantity": 2.0'), "order.placed.v1", "contract"),
    ],
)
def test_bad_records_are_rejected_with_a_reason(value: bytes | None, event_type: str | None, reason: str) -> None:
    assert rejected(raw(value, event_type)).reason == reason


def test_an_event_on_the_wrong_topic_is_rejected_under_its_order() -> None:
    event = rejected(raw(order(), topic="stock.inbound"))
    assert (event.reason, event.order_id, event.source_key) == ("wrong_topic", "ORD-2026-05-06-001", event.order_id)


def test_a_rejection_names_fields_but_never_the_strangers_words() -> None:
    event = rejected(raw(order(order_id="no spaces allowed", currency="secret", personal={"name": "Jane Doe"})))
    told = event.model_dump_json()
    assert "currency" in event.detail
    assert "personal.address" in event.detail
    assert not any(word in told for word in ("secret", "Jane", "spaces"))
    assert (event.order_id, event.source_key) == (None, "orders.inbound/2/17")


@pytest.mark.parametrize("order_id", ["A\n", "../x", "a|b", "a/b", "", "é", "x" * 65, "guest:1"])
def test_an_id_that_breaks_the_pattern_keys_nothing(order_id: str) -> None:
    assert rejected(raw(json.dumps({"order_id": order_id}).encode())).source_key == "orders.inbound/2/17"


def movement(**changes: Any) -> bytes:
    return json.dumps({"site_id": "rugby", "sku": "TEA-001", "quantity": 5, "sequence": 1} | changes).encode()


def test_a_stock_movement_learns_the_region_of_its_site() -> None:
    emit = decided(raw(movement(), "stock.received.v1", "stock.inbound"))
    assert emit.topic is topics.STOCK_MOVEMENTS
    assert isinstance(emit.event, StockMovementAccepted)
    assert emit.event.region == "midlands"


@pytest.mark.parametrize(
    ("changes", "reason"), [({"site_id": "atlantis"}, "unknown_site"), ({"sequence": 10**30}, "contract")]
)
def test_a_movement_that_no_region_can_keep_is_rejected(changes: dict[str, Any], reason: str) -> None:
    assert rejected(raw(movement(**changes), "stock.received.v1", "stock.inbound")).reason == reason


@pytest.mark.parametrize(("includes", "passes"), [(0, True), (6, True), (7, False), (9, False)])
def test_a_count_includes_only_movements_before_it(includes: int, passes: bool) -> None:
    counted = {"site_id": "rugby", "sku": "TEA-001", "on_hand": 5, "includes_sequence": includes, "sequence": 7}
    record = raw(json.dumps(counted).encode(), "stock.counted.v1", "stock.inbound")
    if passes:
        assert decided(record).topic is topics.STOCK_MOVEMENTS
    else:
        refused = rejected(record)
        assert (refused.reason, refused.detail.partition(":")[0]) == ("contract", "includes_sequence")


def test_a_warehouse_answer_passes_by_site() -> None:
    document = {
        "shipment_id": "S1",
        "site_id": "rugby",
        "order_id": "ORD-1",
        "status": "shipped",
        "at": "2026-05-06T09:00:00Z",
    }
    emit = decided(raw(json.dumps(document).encode(), "warehouse.answered.v1", "wms.inbound"))
    assert (emit.topic, emit.topic.key_of(emit.event)) == (topics.WAREHOUSE_ANSWERS, "rugby")


@pytest.mark.parametrize(("customer_key", "passes"), [("guest:ORD-1", True), ("C1", True), ("a|b", False)])
def test_a_verdict_passes_by_customer(customer_key: str, passes: bool) -> None:
    document = {"order_id": "ORD-1", "customer_key": customer_key, "verdict": "clear", "reviewer": "kim"}
    emit = decided(raw(json.dumps(document).encode(), "review.verdict.v1", "operations.inbound"))
    assert emit.topic is (topics.REVIEW_VERDICTS if passes else topics.INPUTS_REJECTED)
