"""The port that every source of distances answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.places import Places

UNREACHABLE: Final = -1
LARGEST: Final = int(np.iinfo(np.int32).max)
Whole = NDArray[np.int32]


class EngineError(Exception):
    """A routing engine does not answer, or not with what was asked; one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """From each origin (row) to each destination (column), `UNREACHABLE` in both where there is no way.

    `metres` and `seconds` are int32 of the same shape. `source` names who answered. `estimated` is true where a road
    engine was wanted and these are straight lines times a factor instead.
    """

    metres: Whole
    seconds: Whole
    source: str
    estimated: bool = False

    def __iter__(self) -> Iterator[Whole]:
        """So that `metres, seconds = engine.matrix(...)`."""
        yield self.metres
        yield self.seconds

    @property
    def reachable(self) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = self.metres != UNREACHABLE
        return there

    def filled(self, metres: int, seconds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For solvers that know no gaps: int64 copies with these values where there is no way."""
        there = self.reachable
        return np.where(there, self.metres, np.int64(metres)), np.where(there, self.seconds, np.int64(seconds))


class Distances(Protocol):
    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        """Distances and travel times; none of either gives an empty matrix. Raises EngineError."""


class RoadEngine(Distances, Protocol):
    """A source whose answers depend on a map, so that they may be kept until the map changes."""

    @property
    def name(self) -> str:
        """`osrm` or `graphhopper`."""

    @property
    def profile(self) -> str:
        """Of travel, by the engine's own names: `driving`, `car`."""

    def data_version(self) -> str:
        """Of the map and its preparation, as the engine tells it. Raises EngineError."""


def unreachable(rows: int, columns: int) -> Whole:
    """A matrix in which no way is known yet."""
    return np.full((rows, columns), UNREACHABLE, np.int32)


def whole(values: NDArray[np.float64]) -> Whole:
    """Rounded, NaN as `UNREACHABLE`. Raises ValueError where a value is no distance: below 0, or not of int32."""
    rounded = np.rint(values)
    unknown = np.isnan(rounded)
    if not (unknown | ((rounded >= 0) & (rounded <= LARGEST))).all():
        raise ValueError(f"distances and times are from 0 to {LARGEST}")
    return np.where(unknown, UNREACHABLE, rounded).astype(np.int32)
