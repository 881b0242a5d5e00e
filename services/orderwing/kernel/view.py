"""What a decision may see, and the draft in which it writes down what shall change."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol, TypeVar

from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.row import R, Row, group_of
from orderwing_schemas.base import Event
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy
from orderwing_schemas.topics import Topic

T = TypeVar("T")


class Reference(Protocol):
    """What every partition has whole. Raises LookupError while nothing is published."""

    @property
    def network(self) -> Network: ...

    @property
    def policy(self) -> Policy | None:
        """The sourcing policy in force. Whether it goes with the network is for those who use it to see."""
        ...

    def item(self, sku: str) -> Item | None: ...

    def steers(self, now_ms: int) -> bool:
        """Whether a list of steering prices is in force."""
        ...

    def steering_minor(self, site_id: str, sku: str, now_ms: int) -> int:
        """What a decision adds for a unit of the shelf; 0 where no price is in force."""
        ...


class View(Protocol):
    """The rows of one partition, with what the batch has changed so far."""

    @property
    def reference(self) -> Reference: ...

    def get(self, kind: type[R], key: str) -> R | None: ...

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        """Rows whose key is `group` or starts with `group|`, in the order of their keys."""
        ...


class Draft:
    """A view that remembers changes: later reads see earlier writes of the same decision."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._rows: dict[tuple[type[Row], str], Row | None] = {}
        self._emits: list[Emit] = []

    @property
    def reference(self) -> Reference:
        return self._view.reference

    @cached_property
    def network(self) -> Network:
        return self._view.reference.network

    def get(self, kind: type[R], key: str) -> R | None:
        place = (kind, key)
        if not self._rows or place not in self._rows:
            return self._view.get(kind, key)
        return self._rows[place]  # type: ignore[return-value]  # keyed by its own kind

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        rows: dict[str, Row] = {row.key: row for row in self._view.scan(kind, group)}
        for (changed, key), row in self._rows.items():
            if changed is kind and group_of(key) == group:
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        for key in sorted(rows):
            yield rows[key]  # type: ignore[misc]  # keyed by its own kind

    def put(self, row: Row) -> None:
        self._rows[type(row), row.key] = row

    def drop(self, kind: type[Row], key: str) -> None:
        self._rows[kind, key] = None

    def emit(self, topic: Topic, event: Event) -> None:
        self._emits.append(Emit(topic, event))

    def decision(self) -> Decision:
        rows = self._rows
        if not rows:
            return Decision(tuple(self._emits))
        puts = tuple([row for row in rows.values() if row is not None])
        drops = () if len(puts) == len(rows) else tuple([place for place, row in rows.items() if row is None])
        return Decision(tuple(self._emits), puts, drops)
