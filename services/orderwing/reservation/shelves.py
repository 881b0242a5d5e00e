"""The shelves that one decision touches in one region: every change of stock goes through here."""

from __future__ import annotations

from collections.abc import Container, Iterable

from msgspec.structs import replace

from orderwing.kernel.view import Draft
from orderwing.reservation import telling, units, wants
from orderwing.reservation.rows import Held
from orderwing.reservation.stock import Shelf
from orderwing_schemas.domain import Available
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.topics import STOCK_MOVED


class Shelves:
    """Change shelves, then `publish` once: levels to the log, and what was freed to the orders that wait."""

    def __init__(self, draft: Draft, region: str) -> None:
        self._draft = draft
        self._region = region
        self._read: dict[tuple[str, str], Shelf] = {}  # sourcing asks for the same shelves again and again
        self._before: dict[tuple[str, str], int] = {}  # ATP of those that have changed

    def get(self, site_id: str, sku: str) -> Shelf:
        """An empty shelf where there is none."""
        return self._read.get((site_id, sku)) or self._load(site_id, sku)

    def atp(self, site_id: str, sku: str) -> int:
        shelf = self._read.get((site_id, sku)) or self._load(site_id, sku)
        return shelf.on_hand - shelf.reserved - shelf.safety

    def put(self, shelf: Shelf) -> None:
        if shelf.on_hand < 0 or shelf.reserved < 0 or shelf.safety < 0:
            raise ValueError(f"shelf {shelf.key} would be negative: {shelf.on_hand}, {shelf.reserved}, {shelf.safety}")
        place = (shelf.site_id, shelf.sku)
        if place not in self._before:
            self._before[place] = self.atp(*place)
        self._read[place] = shelf
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
        if any(change > max(0, self.atp(*place)) for place, change in net.items()):
            return False
        for place, change in net.items():
            shelf = self.get(*place)
            self.put(replace(shelf, reserved=shelf.reserved + change))
        return True

    def take(self, site_id: str, sku: str, quantity: int, held: int) -> int:
        """`quantity` units are gone, `held` of them reserved; returns how many were never on the books."""
        shelf = self.get(site_id, sku)
        on_hand = shelf.on_hand - quantity
        self.put(replace(shelf, on_hand=max(0, on_hand), reserved=shelf.reserved - held))
        return max(0, -on_hand)

    def publish(self, kind: str, order_id: str | None, exception: str | None = None) -> None:
        """Nothing if no shelf was touched. A shelf that holds more than it has is always an exception on record."""
        if not self._before:
            return
        changes = [(self._read[place], before) for place, before in self._before.items()]
        over = [shelf.key for shelf, _ in changes if shelf.atp < 0]
        if exception is None and over:
            exception = f"reserved exceeds stock less safety at {over[0]}"
        self._draft.emit(
            STOCK_MOVED,
            StockMoved(
                region=self._region,
                kind=kind,
                order_id=order_id,
                shelves=units.levels([shelf for shelf, _ in changes]),
                exception=exception,
            ),
        )
        telling.note(self._draft, self._region, changes)
        freed = {shelf.sku: None for shelf, before in changes if shelf.atp > max(0, before)}
        self._before.clear()
        for sku in freed:
            wants.offer(self._draft, self._region, sku, self.available(sku))

    def available(self, sku: str) -> int:
        """Units of the region that could be held now."""
        sites = self._draft.network.sites_by_region.get(self._region, ())
        return sum(max(0, self.atp(site.site_id, sku)) for site in sites)

    def seen(self, skus: Iterable[str], barred: Container[str] = ()) -> tuple[Available, ...]:
        """What the region's shelves that stock these SKUs have to give, but for those of sites that are barred."""
        sites = self._draft.network.sites_by_region.get(self._region, ())
        places = [site.site_id for site in sites if site.site_id not in barred]
        read, load, seen = self._read.get, self._load, list[Available]()
        for sku in dict.fromkeys(skus):
            for site_id in places:
                shelf = read((site_id, sku)) or load(site_id, sku)
                if shelf.on_hand or shelf.reserved:
                    seen.append((site_id, sku, shelf.on_hand - shelf.reserved - shelf.safety))
        return tuple(seen)

    def _load(self, site_id: str, sku: str) -> Shelf:
        known = self._draft.get(Shelf, f"{site_id}|{sku}")
        shelf = self._read[site_id, sku] = known if known is not None else Shelf(site_id=site_id, sku=sku)
        return shelf
