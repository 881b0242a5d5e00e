"""Network and catalogue of one partition, as its part of the topic `reference` has them."""

from __future__ import annotations

from functools import lru_cache

from orderwing.kernel.ports import Record
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished
from orderwing_schemas.network import Item, Network


@lru_cache(maxsize=256)
def _decoded(value: bytes, event_type: str | None) -> Event:
    """Every partition has the same records: each is decoded, and kept, once."""
    return decode(value, event_type)


class ReferenceTable:
    """The publisher writes the catalogue before the network: a partition decides nothing until it has a network."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._items: dict[str, Item] = {}
        self._chunks: dict[str, tuple[Item, ...]] = {}

    @property
    def ready(self) -> bool:
        return self._network is not None

    @property
    def network(self) -> Network:
        if self._network is None:
            raise LookupError("no network is published: run `orderwing network load`")
        return self._network

    def item(self, sku: str) -> Item | None:
        return self._items.get(sku)

    def apply(self, record: Record) -> None:
        """Take in one record; a chunk replaces its former self. Raises UndecodableError."""
        if record.value is None:
            self._forget((record.key or b"").decode())
            return
        event = _decoded(record.value, header_map(record.headers).get("ce_type"))
        if isinstance(event, NetworkPublished):
            self._network = event.network
        elif isinstance(event, CataloguePublished):
            self._forget(event.key)
            self._chunks[event.key] = event.items
            self._items.update((item.sku, item) for item in event.items)

    def _forget(self, chunk: str) -> None:
        for item in self._chunks.pop(chunk, ()):
            if self._items.get(item.sku) is item:  # else it has moved to another chunk
                del self._items[item.sku]
