"""Sums and differences of order lines."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import asdict
from pydantic import TypeAdapter

from orderwing.planning.sourcing import Line, Pick
from orderwing.reservation.rows import Held, Units
from orderwing.reservation.stock import Shelf
from orderwing_schemas.domain import HeldLine, LineQuantity, Order, ShelfLevel

# All lines at once: half of what it takes to make one model after another.
_TOLD, _HELD, _LEVELS = (
    TypeAdapter(tuple[LineQuantity, ...]),
    TypeAdapter(tuple[HeldLine, ...]),
    TypeAdapter(tuple[ShelfLevel, ...]),
)


def of_order(order: Order) -> tuple[Units, ...]:
    return tuple([Units(line.line_id, line.sku, line.quantity) for line in order.lines])


def of_told(lines: Iterable[Line]) -> tuple[Units, ...]:
    return tuple([Units(line.line_id, line.sku, line.quantity) for line in lines])


def held_of_told(lines: Iterable[HeldLine | Pick]) -> tuple[Held, ...]:
    return tuple([Held(line.line_id, line.sku, line.site_id, line.quantity) for line in lines])


def add(*groups: Iterable[Units | Held]) -> tuple[Units, ...]:
    """Units by line, in the order in which lines are first met."""
    total: dict[tuple[str, str], int] = {}
    for group in groups:
        for line in group:
            place = (line.line_id, line.sku)
            total[place] = total.get(place, 0) + line.quantity
    return tuple([Units(line_id, sku, quantity) for (line_id, sku), quantity in total.items()])


def less(lines: Iterable[Units | Held], taken: Iterable[Units | Held]) -> tuple[Units, ...]:
    """What remains of `lines`; never below nought."""
    gone = {(line.line_id, line.sku): line.quantity for line in add(taken)}
    remains = (Units(u.line_id, u.sku, u.quantity - gone.get((u.line_id, u.sku), 0)) for u in add(lines))
    return tuple(line for line in remains if line.quantity > 0)


def merge(held: Iterable[Held]) -> tuple[Held, ...]:
    """One entry for each line and shelf."""
    total: dict[tuple[str, str, str], int] = {}
    for line in held:
        place = (line.line_id, line.sku, line.site_id)
        total[place] = total.get(place, 0) + line.quantity
    return tuple([Held(*place, quantity) for place, quantity in total.items()])


def minus(held: Iterable[Held], gone: Iterable[Held]) -> tuple[Held, ...]:
    """What remains on each shelf."""
    left = {(line.line_id, line.sku, line.site_id): line.quantity for line in merge(held)}
    for line in gone:
        left[line.line_id, line.sku, line.site_id] -= line.quantity
    return tuple([Held(*place, quantity) for place, quantity in left.items() if quantity > 0])


def told(lines: Iterable[Units]) -> tuple[LineQuantity, ...]:
    return _TOLD.validate_python([asdict(line) for line in lines])


def held_told(lines: Iterable[Held]) -> tuple[HeldLine, ...]:
    return _HELD.validate_python([asdict(line) for line in lines])


def levels(shelves: Iterable[Shelf]) -> tuple[ShelfLevel, ...]:
    return _LEVELS.validate_python(
        [
            {
                "site_id": shelf.site_id,
                "sku": shelf.sku,
                "on_hand": shelf.on_hand,
                "reserved": shelf.reserved,
                "safety": shelf.safety,
            }
            for shelf in shelves
        ]
    )
