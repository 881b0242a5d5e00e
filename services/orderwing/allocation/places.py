"""Places whose capacity is in use: hours of picking at a site, departures of a lane."""

from __future__ import annotations

from orderwing.kernel.row import Row


class PickingHour(Row, frozen=True, kw_only=True):
    """Units that a site picks in an hour (since 1970). Dropped when nothing is booked, or an hour after its end."""

    site_id: str
    hour: int
    booked: int

    @property
    def key(self) -> str:
        return f"{self.site_id}|{self.hour}"


class Departure(Row, frozen=True, kw_only=True):
    """Parcels on a departure of a lane. Dropped when nothing is booked, or an hour after it left."""

    lane_id: str
    departure_at_ms: int
    booked: int

    @property
    def key(self) -> str:
        return f"{self.lane_id}|{self.departure_at_ms}"
