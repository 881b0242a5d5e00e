"""Reads the Online Retail file as its authors publish it: .xlsx, .csv, or as parquet; yields its invoices in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl

from orderwing.runtime.errors import OperatorError

_NAMES = {  # the published names, without spaces and case, and what this module calls them
    "invoiceno": "invoice",
    "invoice": "invoice",
    "stockcode": "code",
    "description": "description",
    "quantity": "quantity",
    "invoicedate": "date",
    "unitprice": "price",
    "price": "price",
    "customerid": "customer",
    "country": "country",
}
_COLUMNS = tuple(dict.fromkeys(_NAMES.values()))
_MOST_UNITS = 2.0**53
_MOST_POUNDS = 1e10  # as `Minor` has room for
_DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%y %H:%M")


class RetailFileError(OperatorError):
    """The file cannot be read as Online Retail."""


@dataclass(frozen=True, slots=True)
class RetailRow:
    """`price` in pounds. None where the file holds nothing that can be read as such."""

    code: str
    description: str
    quantity: int | None
    price: float | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """All rows of one invoice number in the file's order. `customer` is empty where the file names none."""

    number: str
    placed_at: datetime | None
    customer: str
    country: str
    rows: tuple[RetailRow, ...]


def read_invoices(path: Path) -> Iterator[Invoice]:
    """In the order of their first rows. Raises RetailFileError at once if the file is not what it should be."""
    table = _typed(_table(path))
    invoices = table.group_by("invoice", maintain_order=True).agg(
        pl.col("date", "customer", "country").first(), pl.col("code", "description", "quantity", "price")
    )
    return (_invoice(row) for row in invoices.iter_rows(named=True))


def _invoice(row: dict[str, Any]) -> Invoice:
    rows = zip(row["code"], row["description"], row["quantity"], row["price"], strict=True)
    return Invoice(
        row["invoice"], row["date"], row["customer"], row["country"], tuple(RetailRow(*values) for values in rows)
    )


def _table(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise RetailFileError(f"{path} does not exist.")
    try:
        match path.suffix.lower():
            case ".parquet":
                return pl.read_parquet(path)
            case ".csv":
                return pl.read_csv(path, infer_schema=False, encoding="utf8-lossy")
            case ".xlsx":
                return pl.read_excel(path, engine="calamine", schema_overrides=_text_columns(path))
    except (OSError, pl.exceptions.PolarsError, fastexcel.FastExcelError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RetailFileError(f"{path} cannot be read as {path.suffix}: {reason}.") from None
    raise RetailFileError(f"{path} is none of .xlsx, .csv and .parquet.")


def _text_columns(path: Path) -> dict[str, Any]:
    """Numbers and text mix in these columns of the workbook: they are text."""
    header = pl.read_excel(path, engine="calamine", read_options={"n_rows": 0})
    return {
        name: pl.String for name in header.columns if _NAMES.get(_plain(name)) in ("invoice", "code", "description")
    }


def _plain(name: str) -> str:
    return name.strip("\ufeff ").replace(" ", "").replace("_", "").lower()


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    renamed = {name: _NAMES[_plain(name)] for name in table.columns if _plain(name) in _NAMES}
    if missing := set(_COLUMNS) - set(renamed.values()):
        raise RetailFileError(f"The file has no column for {', '.join(sorted(missing))}: is it Online Retail?")
    table = table.select(*renamed).rename(renamed)
    return table.select(
        *(_text(name) for name in ("invoice", "code", "description", "country")),
        _text("customer").str.strip_suffix(".0"),
        _within(_number(table, "quantity"), _MOST_UNITS, whole=True).cast(pl.Int64),
        _within(_number(table, "price"), _MOST_POUNDS),
        _date(table),
    )


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.strip_chars().fill_null("")


def _number(table: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name)
    if table.schema[name] == pl.String:
        column = column.str.strip_chars().str.replace(",", ".", literal=True)
    return column.cast(pl.Float64, strict=False)


def _within(number: pl.Expr, most: float, *, whole: bool = False) -> pl.Expr:
    """None where it cannot be meant: infinite, huge, or a part of a unit."""
    meant = number.is_finite() & (number.abs() <= most)
    return pl.when(meant & (number == number.floor()) if whole else meant).then(number).alias(number.meta.output_name())


def _date(table: pl.DataFrame) -> pl.Expr:
    if table.schema["date"] != pl.String:
        return pl.col("date").cast(pl.Datetime("us"), strict=False)
    text = pl.col("date").str.strip_chars()
    return pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in _DATE_FORMATS).alias("date")
