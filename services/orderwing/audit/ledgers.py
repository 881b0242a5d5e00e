"""The outside books: what the warehouse shipped, against what it was told and what there was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from orderwing.audit.facts import History, Violation
from orderwing.audit.shelf_book import Shelf
from orderwing.audit.stock_books import StockBooks, name_of


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """A simulator's book, a JSON object a line; a last line cut short by a kill is no entry."""
    if not path.exists():
        return []
    entries: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n"):
        try:
            entries.append(msgspec.json.decode(line))
        except msgspec.DecodeError:
            continue
    return entries


def shipped_by_warehouse(
    warehouse: Sequence[Mapping[str, Any]], crossed: Mapping[str, Counter[tuple[str, str]]] | None = None
) -> Counter[Shelf]:
    """Units that left each (site, SKU), each shipment once, without those that had only `crossed` its dock."""
    shipped: Counter[Shelf] = Counter()
    seen: set[str] = set()
    for entry in warehouse:
        if entry.get("status") != "shipped" or entry["shipment_id"] in seen:
            continue
        seen.add(str(entry["shipment_id"]))
        rest = Counter((crossed or {}).get(str(entry["shipment_id"]), ()))
        for line in entry["lines"]:
            there = min(line["quantity"], rest[line["line_id"], line["sku"]])
            shipped[str(entry["site_id"]), line["sku"]] += line["quantity"] - there
    return shipped


def crossed_docks(history: History) -> dict[str, Counter[tuple[str, str]]]:
    """shipment -> (line, SKU) -> units that another site sent for it, as far as it did send them."""
    crossed: dict[str, Counter[tuple[str, str]]] = {}
    parts: dict[str, Counter[tuple[str, str]]] = {}
    for value in history.of("shipment.progressed.v1"):
        if value["status"] == "transferred":
            sent = parts.setdefault(value["part_id"], Counter())
            for line in value["lines"]:
                sent[line["line_id"], line["sku"]] += line["quantity"]
    for value in history.of("shipment.ordered.v1"):
        if value.get("transfers"):
            crossed[value["shipment"]["shipment_id"]] = parts.get(value["part_id"], Counter())
    return crossed


def oversold_units(books: StockBooks, history: History, warehouse: Sequence[Mapping[str, Any]]) -> int:
    """Promised beyond what was there at any moment, or shipped beyond it by the warehouse's own book."""
    promised = sum(book.oversold for book in books.shelves.values())
    return promised + _shipped_beyond(books, history, warehouse).total()


def _shipped_beyond(books: StockBooks, history: History, warehouse: Sequence[Mapping[str, Any]]) -> Counter[Shelf]:
    """Units that left, the log does not tell of yet, and that are not there to leave."""
    beyond: Counter[Shelf] = Counter()
    for shelf, units in shipped_by_warehouse(warehouse, crossed_docks(history)).items():
        book = books.shelves[shelf]
        beyond[shelf] = units - book.shipped - book.on_hand - book.owed
    return +beyond


def check_warehouse(
    books: StockBooks, history: History, warehouse: Sequence[Mapping[str, Any]], restless: frozenset[str]
) -> Iterator[Violation]:
    for shelf, units in _shipped_beyond(books, history, warehouse).items():
        yield Violation("oversold", name_of(shelf), f"the warehouse shipped {units} more than was ever there")
    told = {value["shipment_id"]: value for value in history.of("shipment.released.v1")}
    left = {
        value["shipment_id"]: _units(value["lines"])
        for value in history.of("shipment.progressed.v1")
        if value["status"] in ("shipped", "transferred")
    }
    shipped = {str(x["shipment_id"]): _units(x["lines"]) for x in warehouse if x.get("status") == "shipped"}
    for shipment_id in {str(entry.get("shipment_id")) for entry in warehouse} - told.keys():
        yield Violation("ledger", shipment_id, "the warehouse has a shipment that was never released")
    for shipment_id, theirs in shipped.items():
        if shipment_id in left and theirs != left[shipment_id]:
            yield Violation("ledger", shipment_id, f"they shipped {dict(theirs)}, we told {dict(left[shipment_id])}")
        elif shipment_id in told and shipment_id not in left and told[shipment_id]["order_id"] not in restless:
            yield Violation("ledger", shipment_id, "the warehouse shipped it, and nobody heard")
    for shipment_id in left.keys() - shipped.keys():
        yield Violation("ledger", shipment_id, "told as shipped, and the warehouse never shipped it")


def _units(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Units by line."""
    units: Counter[str] = Counter()
    for line in lines:
        units[str(line["line_id"])] += int(line["quantity"])
    return units
