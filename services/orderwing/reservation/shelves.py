"""The shelves that one decision touches in one region: every change of stock goes through here."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orderwing.kernel.view import Draft
from orderwing.reservation import wants
from orderwing.reservation.rows import SHIPPED_TAIL, Held, Shelf
from orderwing_schemas.domain import ShelfLevel
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.topics import STOCK_MOVED


class Shelves:
    """Change shelves, then `publish` once: levels to the log, and what was freed to the orders that wait."""

    def __init__(self, draft: Draft, region: str) -> None:
        self._draft = draft
        self._region = region
        self._before: dict[str, int] = {}
        self._now: dict[str, Shelf] = {}

    def get(self, site_id: str, sku: str) -> Shelf:
        key = f"{site_id}|{sku}"
        shelf = self._now.get(key) or self._draft.get(Shelf, key)
        return shelf if shelf is not None else Shelf(site_id=site_id, sku=sku)

    def atp(self, site_id: str, sku: str) -> int:
        return self.get(site_id, sku).atp

    def put(self, shelf: Shelf) -> None:
        if shelf.on_hand < 0 or shelf.reserved < 0 or shelf.safety < 0:
            raise ValueError(f"shelf {shelf.key} would be negative: {shelf.on_hand}, {shelf.reserved}, {shelf.safety}")
        if shelf.key not in self._before:
            self._before[shelf.key] = self.atp(shelf.site_id, shelf.sku)
        self._now[shelf.key] = shelf
        self._draft.put(shelf)

    def reserve(self, held: Iterable[Held]) -> None:
        """Raises ValueError for what is not there: choosing comes first."""
        for line in held:
            shelf = self.get(line.site_id, line.sku)
            if shelf.atp < line.quantity:
                raise ValueError(f"shelf {shelf.key} has {shelf.atp} units, {line.quantity} were to be held")
            self.put(replace(shelf, reserved=shelf.reserved + line.quantity))

    def release(self, held: Iterable[Held]) -> None:
        for line in held:
            shelf = self.get(line.site_id, line.sku)
            self.put(replace(shelf, reserved=shelf.reserved - line.quantity))

    def swap(self, old: Iterable[Held], new: Iterable[Held]) -> bool:
        """Hold `new` instead of `old` as one change, or change nothing. False where stock is missing."""
        net: dict[tuple[str, str], int] = {}
        for sign, lines in ((-1, old), (1, new)):
            for line in lines:
                place = (line.site_id, line.sku)
                net[place] = net.get(place, 0) + sign * line.quantity
        if any(units > max(0, self.atp(*place)) for place, units in net.items()):
            return False
        for place, units in net.items():
            shelf = self.get(*place)
            self.put(replace(shelf, reserved=shelf.reserved + units))
        return True

    def take(self, site_id: str, sku: str, quantity: int, held: int, number: int | None = None) -> int:
        """`quantity` units are gone, `held` of them reserved; returns how many were never on the books.

        `number` is the site's shipment that took them, None where they were never found.
        """
        shelf = self.get(site_id, sku)
        tail = shelf.shipped
        if number is not None:
            tail = (*tail, (number, quantity))[-SHIPPED_TAIL:]
        on_hand = shelf.on_hand - quantity
        self.put(replace(shelf, on_hand=max(0, on_hand), reserved=shelf.reserved - held, shipped=tail))
        return max(0, -on_hand)

    def publish(self, kind: str, order_id: str | None, exception: str | None = None) -> None:
        """Nothing if no shelf was touched. A shelf that holds more than it has is always an exception on record."""
        if not self._now:
            return
        over = [shelf.key for shelf in self._now.values() if shelf.atp < 0]
        if exception is None and over:
            exception = f"reserved exceeds stock less safety at {over[0]}"
        self._draft.emit(
            STOCK_MOVED,
            StockMoved(
                region=self._region,
                kind=kind,
                order_id=order_id,
                shelves=tuple(level(shelf) for shelf in self._now.values()),
                exception=exception,
            ),
        )
        freed = {shelf.sku: None for key, shelf in self._now.items() if shelf.atp > max(0, self._before[key])}
        self._before.clear()
        self._now.clear()
        for sku in freed:
            wants.offer(self._draft, self._region, sku, self.available(sku))

    def available(self, sku: str) -> int:
        """Units of the region that could be held now."""
        sites = self._draft.network.sites_by_region.get(self._region, ())
        return sum(max(0, self.atp(site.site_id, sku)) for site in sites)

    def seen(self, skus: Iterable[str]) -> tuple[ShelfLevel, ...]:
        """The region's shelves that stock these SKUs."""
        sites = self._draft.network.sites_by_region.get(self._region, ())
        keys = (f"{site.site_id}|{sku}" for sku in dict.fromkeys(skus) for site in sites)
        return tuple(level(shelf) for key in keys if (shelf := self._draft.get(Shelf, key)) is not None)


def level(shelf: Shelf) -> ShelfLevel:
    return ShelfLevel(
        site_id=shelf.site_id, sku=shelf.sku, on_hand=shelf.on_hand, reserved=shelf.reserved, safety=shelf.safety
    )
