"""An independent count of an Online Retail file's invoices: shares no code with the importer."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from orderwing.runtime.errors import OperatorError


def count_invoices(path: Path, first: int | None) -> int:
    """How many different invoice numbers the file holds, at most `first`. Raises OperatorError."""
    try:
        match path.suffix.lower():
            case ".parquet":
                table = pl.read_parquet(path)
            case ".csv":
                table = pl.read_csv(path, infer_schema=False, encoding="utf8-lossy")
            case _:
                table = pl.read_excel(path, infer_schema_length=0)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OperatorError(f"{path} cannot be read: {type(error).__name__}.") from None
    column = next((name for name in table.columns if name.lower().startswith("invoice")), None)
    if column is None:
        raise OperatorError(f"{path} has no column of invoice numbers: it is not the Online Retail file.")
    there = table.get_column(column).n_unique()
    return there if first is None else min(first, there)
