"""Named points, refused where their coordinates cannot be meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from orderwing_schemas.domain import Point

_LIMITS = (("latitude", 90.0), ("longitude", 180.0))


class BadPointError(ValueError):
    """A coordinate cannot be meant; the message names the point and the field, as do `point` and `field`."""

    def __init__(self, point: str, field: str, problem: str) -> None:
        super().__init__(f"point {point}: {field} {problem}")
        self.point = point
        self.field = field


@dataclass(frozen=True, slots=True)
class Area:
    """A box in degrees: where a map has roads, or where somebody delivers. It does not span the 180th meridian."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, latitude: float, longitude: float) -> bool:
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


@dataclass(frozen=True, slots=True)
class Places:
    """`degrees` is float64 (n, 2): latitude, longitude, WGS 84. Made by `of`, which checks."""

    ids: tuple[str, ...]
    degrees: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, float, float]], area: Area | None = None) -> Places:
        """From (id, latitude, longitude) in degrees, all within `area` if that is given. Raises BadPointError."""
        listed = list(rows)
        for name, latitude, longitude in listed:
            _check(name, latitude, longitude, area)
        degrees = np.array([row[1:] for row in listed], np.float64).reshape(-1, 2)
        return cls(tuple(row[0] for row in listed), degrees)

    @classmethod
    def at(cls, points: Sequence[Point], area: Area | None = None) -> Places:
        """From points without names: they are called by their position, from 0."""
        return cls.of(((str(n), point.latitude, point.longitude) for n, point in enumerate(points)), area)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, chosen: Sequence[int] | NDArray[np.intp]) -> Places:
        """Some of them, by position."""
        return Places(tuple(self.ids[n] for n in chosen), self.degrees[np.asarray(chosen, np.intp)])


def _check(name: str, latitude: float, longitude: float, area: Area | None) -> None:
    for (field, limit), value in zip(_LIMITS, (latitude, longitude), strict=True):
        if not isfinite(value):
            raise BadPointError(name, field, f"is {value}, not a number of degrees")
        if abs(value) > limit:
            swapped = field == "latitude" and abs(value) <= 180 and abs(longitude) <= 90
            raise BadPointError(name, field, f"{value:g} is beyond ±{limit:g} degrees{_SWAPPED if swapped else ''}")
    if latitude == 0 and longitude == 0:
        raise BadPointError(name, "latitude", "and longitude are both 0, which is in the Atlantic and means not known")
    if area is not None and not area.holds(latitude, longitude):
        inside = area.south <= latitude <= area.north
        field, value = ("longitude", longitude) if inside else ("latitude", latitude)
        low, high = (area.west, area.east) if inside else (area.south, area.north)
        swapped = area.holds(longitude, latitude)
        raise BadPointError(name, field, f"{value:g} is not within {low:g} to {high:g}{_SWAPPED if swapped else ''}")


_SWAPPED = " (latitude and longitude seem to be swapped)"
