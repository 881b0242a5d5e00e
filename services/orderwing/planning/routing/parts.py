"""Which part of a problem to search next: some neighbouring routes, and the stops left that might pay there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.routing.problem import LARGEST, RoutingProblem
from orderwing.planning.routing.tours import Tour, leg_times

_NEAREST = 5  # of a route's stops, which tell how near it is
_NOISE = 0.3  # of distances and gains, so that parts differ
ROUTES_SHARE = 0.8  # of a part's size that routes may fill
_LEAST_ROUTES_SHARE = 0.5  # where few stops are served
_SPARE = 3  # vehicles of a kind that a part may add
_FIRST = 1e12  # a gain above all others
_LATE_COST = 0.3  # a second of lateness, in metres


class Parts:
    """Draws parts of one problem."""

    def __init__(self, problem: RoutingProblem, seed: int) -> None:
        self._problem = problem
        self._draw = np.random.default_rng(seed)
        stops = problem.stops
        self._depots = len(problem.depots)
        self._prize = np.array([stop.prize or 0 for stop in stops], dtype=float)
        self._opens = np.array([stop.opens_s for stop in stops], dtype=float)
        self._closes = np.array([stop.closes_s for stop in stops], dtype=float)
        self._service = np.array([stop.service_s for stop in stops], dtype=float)
        self._detours: dict[Tour, NDArray[np.float64]] = {}
        self._metre_cost = min(vehicle.metre_cost for vehicle in problem.vehicles)

    def any_stop(self) -> int:
        return int(self._draw.integers(len(self._problem.stops)))

    def routes_share(self, tours: Sequence[Tour]) -> float:
        """Of a part that routes may fill: that of all stops which they serve, within limits."""
        served = sum(len(tour.stops) for tour in tours) / len(self._prize)
        return min(max(served, _LEAST_ROUTES_SHARE), ROUTES_SHARE)

    def around(
        self, stop: int, tours: Sequence[Tour], size: int, share: float, wanted: Sequence[int] = ()
    ) -> tuple[list[int], list[int]]:
        """Tours near the stop that fill a `share`, and stops that are left, the `wanted` first: `size` stops or so."""
        taken: list[int] = []
        count = 0
        for n in np.argsort(self._distances(stop, tours), kind="stable"):
            if taken and count + len(tours[n].stops) > size * share:
                break
            taken.append(int(n))
            count += len(tours[n].stops)
        near, most = [tours[n] for n in taken], max(size - count, size // 10)
        return taken, self._left(near, tours, most, [stop, *wanted])

    def promising(self, stops: Sequence[int], tours: Sequence[Tour]) -> list[int]:
        """The stops, those first whose prize most exceeds their cheapest detour."""
        gains = self._gains(tours, np.array(stops, dtype=np.int64))
        return [stops[n] for n in np.argsort(-gains, kind="stable")]

    def _distances(self, stop: int, tours: Sequence[Tour]) -> NDArray[np.float64]:
        way = self._problem.metres[self._depots + stop]
        near = [np.partition(one, min(_NEAREST, len(one)) - 1)[:_NEAREST].mean() for one in self._ways(way, tours)]
        return np.array(near) * (1 + _NOISE * self._draw.standard_normal(len(near)))

    def _ways(self, way: NDArray[np.int64], tours: Sequence[Tour]) -> list[NDArray[np.int64]]:
        return [way[self._depots + np.array(tour.stops)] for tour in tours]

    def _left(self, near: Sequence[Tour], tours: Sequence[Tour], most: int, wanted: Sequence[int]) -> list[int]:
        """Of the stops nobody serves, `most` whose prize most exceeds the cheapest detour of `near`."""
        served = np.zeros(len(self._prize), dtype=bool)
        for tour in tours:
            served[list(tour.stops)] = True
        rest = np.flatnonzero(~served)
        if len(rest) <= most or not near:
            return [int(stop) for stop in rest[:most]]
        gains = self._gains(near, rest)
        gains += self._draw.gumbel(size=len(rest)) * _NOISE * (gains.std() + 1)
        gains[np.isin(rest, wanted) & (gains > -self._prize[rest])] += _FIRST
        return [int(stop) for stop in rest[np.argpartition(-gains, most - 1)[:most]]]

    def _gains(self, tours: Sequence[Tour], stops: NDArray[np.int64]) -> NDArray[np.float64]:
        """What each stop's prize exceeds its cheapest detour by. Detours are kept as long as their tours are in use."""
        for tour in tours:
            if tour not in self._detours:
                self._detours[tour] = self._detours_of(tour)
        cheapest = np.min([self._detours[tour][stops] for tour in tours], axis=0, initial=float(LARGEST))
        gains: NDArray[np.float64] = self._prize[stops] - cheapest * self._metre_cost
        return gains

    def forget(self, tours: Sequence[Tour]) -> None:
        """These are no longer in use."""
        for tour in tours:
            self._detours.pop(tour, None)

    def _detours_of(self, tour: Tour) -> NDArray[np.float64]:
        """Metres that each stop of the problem adds where it fits best; lateness counts as metres."""
        places = tour.places(self._problem)
        before, after = places[:-1], places[1:]
        metres, seconds = self._problem.metres, self._problem.seconds
        out, back = metres[before, self._depots :], metres[self._depots :, after].T
        detour = out + back - metres[before, after][:, None]
        if seconds is not metres:
            out, back = seconds[before, self._depots :], seconds[self._depots :, after].T
        leaves, by = leg_times(self._problem, tour, places)
        arrives = np.maximum(leaves[:, None] + out, self._opens)
        late = np.maximum(arrives - self._closes, 0)
        late += np.maximum(arrives + self._service + back - by[:, None], 0)
        best: NDArray[np.float64] = (detour + _LATE_COST * late).min(axis=0)
        return best

    def wedges(self, count: int) -> list[list[int]]:
        """All stops in `count` equal parts, by their direction from the first depot."""
        at = _embedded(self._problem.metres)
        from_depot = at[self._depots :] - at[0]
        angle = np.arctan2(from_depot[:, 1], from_depot[:, 0])
        order = np.argsort((angle + self._draw.uniform(0, 2 * np.pi)) % (2 * np.pi), kind="stable")
        return [[int(stop) for stop in part] for part in np.array_split(order, count)]

    def numbers(self, taken: Sequence[Tour], tours: Sequence[Tour]) -> list[int]:
        """Vehicles of each kind for a part: those its tours use, and some that nobody does."""
        used, mine = [0] * len(self._problem.vehicles), [0] * len(self._problem.vehicles)
        for tour in tours:
            used[tour.kind] += 1
        for tour in taken:
            mine[tour.kind] += 1
        vehicles = enumerate(self._problem.vehicles)
        return [mine[n] + min(_SPARE, vehicle.number - used[n]) for n, vehicle in vehicles]


def _embedded(metres: NDArray[np.int64], landmarks: int = 30) -> NDArray[np.float64]:
    """Places in the plane, as far apart as the matrix says, nearly: landmark scaling (de Silva, Tenenbaum 2004)."""
    both = ((metres + metres.T) / 2.0) ** 2
    chosen = [0]
    nearest = both[0]
    while len(chosen) < min(landmarks, len(both)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, both[chosen[-1]])
    core = both[np.ix_(chosen, chosen)]
    mean = core.mean(axis=0)
    gram = -0.5 * (core - mean[:, None] - mean[None] + core.mean())
    values, vectors = np.linalg.eigh(gram)
    axes = vectors[:, -2:] / np.sqrt(np.maximum(values[-2:], 1.0))
    plane: NDArray[np.float64] = -0.5 * (both[:, chosen] - mean) @ axes
    return plane
