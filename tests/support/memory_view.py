"""A view for tests of pure stages: the rows of one partition in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orderwing.kernel.decision import Decision
from orderwing.kernel.row import R, Row, group_of
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy


@dataclass
class MemoryReference:
    network: Network
    items: Iterable[Item] = ()
    policy: Policy | None = None
    prices: Mapping[tuple[str, str], int] | None = None  # by (site, SKU), in force at any time
    _by_sku: dict[str, Item] = field(init=False)

    def __post_init__(self) -> None:
        self._by_sku = {item.sku: item for item in self.items}

    def item(self, sku: str) -> Item | None:
        return self._by_sku.get(sku)

    def steers(self, now_ms: int) -> bool:
        return self.prices is not None

    def steering_minor(self, site_id: str, sku: str, now_ms: int) -> int:
        return (self.prices or {}).get((site_id, sku), 0)


class MemoryView:
    """`apply` a decision, and the next one sees its rows."""

    def __init__(self, reference: MemoryReference) -> None:
        self.reference = reference
        self.rows: dict[tuple[type[Row], str], Row] = {}

    def get(self, kind: type[R], key: str) -> R | None:
        return self.rows.get((kind, key))  # type: ignore[return-value]  # keyed by its own kind

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        for place in sorted((p for p in self.rows if p[0] is kind), key=lambda p: p[1]):
            if group_of(place[1]) == group:
                yield self.rows[place]  # type: ignore[misc]  # keyed by its own kind

    def apply(self, decision: Decision) -> Decision:
        """Keep its rows, drop its drops; returns it."""
        for row in decision.puts:
            self.rows[type(row), row.key] = row
        for place in decision.drops:
            self.rows.pop(place, None)
        return decision
