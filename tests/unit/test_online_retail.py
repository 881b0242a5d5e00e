"""The importer: every invoice ends as one of an order, a cancellation or a rejection, whatever the file's form."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, constr

from orderwing.shop.feed import Feed
from orderwing.shop.online_retail import retail_feed
from orderwing.shop.retail_file import Invoice, RetailFileError, RetailRow, read_invoices
from orderwing.shop.retail_orders import ImportedCancellation, ImportedOrder, Importer, ImportRejection, sku_of
from orderwing_schemas import topics
from orderwing_schemas.base import ID_PATTERN
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.public import OrderPlaced, StockReceived
from support.workbook import write_workbook

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
FIRST = datetime(2010, 12, 1, 8, 26)
ROWS: tuple[tuple[Any, ...], ...] = (
    ("536365", "85123A", "HOLDER", 6, FIRST, 2.55, 17850, "United Kingdom"),
    ("536365", "71053", "LANTERN", 2, FIRST, 3.39, 17850, "United Kingdom"),
    ("536365", "85123a", "HOLDER", 1, FIRST, 2.55, 17850, "United Kingdom"),
    ("536365", "POST", "POSTAGE", 1, FIRST, 18.0, 17850, "United Kingdom"),
    ("536366", "22633", "HAND WARMER", 6, FIRST + timedelta(minutes=2), 1.85, None, "France"),
    ("C536379", "85123A", "HOLDER", -1, FIRST + timedelta(hours=1), 2.55, 17850, "United Kingdom"),
    ("C536380", "22633", "HAND WARMER", -1, FIRST + timedelta(hours=1), 1.85, 12345, "United Kingdom"),
    ("536381", "71053", "damages", -3, FIRST + timedelta(hours=2), 0.0, None, "United Kingdom"),
    ("536382", "BANK CHARGES", "Bank Charges", 1, FIRST + timedelta(hours=2), 15.0, None, "United Kingdom"),
    ("A563185", "B", "Adjust bad debt", 1, FIRST + timedelta(hours=2), 11062.06, None, "United Kingdom"),
    ("536383", "71053", "LANTERN", 4, FIRST + timedelta(days=8), 3.39, 17850, "United Kingdom"),
)


def table(rows: tuple[tuple[Any, ...], ...] = ROWS, **renamed: str) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=list(COLUMNS), orient="row", schema_overrides={"CustomerID": pl.Int32})
    return frame.rename(renamed)


def as_parquet(path: Path) -> Path:
    table().write_parquet(path / "retail.parquet")
    return path / "retail.parquet"


def as_csv(path: Path) -> Path:
    table().write_csv(path / "retail.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    return path / "retail.csv"


def as_american_csv(path: Path) -> Path:
    text = table(CustomerID="Customer ID").write_csv(datetime_format="%-m/%-d/%Y %-H:%M")
    (path / "american.csv").write_bytes(text.replace("HAND WARMER", "CAF\xc9").encode("latin-1"))
    return path / "american.csv"


def as_xlsx(path: Path) -> Path:
    write_workbook(path / "retail.xlsx", (COLUMNS, *ROWS))
    return path / "retail.xlsx"


@pytest.mark.parametrize("write", [as_parquet, as_csv, as_american_csv, as_xlsx])
def test_every_form_of_the_file_reads_the_same(write: Callable[[Path], Path], tmp_path: Path) -> None:
    read = list(read_invoices(write(tmp_path)))
    assert [invoice.number for invoice in read] == list(dict.fromkeys(row[0] for row in ROWS))
    assert (read[0].placed_at, read[0].customer, read[0].country) == (FIRST, "17850", "United Kingdom")
    assert [(row.code, row.quantity, row.price) for row in read[0].rows] == [(r[1], r[3], r[5]) for r in ROWS[:4]]
    assert read[1].customer == ""


@pytest.mark.parametrize(
    ("quantity", "price"), [(1.5, 2.55), (1e30, 2.55), (1.0, 1e300), (1.0, 1.1e10), (float("inf"), 2.55), (1.0, None)]
)
def test_a_number_that_cannot_be_meant_is_told_and_spoils_no_other_invoice(
    tmp_path: Path, quantity: float, price: float | None
) -> None:
    frame = table().with_columns(pl.col("Quantity").cast(pl.Float64))
    odd = ("536399", "85123A", "HOLDER", quantity, FIRST + timedelta(days=9), price, 17850, "United Kingdom")
    pl.concat([frame, pl.DataFrame([odd], schema=frame.schema, orient="row")]).write_parquet(tmp_path / "odd.parquet")
    feed = retail_feed(tmp_path / "odd.parquet", None, rate=10, factor=60)
    assert sum(record.topic == topics.ORDERS_INBOUND.name for record in feed.records) == 3
    assert feed.counts["import_rejected_unreadable"] == 1


def test_a_file_that_is_something_else_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.xlsx").write_text("no workbook")
    (tmp_path / "x.parquet").write_text("no parquet")
    for name in ("x.csv", "x.xlsx", "x.parquet", "missing.csv", "x.txt"):
        with pytest.raises(RetailFileError, match=r"^[^\n]+\.$|\?$"):
            read_invoices(tmp_path / name)


def test_each_invoice_has_one_outcome(tmp_path: Path) -> None:
    importer = Importer()
    outcomes = {invoice.number: importer.imported(invoice) for invoice in read_invoices(as_parquet(tmp_path))}
    matched, unmatched = outcomes["C536379"], outcomes["C536380"]
    assert isinstance(matched, ImportedCancellation)
    assert isinstance(unmatched, ImportedCancellation)
    assert (matched.lines[0].purchase, unmatched.lines[0].purchase) == ("536365", None)
    reasons = {name: outcome.reason for name, outcome in outcomes.items() if isinstance(outcome, ImportRejection)}
    assert reasons == {"536381": "nothing_sold", "536382": "no_goods", "A563185": "no_goods"}
    assert [name for name, o in outcomes.items() if isinstance(o, ImportedOrder)] == ["536365", "536366", "536383"]


def test_an_order_says_what_the_invoice_says(tmp_path: Path) -> None:
    first, second = [Importer().imported(invoice) for invoice in read_invoices(as_parquet(tmp_path))][:2]
    assert isinstance(first, ImportedOrder)
    order = decode(first.value, "order.placed.v1", lenient=True)
    assert isinstance(order, OrderPlaced)
    assert (order.order_id, order.customer_id) == ("536365", "17850")
    assert [(line.sku, line.quantity, line.unit_price_minor) for line in order.lines] == [
        ("85123A", 6, 255),
        ("71053", 2, 339),
        ("85123A", 1, 255),
    ]
    assert order.placed_at.isoformat() == "2010-12-01T08:26:00+00:00"
    assert json.loads(first.value)["charges"] == [{"code": "POST", "description": "POSTAGE", "amount_minor": 1800}]
    assert isinstance(second, ImportedOrder)
    abroad = decode(second.value, "order.placed.v1", lenient=True)
    assert isinstance(abroad, OrderPlaced)
    assert (abroad.customer_id, abroad.personal.city, abroad.personal.country) == (None, "Paris", "FR")


def test_a_customer_always_lives_at_the_same_door(tmp_path: Path) -> None:
    importer = Importer()
    doors = {
        json.dumps(json.loads(outcome.value)["personal"])
        for invoice in read_invoices(as_parquet(tmp_path))
        if invoice.customer == "17850" and isinstance(outcome := importer.imported(invoice), ImportedOrder)
    }
    assert len(doors) == 1


ROW = st.builds(
    RetailRow,
    code=st.text(max_size=8) | st.sampled_from(["POST", "71053"]),
    description=st.text(max_size=5),
    quantity=st.none() | st.integers(-100, 100),
    price=st.none() | st.floats(-10, 10),
)
INVOICE = st.builds(
    Invoice,
    number=st.sampled_from(["", "C1", "1", "A1"]),
    placed_at=st.none() | st.just(FIRST),
    customer=st.sampled_from(["", "17850"]),
    country=st.text(max_size=5) | st.sampled_from(["United Kingdom", "Germany"]),
    rows=st.lists(ROW, min_size=1, max_size=4).map(tuple),
)


@given(invoice=INVOICE)
def test_any_invoice_has_an_outcome_that_can_be_written(invoice: Invoice) -> None:
    outcome = Importer().imported(invoice)
    assert json.loads(json.dumps(outcome.report()))["outcome"] in ("order", "cancellation", "rejection")
    if isinstance(outcome, ImportedOrder):
        assert json.loads(outcome.value)["order_id"] == invoice.number


@given(code=st.text(min_size=1))
def test_any_code_becomes_a_sku(code: str) -> None:
    TypeAdapter(constr(pattern=ID_PATTERN)).validate_python(sku_of(code))
    assert sku_of(sku_of(code)) == sku_of(code)


def drawn(path: Path, **changes: Any) -> tuple[Feed, list[Any]]:
    feed = retail_feed(as_parquet(path), **({"orders": None, "rate": 10.0, "factor": 60.0} | changes))
    return feed, list(feed.records)


def test_the_feed_accounts_for_every_invoice(tmp_path: Path) -> None:
    feed, records = drawn(tmp_path, report=tmp_path / "imported.jsonl")
    report = [json.loads(line) for line in (tmp_path / "imported.jsonl").read_text().splitlines()]
    invoices = {row[0] for row in ROWS}
    assert {line["invoice"] for line in report} == invoices
    feed.counts.pop("stock_movements", 0)
    assert sum(feed.counts.values()) == len(invoices)
    assert feed.counts["orders"] == sum(record.topic == topics.ORDERS_INBOUND.name for record in records) == 3
    assert {"85123A", "71053", "22633"} == {item.sku for item in feed.items}


def test_the_first_orders_only_are_streamed_in_order_and_at_the_rate(tmp_path: Path) -> None:
    feed, records = drawn(tmp_path, orders=2)
    assert feed.counts["orders"] == 2
    offsets = [record.offset_ms for record in drawn(tmp_path)[1]]
    assert all(a <= b for a, b in pairwise(offsets))
    assert offsets[-1] == 800  # eight invoices, ten a second
    assert [record.key for record in records] == [b"536365", b"536366"]


def test_stock_follows_the_first_weeks_demand(tmp_path: Path) -> None:
    feed, _ = drawn(tmp_path)
    opening = Counter[str]()
    for record in feed.opening:
        event = decode(record.value, header_map(record.headers)["ce_type"])
        assert isinstance(event, StockReceived)
        opening[event.sku] += event.quantity
    for sku, sold in (("85123A", 7), ("71053", 6), ("22633", 6)):
        assert sold <= opening[sku] <= sold * 1.1 + 4
    largest = max(7 + 2, 6, 4)
    assert min(site.units_per_hour for site in feed.network.sites) >= largest


@pytest.mark.parametrize("changes", [{"rate": 0}, {"factor": -1}])
def test_a_rate_that_is_not_positive_is_an_error(tmp_path: Path, changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        drawn(tmp_path, **changes)
