"""Stock: no shelf over-promised, holds add up, nothing shipped that was never there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from orderwing.audit.facts import History, Violation

Shelf = tuple[str, str]  # (site, SKU)
_CORRECTIONS = frozenset({"adjusted", "counted", "short_pick", "shipped"})


def check_stock(history: History, restless: frozenset[str]) -> Iterator[Violation]:
    """`restless` are orders too young to judge; shelves that they touch are not balanced."""
    yield from _levels(history)
    young = _touched_by(history, restless)
    final = final_levels(history)
    yield from _on_hand_balances(history, final, young)
    yield from _holds_balance(history, final, young)


def final_levels(history: History) -> dict[Shelf, dict[str, Any]]:
    return {
        (level["site_id"], level["sku"]): level for value in history.of("stock.moved.v1") for level in value["shelves"]
    }


def _movements(history: History) -> Iterator[tuple[Shelf, str, int]]:
    """(shelf, type, units) of the strangers' movements, each (site, sequence) once."""
    seen: set[tuple[str, int]] = set()
    for value in history.of("stock.movement_accepted.v1"):
        movement = value["movement"]
        number = (movement["site_id"], movement["sequence"])
        if number not in seen:
            seen.add(number)
            units = {"stock.received.v1": "quantity", "stock.adjusted.v1": "delta", "stock.counted.v1": "on_hand"}
            yield (movement["site_id"], movement["sku"]), movement["type"], movement.get(units.get(movement["type"]), 0)


def stock_ever(history: History) -> Counter[Shelf]:
    """Units that were ever there: all that was added. A count may have found what nobody had told of."""
    ever: Counter[Shelf] = Counter()
    for shelf, _, units in _movements(history):
        ever[shelf] += max(0, units)
    return ever


def _levels(history: History) -> Iterator[Violation]:
    """Only a correction may leave a shelf with more reserved than it has; until that is mended nothing is added."""
    excused: set[Shelf] = set()
    before: dict[Shelf, int] = {}
    for value in history.of("stock.moved.v1"):
        corrects = value["kind"] in _CORRECTIONS and bool(value.get("exception"))
        for level in value["shelves"]:
            shelf, reserved = (level["site_id"], level["sku"]), level["reserved"]
            if reserved < 0 or level["on_hand"] < 0:
                yield Violation("stock", _name(shelf), f"negative level {level}")
            if reserved <= level["on_hand"] - level["safety"]:
                excused.discard(shelf)
            elif corrects:
                excused.add(shelf)
            elif shelf not in excused or reserved > before.get(shelf, 0):
                yield Violation("oversold", _name(shelf), f"{value['kind']}: reserved more than is there: {level}")
            before[shelf] = reserved


def _touched_by(history: History, orders: frozenset[str]) -> set[Shelf]:
    return {
        (level["site_id"], level["sku"])
        for value in history.of("stock.moved.v1")
        if value.get("order_id") in orders
        for level in value["shelves"]
    }


def _on_hand_balances(history: History, final: dict[Shelf, dict[str, Any]], young: set[Shelf]) -> Iterator[Violation]:
    """Received and adjusted, less shipped and never found, is on hand. A counted shelf starts anew: not balanced."""
    expected: Counter[Shelf] = Counter()
    for shelf, kind, units in _movements(history):
        if kind != "stock.counted.v1":
            expected[shelf] += units
    counted = {
        (value["movement"]["site_id"], value["movement"]["sku"])
        for value in history.of("stock.movement_accepted.v1")
        if value["movement"]["type"] == "stock.counted.v1"
    }
    for value in history.of("shipment.shipped.v1"):
        for line in value["lines"]:
            expected[value["site_id"], line["sku"]] -= line["quantity"]
    for value in history.of("hold.replacement_requested.v1"):
        for line in value["missing"]:
            expected[value["site_id"], line["sku"]] -= line["quantity"]
    corrected = _corrected(history)
    for shelf, level in final.items():
        more = level["on_hand"] > expected[shelf] and shelf in corrected  # a loss of more than the books had
        if shelf not in young | counted and level["on_hand"] != expected[shelf] and not more:
            yield Violation("stock", _name(shelf), f"on hand {level['on_hand']}, movements say {expected[shelf]}")


def _corrected(history: History) -> set[Shelf]:
    return {
        (level["site_id"], level["sku"])
        for value in history.of("stock.moved.v1")
        if value.get("exception")
        for level in value["shelves"]
    }


def _holds_balance(history: History, final: dict[Shelf, dict[str, Any]], young: set[Shelf]) -> Iterator[Violation]:
    held = _firm_holds(history)
    soft = _touched_by(history, frozenset(_softly_held(history)))
    for shelf, level in final.items():
        if shelf not in young | soft and level["reserved"] != held[shelf]:
            yield Violation("stock", _name(shelf), f"reserved {level['reserved']}, the parts hold {held[shelf]}")


def _firm_holds(history: History) -> Counter[Shelf]:
    parts: dict[str, Counter[Shelf]] = {}
    for fact in history.by_topic.get("stock.reserved", ()):
        body = fact.body
        holdings = [body] if fact.type == "stock.reserved.v1" else body.get("moves", ())
        if fact.type == "hold.move_refused.v1":
            continue
        for holding in holdings:
            units: Counter[Shelf] = Counter()
            for line in holding["held"]:
                units[line["site_id"], line["sku"]] += line["quantity"]
            parts[holding["part_id"]] = units
    for value in history.of("shipment.shipped.v1"):
        for line in value["lines"]:
            parts.setdefault(value["part_id"], Counter())[value["site_id"], line["sku"]] -= line["quantity"]
    for value in history.of("hold.replacement_requested.v1"):
        for line in value["missing"]:
            parts.setdefault(value["part_id"], Counter())[value["site_id"], line["sku"]] -= line["quantity"]
    total: Counter[Shelf] = Counter()
    for units in parts.values():
        total.update(units)
    return total


def _softly_held(history: History) -> set[str]:
    """Orders whose last word from reservation is a soft hold."""
    last = {value["order_id"]: value["outcome"] for value in history.of("reservation.recorded.v1")}
    return {order_id for order_id, outcome in last.items() if outcome == "held"}


def _name(shelf: Shelf) -> str:
    return f"{shelf[0]}/{shelf[1]}"
