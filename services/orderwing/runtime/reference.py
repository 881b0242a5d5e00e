"""Network, catalogue, policy and steering prices of one partition, as its part of the topic `reference` has them."""

from __future__ import annotations

from functools import lru_cache

from orderwing.kernel.ports import Record
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.events.reference import CataloguePublished, NetworkPublished, PolicyPublished, SteeringPriced
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy

POLICY_KEY = "policy"


@lru_cache(maxsize=256)
def _decoded(value: bytes, event_type: str | None) -> Event:
    """Every partition has the same records: each is decoded, and kept, once."""
    return decode(value, event_type)


class ReferenceTable:
    """The publisher writes the catalogue before the network: a partition decides nothing until it has a network."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._policy: Policy | None = None
        self._items: dict[str, Item] = {}
        self._chunks: dict[str, tuple[Item, ...]] = {}
        self._priced: dict[str, SteeringPriced] = {}
        self._prices: dict[tuple[str, str], tuple[int, SteeringPriced]] = {}
        self._newest: SteeringPriced | None = None  # of the chunks that price anything

    @property
    def ready(self) -> bool:
        return self._network is not None

    @property
    def network(self) -> Network:
        if self._network is None:
            raise LookupError("no network is published: run `orderwing network load`")
        return self._network

    @property
    def policy(self) -> Policy | None:
        return self._policy

    def item(self, sku: str) -> Item | None:
        return self._items.get(sku)

    def steers(self, now_ms: int) -> bool:
        newest = self._newest
        return newest is not None and newest.valid_from_ms <= now_ms < newest.valid_until_ms

    def steering_minor(self, site_id: str, sku: str, now_ms: int) -> int:
        found = self._prices.get((site_id, sku))
        if found is None:
            return 0
        minor, chunk = found
        return minor if chunk.valid_from_ms <= now_ms < chunk.valid_until_ms else 0

    def apply(self, record: Record) -> None:
        """Take in one record; a chunk replaces its former self. Raises UndecodableError."""
        if record.value is None:
            key = (record.key or b"").decode("utf-8", "replace")
            self._forget(key)
            if key == POLICY_KEY:
                self._policy = None
            return
        event = _decoded(record.value, header_map(record.headers).get("ce_type"))
        if isinstance(event, NetworkPublished):
            self._network = event.network
        elif isinstance(event, CataloguePublished):
            self._forget(event.key)
            self._chunks[event.key] = event.items
            self._items.update((item.sku, item) for item in event.items)
        elif isinstance(event, PolicyPublished):
            self._policy = event.policy if event.in_force else None
        elif isinstance(event, SteeringPriced):
            self._forget(event.key)
            self._priced[event.key] = event
            self._prices.update(((price.site_id, price.sku), (price.price_minor, event)) for price in event.prices)
            if event.prices and (self._newest is None or event.version >= self._newest.version):
                self._newest = event

    def _forget(self, chunk: str) -> None:
        for item in self._chunks.pop(chunk, ()):
            if self._items.get(item.sku) is item:  # else it has moved to another chunk
                del self._items[item.sku]
        priced = self._priced.pop(chunk, None)
        if priced is not None and priced is self._newest:
            rest = [one for one in self._priced.values() if one.prices]
            self._newest = max(rest, key=lambda one: one.version, default=None)
        for price in priced.prices if priced is not None else ():
            shelf = (price.site_id, price.sku)
            if (held := self._prices.get(shelf)) is not None and held[1] is priced:
                del self._prices[shelf]
