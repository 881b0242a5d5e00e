"""Rows: what a stage remembers, one small struct per fact, each change a record of the changelog."""

from __future__ import annotations

from typing import TypeVar

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact that one partition of one stage owns: a value, so that no cycles need be looked for among millions.

    Subclasses define `key`. A row with `wake_at_ms` has a deadline; a row with an `order_id` field concerns that order
    and waits with it when it is parked. A key `group|rest` can be found by `View.scan(kind, group)`.
    Every subclass says in its docstring when it is dropped.
    """

    wake_at_ms: int | None = None

    @property
    def key(self) -> str:
        raise NotImplementedError(f"{type(self).__name__} has no key")


R = TypeVar("R", bound=Row)


def group_of(key: str) -> str:
    """The part of a row's key before the first `|`, by which rows are scanned."""
    return key.partition("|")[0]
