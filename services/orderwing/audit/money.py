"""Money: captured = value shipped <= authorised; the rest voided; the provider's book says the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orderwing.audit.facts import History, Violation

Amounts = Mapping[str, Counter[str]]  # order -> purpose -> minor units


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
        if money["capture"] + money["uncollected"] != worth:
            yield Violation("money", order_id, f"captured {money['capture']}, shipped goods of {worth}")
        if money["capture"] > money["authorise"] - money["void"]:
            yield Violation("money", order_id, f"captured {money['capture']} of {money['authorise']} authorised")
        left = money["authorise"] - money["capture"] - money["void"]
        if order_id in ended and left > 0:
            yield Violation("money", order_id, f"{left} authorised and neither captured nor voided")
    yield from _provider_agrees(booked, ended, restless, provider)


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
    """What we say, each key once of each kind; `uncollected` is what the provider refused to pay for goods that left.

    A void counts against the authorisation that it ends: one that was given up unanswered was never counted.
    """
    recorded: dict[str, Counter[str]] = defaultdict(Counter)
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for event_type in ("payment.recorded.v1", "payment.capture_refused.v1"):
        for value in history.of(event_type):
            told.setdefault((event_type, value["idempotency_key"]), value)
    for (event_type, key), value in told.items():
        purpose = value.get("purpose", "uncollected")
        if purpose != "void" or (event_type, key.replace(":void:", ":authorise:")) in told:
            recorded[value["order_id"]][purpose] += value["amount_minor"]
    return recorded


def _provider_agrees(
    booked: Amounts, ended: frozenset[str], restless: frozenset[str], provider: Sequence[Mapping[str, Any]]
) -> Iterator[Violation]:
    theirs: dict[str, Counter[str]] = defaultdict(Counter)
    keys: Counter[str] = Counter()
    for entry in provider:
        order_id = str(entry["order_id"])
        for flag in entry.get("flags", ()):
            yield Violation("ledger", order_id, f"the provider noted {flag} under {entry['idempotency_key']}")
        if entry["outcome"] == "approved":
            keys[str(entry["idempotency_key"])] += 1
            theirs[order_id][entry["purpose"]] += int(entry["amount_minor"])
    for key, times in keys.items():
        if times > 1:
            yield Violation("duplicated", key, f"the provider booked it {times} times")
    for order_id in theirs.keys() | booked.keys():
        if order_id in restless:
            continue
        money, ours = theirs[order_id], booked.get(order_id, Counter())["capture"]
        if money["capture"] != ours:
            yield Violation("ledger", order_id, f"the provider captured {money['capture']}, we recorded {ours}")
        left = money["authorise"] - money["capture"] - money["void"]
        if left < 0 or (left > 0 and order_id in ended):
            yield Violation("ledger", order_id, f"the provider still holds {left} of an order that has ended")
