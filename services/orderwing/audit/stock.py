"""Stock: no shelf over-promised, holds add up, nothing shipped that was never there."""

from __future__ import annotations

from collections.abc import Iterator

from orderwing.audit.facts import History, Violation
from orderwing.audit.shelf_book import Shelf
from orderwing.audit.stock_books import StockBooks, name_of
from orderwing.audit.stock_inputs import MOVEMENT


def check_stock(
    books: StockBooks, history: History, restless: frozenset[str], settled_before_wall_ms: int
) -> Iterator[Violation]:
    """`restless` are orders too young to judge; shelves that they touch are not balanced."""
    yield from books.violations
    for fact in books.forgotten():
        young = fact.wall_ms >= settled_before_wall_ms if fact.type == MOVEMENT else fact.body["order_id"] in restless
        if not young:
            yield Violation("stock", fact.place, f"{fact.type} never came to the books")
    young_or_soft = _touched_by(history, restless | _softly_held(history))
    for shelf, book in books.shelves.items():
        held = books.parts.held[shelf]
        if shelf not in young_or_soft and book.reserved != held:
            yield Violation("stock", name_of(shelf), f"reserved {book.reserved}, the parts hold {held}")


def _touched_by(history: History, orders: frozenset[str]) -> set[Shelf]:
    return {
        (level["site_id"], level["sku"])
        for value in history.of("stock.moved.v1")
        if value.get("order_id") in orders
        for level in value["shelves"]
    }


def _softly_held(history: History) -> frozenset[str]:
    """Orders whose last word from reservation is a soft hold."""
    last = {value["order_id"]: value["outcome"] for value in history.of("reservation.recorded.v1")}
    return frozenset(order_id for order_id, outcome in last.items() if outcome == "held")
