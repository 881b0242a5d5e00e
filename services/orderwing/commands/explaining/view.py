"""A stage's view while it has seen nothing but the reference data: what a decision made again looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from orderwing.allocation.places import Departure, PickingHour
from orderwing.kernel.row import R
from orderwing_schemas.network import Item, Network


class Rules(NamedTuple):
    """Reference data by which a decision is made again."""

    network: Network
    items: Mapping[str, Item]
    steering: Mapping[tuple[str, str], int] | None = None
    policy: None = None

    def item(self, sku: str) -> Item | None:
        return self.items.get(sku)

    def steers(self, now_ms: int) -> bool:
        return self.steering is not None

    def steering_minor(self, site_id: str, sku: str, now_ms: int) -> int:
        return 0 if self.steering is None else self.steering.get((site_id, sku), 0)


class RoomView(NamedTuple):
    """Allocation's, of a part that is new to it.

    What others had booked, as a card tells: `hours`, units by (site, hour since 1970), and of departures that were too
    `full`, parcels by (lane, departure).
    """

    reference: Rules
    hours: Mapping[tuple[str, int], int]
    full: Mapping[tuple[str, int], int]

    def get(self, kind: type[R], key: str) -> R | None:
        if kind is PickingHour:
            return cast("R | None", self._hour(key))
        return cast("R | None", self._departure(key)) if kind is Departure else None

    def _departure(self, key: str) -> Departure | None:
        lane_id, _, when = key.rpartition("|")
        booked = self.full.get((lane_id, int(when)), 0)
        return Departure(lane_id=lane_id, departure_at_ms=int(when), booked=booked) if booked else None

    def _hour(self, key: str) -> PickingHour | None:
        site_id, _, hour = key.rpartition("|")
        booked = self.hours.get((site_id, int(hour)), 0)
        return PickingHour(site_id=site_id, hour=int(hour), booked=booked) if booked else None

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        return iter(())
