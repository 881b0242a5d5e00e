"""Outside parties that know the AsyncAPI document and nothing else: a shop, a stock system, a warehouse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from orderwing.audit.cluster import audit_cluster
from orderwing.commands.policy_orders import of_cluster
from orderwing.demo.product import Product
from orderwing.planning.policies.compiling import network_rules
from orderwing.planning.policies.replay import replay
from orderwing.runtime.tracing_read import Journey, read_journey
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.network import Item, Network, Policies, Transfer
from orderwing_schemas.topics import STAGES
from support.product import running_product
from support.running import wait_until
from support.stranger import Stranger, example_of, heard

pytestmark = pytest.mark.slow

SITES = ("dartford", "hatfield", "milton-keynes")  # near the example's address
LEFT = ("picked", "packed", "shipped")
SHELVES = {"warrington": "LAMP-A", "doncaster": "SHADE-B"}  # two sites of another region, and what only they have


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Sells what the document's example buys, has no warehouse of its own, and traces every order."""
    prices = {line["sku"]: line["unit_price_minor"] for line in example_of("OrderPlaced")["lines"]}
    items = [
        Item(sku=sku, weight_g=500, volume_cm3=900, capacity=1, list_price_minor=price)
        for sku, price in (prices | dict.fromkeys(SHELVES.values(), 1_999)).items()
    ]
    directory = tmp_path_factory.mktemp("strangers") / "run"
    telemetry = {"ORDERWING_TELEMETRY_EXPORTER": "file", "ORDERWING_TELEMETRY_RATIO": "1"}
    without = ("warehouse", "reoptimizer")
    with running_product(directory, items, network=joined(), without=without, environment=telemetry) as product:
        yield product


def joined() -> Network:
    """Transfers join two sites, and promises leave time for them."""
    network = demo_network(policies=Policies(window_minutes=60, promise_slack_minutes=600))
    roads = tuple(
        Transfer(from_site=one, to_site=other, minutes=30, transfer_minor=20) for one, other in permutations(SHELVES)
    )
    return network.model_copy(update={"transfers": roads})


@pytest.fixture(scope="module")
def stranger(product: Product) -> Iterator[Stranger]:
    with closing(Stranger(product.broker.bootstrap)) as stranger:
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


def test_a_stranger_places_an_order_and_another_ships_it(stranger: Stranger, product: Product) -> None:
    order = ordered("STRANGE-1")
    stock_up(stranger, order)
    stranger.send("OrderPlaced", order, "STRANGE-1")

    # The shop follows its order on public channels.
    planned = heard(stranger.listen("PartAllocated"), order_id="STRANGE-1")
    assert {line["sku"] for line in planned["lines"]} == {line["sku"] for line in order["lines"]}
    released = stranger.listen("ShipmentReleased")
    delivered: dict[str, int] = {}
    parcels = [heard(released, order_id="STRANGE-1") for _ in planned["shipments"]]
    kill_dispatch_while_it_waits(product, len(parcels))
    for parcel in parcels:
        ship(stranger, parcel, delivered)
    assert delivered == {line["line_id"]: line["quantity"] for line in order["lines"]}

    progress, payments = stranger.listen("ShipmentProgressed"), stranger.listen("PaymentRecorded")
    captured = 0
    for _ in planned["shipments"]:
        heard(progress, order_id="STRANGE-1", status="delivered")
        captured += heard(payments, order_id="STRANGE-1", purpose="capture")["amount_minor"]
    assert captured == sum(line["quantity"] * line["unit_price_minor"] + line["tax_minor"] for line in order["lines"])

    require_one_journey(product, answers=5 * len(parcels))


def kill_dispatch_while_it_waits(product: Product, parcels: int) -> None:
    """Once the spans of all releases are written; the supervisor starts it again."""
    assert product.supervisor is not None
    wait_until(
        lambda: sum("shipment.released.v1" in span.emitted for span in journey(product).spans) == parcels,
        "all releases are traced",
    )
    product.supervisor.kill("dispatch")


def journey(product: Product) -> Journey:
    return read_journey(product.directory.services, "STRANGE-1")


def events(journey: Journey) -> set[str]:
    return {event for span in journey.spans for event in span.emitted}


def require_one_journey(product: Product, answers: int) -> None:
    """From gate to delivered one tree, though a service was killed and the warehouse told no context back."""

    def told() -> bool:
        found = journey(product)
        heard = [s for s in found.spans if s.name == "process warehouse.answers"]
        return len(heard) == answers and not found.missing

    wait_until(told, "all answers are traced, and what they follow from")
    found = journey(product)
    (root,) = found.children(None)
    assert (root.service, root.name) == ("gate", "process orders.inbound")
    assert {span.service for span in found.spans} == {*STAGES, "payment_gateway"}
    assert {"order.accepted.v1", "part.frozen.v1", "shipment.shipped.v1", "payment.recorded.v1"} <= events(found)
    assert not any(span.failed for span in found.spans)


