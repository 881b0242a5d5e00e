"""Outside parties that know the AsyncAPI document and nothing else: a shop, a stock system, a warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from orderwing_schemas.network import Item
from support.product import running_product
from support.stranger import Stranger, example_of, heard

pytestmark = pytest.mark.slow

SITES = ("dartford", "hatfield", "milton-keynes")  # near the example's address


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """Outside a product that sells what the document's example buys and has no warehouse of its own."""
    items = [
        Item(sku=line["sku"], weight_g=500, volume_cm3=900, capacity=1, list_price_minor=line["unit_price_minor"])
        for line in example_of("OrderPlaced")["lines"]
    ]
    directory = tmp_path_factory.mktemp("strangers") / "run"
    with (
        running_product(directory, items, without=("warehouse", "reoptimizer")) as product,
        closing(Stranger(product.broker.bootstrap)) as stranger,
    ):
        yield stranger


def ordered(order_id: str) -> dict[str, Any]:
    """The document's example under another id, without a promotion that this market does not know."""
    order = example_of("OrderPlaced") | {"order_id": order_id, "promotion_codes": []}
    for line in order["lines"]:
        line["discount_minor"] = 0
    return order


def stock_up(stranger: Stranger, order: dict[str, Any]) -> None:
    for site_id in SITES:
        for sequence, line in enumerate(order["lines"], 1):
            received = example_of("StockReceived") | {
                "site_id": site_id,
                "sku": line["sku"],
                "quantity": 100,
                "sequence": sequence,
            }
            stranger.send("StockReceived", received, site_id)


def test_a_stranger_places_an_order_and_another_ships_it(stranger: Stranger) -> None:
    order = ordered("STRANGE-1")
    stock_up(stranger, order)
    stranger.send("OrderPlaced", order, "STRANGE-1")

    # The shop follows its order on public channels.
    planned = heard(stranger.listen("PartAllocated"), order_id="STRANGE-1")
    assert {line["sku"] for line in planned["lines"]} == {line["sku"] for line in order["lines"]}
    released = stranger.listen("ShipmentReleased")
    delivered: dict[str, int] = {}
    for _ in planned["shipments"]:
        ship(stranger, heard(released, order_id="STRANGE-1"), delivered)
    assert delivered == {line["line_id"]: line["quantity"] for line in order["lines"]}

    progress, payments = stranger.listen("ShipmentProgressed"), stranger.listen("PaymentRecorded")
    captured = 0
    for _ in planned["shipments"]:
        heard(progress, order_id="STRANGE-1", status="delivered")
        captured += heard(payments, order_id="STRANGE-1", purpose="capture")["amount_minor"]
    assert captured == sum(line["quantity"] * line["unit_price_minor"] + line["tax_minor"] for line in order["lines"])


def ship(stranger: Stranger, shipment: dict[str, Any], delivered: dict[str, int]) -> None:
    """What a warehouse does with a released shipment."""
    for status in ("picked", "packed", "shipped", "in_transit", "delivered"):
        answer = {
            "type": "warehouse.answered.v1",
            "shipment_id": shipment["shipment_id"],
            "site_id": shipment["site_id"],
            "order_id": shipment["order_id"],
            "status": status,
            "at": datetime.now(UTC).isoformat(),
        }
        stranger.send("WarehouseAnswered", answer, shipment["site_id"])
    for line in shipment["lines"]:
        delivered[line["line_id"]] = delivered.get(line["line_id"], 0) + line["quantity"]


def test_a_stranger_that_breaks_the_contract_is_told_so(stranger: Stranger) -> None:
    without_lines = ordered("STRANGE-2")
    del without_lines["lines"]
    stranger.send("OrderPlaced", without_lines, "STRANGE-2")
    rejected = heard(stranger.listen("InputRejected"), order_id="STRANGE-2")
    assert rejected["reason"] == "contract"
    assert "lines" in rejected["detail"]

    unknown = ordered("STRANGE-3")
    unknown["lines"][0]["sku"] = "NOBODY-SELLS-THIS"
    stranger.send("OrderPlaced", unknown, "STRANGE-3")
    refused = heard(stranger.listen("OrderRejected"), order_id="STRANGE-3")
    assert refused["reasons"] == ["unknown_sku"]
