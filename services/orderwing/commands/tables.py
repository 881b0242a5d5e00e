"""Tables of an order's life and decisions, as commands print them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    made = Table(title=title or None, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")  # an id that is cut cannot be used
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))  # ids are data, never markup
    return made
