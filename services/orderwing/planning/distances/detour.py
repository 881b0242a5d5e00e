"""How much longer roads are than straight lines, where engines cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orderwing.planning.distances.haversine import Haversine, great_circle_m
from orderwing.planning.distances.places import Places
from orderwing.planning.distances.port import EngineError, Matrix

_NEAR_M = 100.0  # nearer points say more about which side of the street they are on


@dataclass(frozen=True, slots=True)
class Detour:
    """Road metres a straight metre, and road metres a second; `error` is the mean of |estimate / road - 1|
    where the two were fitted."""

    factor: float
    metres_per_second: float
    error: float | None = None

    def straight(self) -> Haversine:
        return Haversine(self.metres_per_second, self.factor)


def fit(road: Matrix, origins: Places, destinations: Places) -> Detour:
    """The factor and speed at which the sums of all ways are right. Raises EngineError if there is no way at all."""
    straight = great_circle_m(origins.degrees, destinations.degrees)
    used = road.reachable & (straight > _NEAR_M) & (road.seconds > 0)
    if not used.any():
        raise EngineError(f"{road.source} knows no way between points more than {_NEAR_M:g} m apart: choose others.")
    metres, lines = road.metres[used].astype(np.float64), straight[used]
    factor = float(metres.sum() / lines.sum())
    speed = float(metres.sum() / road.seconds[used].sum())
    return Detour(factor, speed, float(np.abs(factor * lines / metres - 1).mean()))
