"""When prices are made again, and for how long they hold."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000
_LISTS = 3  # a list outlives the next two, so that a service that starts again leaves no gap


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Domain time. Prices are made every `every_ms`, and sooner once `orders` more have come."""

    every_ms: int
    orders: int
    half_life_ms: int
    horizon_ms: int

    @property
    def valid_ms(self) -> int:
        return _LISTS * self.every_ms

    def due(self, last: tuple[int, int] | None, now_ms: int, orders: int) -> bool:
        """`last`: when prices were made last, and how many orders had come by then."""
        return last is None or now_ms >= last[0] + self.every_ms or orders >= last[1] + self.orders
