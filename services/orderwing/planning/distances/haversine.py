"""Great-circle distances, which need no engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, pi

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.places import Places
from orderwing.planning.distances.port import LARGEST, Matrix

EARTH_RADIUS_M = 6_371_008.8
_HALFWAY_M = pi * EARTH_RADIUS_M
_BLOCK = 8_192  # pairs at once: two arrays of them stay in a core's own cache
Degrees = NDArray[np.float64]


def great_circle_m(origins: Degrees, destinations: Degrees) -> NDArray[np.float64]:
    """Metres (rows, columns) between (n, 2) degrees."""
    metres = np.empty((len(origins), len(destinations)))
    for rows, block in _blocks(origins, destinations):
        metres[rows] = block
    return metres


def pairwise_m(some: Degrees, others: Degrees) -> NDArray[np.float64]:
    """Metres (n,) from each to the one at the same place of `others`."""
    chords = np.linalg.norm(_unit_vectors(some) - _unit_vectors(others), axis=0)
    metres: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(chords / 2, 1.0))
    return metres


def _blocks(origins: Degrees, destinations: Degrees) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Some rows after others, in an array that is used again: 2 R asin(c / 2) of the chord c between unit vectors.

    The chord is taken from differences. From the dot product, sqrt(2 - 2 u·v), it would lose all digits near zero.
    """
    (x, y, z), end = _unit_vectors(origins)[..., None], _unit_vectors(destinations)
    height = max(1, _BLOCK // max(1, len(destinations)))
    metres, step = np.empty((2, min(height, len(origins)), len(destinations)))
    for first in range(0, len(origins), height):
        rows = slice(first, min(first + height, len(origins)))
        found, one = metres[: rows.stop - first], step[: rows.stop - first]
        np.subtract(x[rows], end[0], out=found)
        found *= found
        for start, axis in ((y, end[1]), (z, end[2])):
            np.subtract(start[rows], axis, out=one)
            one *= one
            found += one
        np.sqrt(found, out=found)
        found *= 0.5
        np.minimum(found, 1.0, out=found)  # of antipodes it may be a rounding more
        np.arcsin(found, out=found)
        found *= 2 * EARTH_RADIUS_M
        yield rows, found


def _unit_vectors(degrees: Degrees) -> NDArray[np.float64]:
    latitude, longitude = np.radians(degrees).T
    ring = np.cos(latitude)
    return np.stack([ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)])


@dataclass(frozen=True, slots=True)
class Haversine:
    """Straight lines times `factor`, at a constant speed."""

    metres_per_second: float
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError where half of the Earth would be more metres or seconds than a matrix holds."""
        if not 0 < self.metres_per_second < inf or not 0 < self.factor * _HALFWAY_M <= LARGEST:
            raise ValueError(f"Haversine: no speed of {self.metres_per_second} m/s with a factor of {self.factor}.")
        if self.factor * _HALFWAY_M / self.metres_per_second > LARGEST:
            raise ValueError(f"Haversine: {self.metres_per_second} m/s is too slow for a factor of {self.factor}.")

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        shape = (len(origins), len(destinations))
        metres, seconds = np.empty(shape, np.int32), np.empty(shape, np.int32)
        pace = 1 / self.metres_per_second
        for rows, block in _blocks(origins.degrees, destinations.degrees):
            np.multiply(block, self.factor, out=block)
            metres[rows] = np.rint(block)
            np.multiply(block, pace, out=block)
            seconds[rows] = np.rint(block, out=block)
        return Matrix(metres, seconds, "haversine")
