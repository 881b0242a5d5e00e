"""Orders and records of strangers for tests."""

from __future__ import annotations

import json
from typing import Any

from orderwing.kernel.stage import RawRecord
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.events.public import OrderPlaced
from support.memory_view import MemoryReference, MemoryView

ITEM = demo_catalogue()[0]


def demo_view() -> MemoryView:
    return MemoryView(MemoryReference(demo_network(), demo_catalogue()))


def order_document(**changes: Any) -> dict[str, Any]:
    """A sound order as a shop sends it, with some fields changed."""
    line = {"line_id": "1", "sku": ITEM.sku, "quantity": 2, "unit_price_minor": 1_000}
    return {
        "type": "order.placed.v1",
        "order_id": "ORD-2026-05-06-001",
        "customer_id": "C1",
        "lines": [line],
        "currency": "GBP",
        "payment_token": "tok_ok_1",
        "service_level": "SAME_DAY",
        "placed_at": "2026-05-06T09:00:00+01:00",
        "personal": {"name": "Alex", "address": "1 High Street", "city": "Leeds", "country": "GB"},
    } | changes


def placed(**changes: Any) -> OrderPlaced:
    return OrderPlaced.model_validate_json(json.dumps(order_document(**changes)))


def raw(value: bytes | None, event_type: str | None = "order.placed.v1", topic: str = "orders.inbound") -> RawRecord:
    headers = () if event_type is None else (("ce_type", event_type.encode()),)
    return RawRecord(topic, 2, 17, None, value, headers)
