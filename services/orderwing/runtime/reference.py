"""Network, catalogue and steering prices of one partition, as its part of the topic `reference` has them."""

from __future__ import annotations

from functools import lru_cache

from orderwing.kernel.ports import Record
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished, SteeringPriced
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
        self._priced: dict[str, SteeringPriced] = {}
        self._prices: dict[tuple[str, str], tuple[int, SteeringPriced]] = {}

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

    def steering_minor(self, site_id: str, sku: str, now_ms: int) -> int:
        """What a decision adds for a unit of the shelf; 0 where no price is in force at `now_ms`."""
        found = self._prices.get((site_id, sku))
        if found is None:
            return 0
        minor, chunk = found
        return minor if chunk.valid_from_ms <= now_ms < chunk.valid_until_ms else 0

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
        elif isinstance(event, SteeringPriced):
            self._forget(event.key)
            self._priced[event.key] = event
            self._prices.update(((price.site_id, price.sku), (price.price_minor, event)) for price in event.prices)

    def _forget(self, chunk: str) -> None:
        for item in self._chunks.pop(chunk, ()):
            if self._items.get(item.sku) is item:  # else it has moved to another chunk
                del self._items[item.sku]
        priced = self._priced.pop(chunk, None)
        for price in priced.prices if priced is not None else ():
            shelf = (price.site_id, price.sku)
            if (held := self._prices.get(shelf)) is not None and held[1] is priced:
                del self._prices[shelf]
