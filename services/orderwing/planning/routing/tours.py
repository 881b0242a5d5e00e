"""Plans by index, as searches handle them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.routing.plan import Route, RoutePlan, Trip, left_out, terms_of
from orderwing.planning.routing.problem import BARRED, RoutingProblem


class Tour(NamedTuple):
    """A route: indices of its vehicle, of the depots its trips load at, and of their stops."""

    kind: int
    trips: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def stops(self) -> tuple[int, ...]:
        return self.trips[0][1] if len(self.trips) == 1 else tuple(s for _, stops in self.trips for s in stops)

    def places(self, problem: RoutingProblem) -> list[int]:
        """All it visits, from depot to depot."""
        depots = len(problem.depots)
        visits = [place for depot, stops in self.trips for place in (depot, *(depots + stop for stop in stops))]
        return [*visits, problem.depots.index(problem.vehicles[self.kind].end_depot)]


def tours_of(problem: RoutingProblem, routes: Iterable[Route]) -> list[Tour]:
    index = {stop.stop_id: n for n, stop in enumerate(problem.stops)}
    kind = {vehicle.vehicle_id: n for n, vehicle in enumerate(problem.vehicles)}
    depot = {depot_id: n for n, depot_id in enumerate(problem.depots)}
    return [
        Tour(
            kind[route.vehicle_id],
            tuple((depot[trip.from_depot], tuple(index[stop] for stop in trip.stops)) for trip in route.trips),
        )
        for route in routes
    ]


def wanting(problem: RoutingProblem, tours: Sequence[Tour]) -> list[int]:
    """Stops that must be served, and are not."""
    served = {stop for tour in tours for stop in tour.stops}
    return [n for n, stop in enumerate(problem.stops) if stop.prize is None and n not in served]


def barred(problem: RoutingProblem, tour: Tour) -> list[int]:
    """Stops that the tour's vehicle may not serve."""
    pairs = problem.pair_costs
    return [] if pairs is None else [stop for stop in tour.stops if pairs[tour.kind, stop] == BARRED]


def plan_of(problem: RoutingProblem, tours: Sequence[Tour], duration_cost: int = 0) -> RoutePlan:
    routes = tuple(
        Route(
            problem.vehicles[tour.kind].vehicle_id,
            tuple(
                Trip(problem.depots[depot], tuple(problem.stops[stop].stop_id for stop in stops))
                for depot, stops in tour.trips
            ),
        )
        for tour in tours
    )
    distance = sum(problem.vehicles[tour.kind].metre_cost * metres(problem, tour) for tour in tours)
    left = left_out(problem, routes)
    return RoutePlan(routes, left, terms_of(problem, routes, distance, duration_cost, left))


def metres(problem: RoutingProblem, tour: Tour) -> int:
    places = tour.places(problem)
    return int(problem.metres[places[:-1], places[1:]].sum())


def leg_times(
    problem: RoutingProblem, tour: Tour, places: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """By leg: seconds when it can be begun at the earliest and must be over at the latest, but for release times."""
    vehicle, stops, depots = problem.vehicles[tour.kind], problem.stops, len(problem.depots)
    legs = problem.seconds[places[:-1], places[1:]].tolist()
    leaves, now = [], vehicle.starts_s
    for place, leg in zip(places, legs, strict=False):
        if place >= depots:
            now = max(now, stops[place - depots].opens_s) + stops[place - depots].service_s
        leaves.append(now)
        now += leg
    by, now = [], vehicle.ends_s
    for place, leg in zip(reversed(places), reversed(legs), strict=False):
        if place >= depots:
            now = min(stops[place - depots].closes_s, now - stops[place - depots].service_s)
        by.append(now)
        now -= leg
    return np.array(leaves, dtype=float), np.array(by[::-1], dtype=float)
