"""What the re-optimizer has seen, as bytes by key: a small value for each order of a region and for each shelf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, ItemsView
from typing import Protocol

from orderwing.reoptimizer import pool as pools
from orderwing_schemas.base import Event
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ProposalAnswered
from orderwing_schemas.events.reservation import StockMoved


class Table(Protocol):
    """A dictionary, or what behaves like one and survives the process."""

    def get(self, key: bytes, default: None = None, /) -> bytes | None: ...

    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...

    def __delitem__(self, key: bytes, /) -> None: ...

    def items(self) -> ItemsView[bytes, bytes]: ...


class Memory:
    """`parts` and `shelves` by keys that begin with the region. Told again, an event changes nothing."""

    def __init__(self, parts: Table, shelves: Table) -> None:
        self._parts = parts
        self._shelves = shelves

    def learn(self, event: Event, at_ms: int) -> None:
        """`at_ms` is when it was told, in domain time."""
        match event:
            case StockMoved():
                for shelf in event.shelves:
                    self._shelves[pools.shelf_key(event.region, shelf).encode()] = pools.encode_shelf(shelf)
            case PartAllocated():
                self._update(event.region, event.order_id, lambda entry: pools.learn_plan(entry, event))
            case PartFrozen():
                self._update(event.region, event.order_id, lambda entry: pools.learn_freeze(entry, event))
            case ProposalAnswered() if not event.accepted:
                fingerprint = event.proposal_id.rpartition(":")[2]
                for order_id in {pools.order_of_part(part_id) for part_id in event.part_ids}:
                    self._update(
                        event.region, order_id, lambda entry: pools.learn_refusal(entry, event, fingerprint, at_ms)
                    )

    def entries(self) -> dict[str, list[bytes]]:
        """Orders with parts to plan, by region."""
        return _by_region(self._parts)

    def levels(self) -> dict[str, list[bytes]]:
        """Shelves, likewise."""
        return _by_region(self._shelves)

    def _update(self, region: str, order_id: str, change: Callable[[pools.Entry], pools.Entry]) -> None:
        key = pools.entry_key(region, order_id).encode()
        before = pools.decode_entry(self._parts.get(key))
        after = change(before)
        if after and after != before:
            self._parts[key] = pools.encode_entry(after)
        elif before and not after:
            del self._parts[key]


def _by_region(table: Table) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for key, value in table.items():
        found[bytes(key).partition(b"|")[0].decode()].append(value)
    return found
