"""Money: captured = value shipped <= authorised; the rest voided; the provider's book says the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orderwing.audit.facts import History, Violation


def value_shipped(order: Mapping[str, Any], shipped: Mapping[str, int]) -> int:
    """Minor units for the quantities shipped of each line: pro rata, rounded down on the running total."""
    return sum(
        line["amount_minor"] * min(shipped.get(line["line_id"], 0), line["quantity"]) // line["quantity"]
        for line in order["lines"]
    )


def check_money(
    history: History, ended: frozenset[str], restless: frozenset[str], provider: Sequence[Mapping[str, Any]]
) -> Iterator[Violation]:
    """`ended` orders have nothing more to ship; `provider` is the provider's own book."""
    orders = {value["order"]["order_id"]: value["order"] for value in history.of("order.accepted.v1")}
    shipped = _shipped(history)
    booked = _recorded(history)
    for order_id, order in orders.items():
        if order_id in restless:
            continue
        money = booked[order_id]
        worth = value_shipped(order, shipped[order_id])
        if money["capture"] != worth:
            yield Violation("money", order_id, f"captured {money['capture']}, shipped goods of {worth}")
        if money["capture"] > money["authorise"]:
            yield Violation("money", order_id, f"captured {money['capture']} of {money['authorise']} authorised")
        left = money["authorise"] - money["capture"]
        if order_id in ended and left > 0 and money["void"] < left:
            yield Violation("money", order_id, f"{left} authorised and neither captured nor voided")
    yield from _provider_agrees(booked, restless, provider)


def _shipped(history: History) -> dict[str, Counter[str]]:
    """order -> line -> units that the warehouses said left the dock, each shipment once."""
    shipped: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[str] = set()
    for value in history.of("shipment.progressed.v1"):
        if value["status"] != "shipped" or value["shipment_id"] in seen:
            continue
        seen.add(value["shipment_id"])
        for line in value["lines"]:
            shipped[value["order_id"]][line["line_id"]] += line["quantity"]
    return shipped


def _recorded(history: History) -> dict[str, Counter[str]]:
    """order -> purpose -> minor units, each idempotency key once. A renewal replaces the authorisation before it."""
    recorded: dict[str, Counter[str]] = defaultdict(Counter)
    keys: set[str] = set()
    for value in history.of("payment.recorded.v1"):
        if value["idempotency_key"] in keys:
            continue
        keys.add(value["idempotency_key"])
        money = recorded[value["order_id"]]
        if value["purpose"] == "authorise":
            money["authorise"] = max(money["authorise"], value["amount_minor"])
        else:
            money[value["purpose"]] += value["amount_minor"]
    return recorded


def _provider_agrees(
    booked: Mapping[str, Counter[str]], restless: frozenset[str], provider: Sequence[Mapping[str, Any]]
) -> Iterator[Violation]:
    captured: Counter[str] = Counter()
    for entry in provider:
        if entry["purpose"] == "capture" and entry["outcome"] == "approved":
            captured[str(entry["order_id"])] += int(entry["amount_minor"])
    for order_id in captured.keys() | booked.keys():
        if order_id not in restless and captured[order_id] != booked.get(order_id, Counter())["capture"]:
            ours = booked.get(order_id, Counter())["capture"]
            yield Violation("ledger", order_id, f"the provider captured {captured[order_id]}, we recorded {ours}")