def ship(stranger: Stranger, shipment: dict[str, Any], delivered: dict[str, int]) -> None:
    """What a warehouse does with a released shipment."""
    for status in (*LEFT, "in_transit", "delivered"):
        answer(stranger, shipment, status, shipment["site_id"])
    for line in shipment["lines"]:
        delivered[line["line_id"]] = delivered.get(line["line_id"], 0) + line["quantity"]


def answer(stranger: Stranger, shipment: dict[str, Any], status: str, site_id: str) -> None:
    """What the warehouse at a site tells of a shipment."""
    told = {
        "type": "warehouse.answered.v1",
        "shipment_id": shipment["shipment_id"],
        "site_id": site_id,
        "order_id": shipment["order_id"],
        "status": status,
        "at": datetime.now(UTC).isoformat(),
    }
    stranger.send("WarehouseAnswered", told, site_id)


def test_goods_of_two_sites_are_gathered_at_one_and_leave_it_in_one_parcel(
    stranger: Stranger, product: Product
) -> None:
    place_apart(stranger)
    planned = heard(stranger.listen("PartAllocated"), order_id="STRANGE-APART")
    assert sorted(one["site_id"] for one in planned["shipments"]) == sorted(SHELVES)
    (hub,) = [one["to_site_id"] for one in planned["shipments"] if "to_site_id" in one]

    released = stranger.listen("ShipmentReleased")
    moved = heard(released, order_id="STRANGE-APART")
    assert (moved["site_id"] in SHELVES, moved["site_id"] != hub, moved["to_site_id"]) == (True, True, hub)
    for status in LEFT:
        answer(stranger, moved, status, moved["site_id"])
    answer(stranger, moved, "arrived", hub)
    parcel = heard(released, order_id="STRANGE-APART")
    assert (parcel["site_id"], parcel["cross_docked"]) == (hub, moved["lines"])
    delivered: dict[str, int] = {}
    ship(stranger, parcel, delivered)
    assert delivered == {"1": 2, "2": 2}

    payments = stranger.listen("PaymentRecorded")
    captured = heard(payments, order_id="STRANGE-APART", purpose="capture")
    assert captured["amount_minor"] == 4 * 1_999
    require_clean(product, [moved, parcel])


def place_apart(stranger: Stranger) -> None:
    """An order of two lines that no site has both of."""
    lines = []
    for number, (site_id, sku) in enumerate(SHELVES.items(), 1):
        received = {"site_id": site_id, "sku": sku, "quantity": 5, "sequence": 1}
        stranger.send("StockReceived", example_of("StockReceived") | received, site_id)
        lines.append({"line_id": f"{number}", "sku": sku, "quantity": 2, "unit_price_minor": 1_999})
    order = ordered("STRANGE-APART") | {"lines": lines, "service_level": "STANDARD", "max_delay_minutes": 1_440}
    address = {"address": "2 Deansgate", "city": "Manchester", "postcode": "M3 1AZ"}
    stranger.send("OrderPlaced", order | {"personal": order["personal"] | address}, "STRANGE-APART")


def require_clean(product: Product, shipments: Sequence[dict[str, Any]]) -> None:
    """The auditor finds nothing wrong with the order and its shelves, by a book in which the shipments have left."""
    book = [json.dumps({**one, "status": "shipped"}) for one in shipments]
    (product.directory.services / "warehouse.ledger.jsonl").write_text("\n".join(book), "utf-8")
    found: list[str] = ["it was not asked"]

    def content() -> bool:
        verdict, _ = audit_cluster(product.broker.bootstrap, product.directory.services, at_rest=True)
        ours = ("STRANGE-APART", *SHELVES, *SHELVES.values())
        found[:] = [told for told in map(str, verdict.violations) if any(name in told for name in ours)]
        return not found and verdict.traces["STRANGE-APART"].state == "delivered"

    try:
        wait_until(content, "the auditor is content")
    except TimeoutError:
        pytest.fail(f"the auditor finds {found}")


def test_a_policy_is_tried_on_the_orders_of_a_cluster(stranger: Stranger, product: Product) -> None:
    order = ordered("STRANGE-POLICY")
    stock_up(stranger, order)
    stranger.send("OrderPlaced", order, "STRANGE-POLICY")
    heard(stranger.listen("PartAllocated"), order_id="STRANGE-POLICY")

    found = of_cluster(product.broker.bootstrap, 100)
    (moment,) = [one for one in found.moments if one.order.order_id == "STRANGE-POLICY"]
    assert moment.seen is not None
    assert {site_id for site_id, _ in moment.seen} == set(SITES)
    assert all(0 < units <= 100 for units in moment.seen.values())
    (outcome,) = replay(network_rules(found.network), [moment], {item.sku: item for item in found.items}.get)
    assert (outcome.short_units, outcome.reason) == (0, "")


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
