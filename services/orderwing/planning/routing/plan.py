"""Routes that answer a routing problem, and their cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orderwing.planning.routing.problem import BARRED, RoutingProblem, Stop, Vehicle


class Trip(NamedTuple):
    """Stops between two visits to a depot; `from_depot` is where it loads."""

    from_depot: str
    stops: tuple[str, ...]


class Route(NamedTuple):
    """One vehicle's trips in a row."""

    vehicle_id: str
    trips: tuple[Trip, ...]

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple(stop for trip in self.trips for stop in trip.stops)


class Left(NamedTuple):
    """A stop that nobody serves. `reason`: no_vehicle_may, no_vehicle_carries_it, no_vehicle_in_time, not_worth_it."""

    stop_id: str
    reason: str


class Terms(NamedTuple):
    """Of a plan's cost; it is their sum."""

    distance: int
    duration: int
    fixed: int
    pairs: int
    prizes_left: int

    @property
    def cost(self) -> int:
        return sum(self)


@dataclass(frozen=True, slots=True)
class RoutePlan:
    routes: tuple[Route, ...]
    left: tuple[Left, ...]
    terms: Terms

    @property
    def cost(self) -> int:
        return self.terms.cost


class StartError(ValueError):
    """A plan to start from is none of this problem; the message names the route, vehicle, depot or stop."""


class NoPlanError(RuntimeError):
    """Within the budget, no routes were found that serve every stop that must be served."""


def left_out(problem: RoutingProblem, routes: Iterable[Route]) -> tuple[Left, ...]:
    served = {stop for route in routes for stop in route.stops}
    return tuple(
        Left(stop.stop_id, why_not(problem, n) or "not_worth_it")
        for n, stop in enumerate(problem.stops)
        if stop.stop_id not in served
    )


def terms_of(
    problem: RoutingProblem, routes: Iterable[Route], distance: int, duration: int, left: Iterable[Left]
) -> Terms:
    """The terms that follow from who serves what."""
    kinds = {vehicle.vehicle_id: n for n, vehicle in enumerate(problem.vehicles)}
    index = {stop.stop_id: n for n, stop in enumerate(problem.stops)}
    fixed = pairs = 0
    for route in routes:
        kind = kinds[route.vehicle_id]
        fixed += problem.vehicles[kind].fixed_cost
        if problem.pair_costs is not None:
            pairs += int(problem.pair_costs[kind, [index[stop] for stop in route.stops]].sum())
    prizes = sum(problem.stops[index[one.stop_id]].prize or 0 for one in left)
    return Terms(distance, duration, fixed, pairs, prizes)


def why_not(problem: RoutingProblem, stop: int) -> str | None:
    """Why no vehicle could serve the stop even alone, None if one could."""
    one = problem.stops[stop]
    pairs = problem.pair_costs
    able = [v for n, v in enumerate(problem.vehicles) if pairs is None or pairs[n, stop] != BARRED]
    if not able:
        return "no_vehicle_may"
    able = [v for v in able if all(load <= room for load, room in zip(one.load, v.capacity, strict=True))]
    if not able:
        return "no_vehicle_carries_it"
    return None if any(_alone(problem, one, problem.place(stop), vehicle) for vehicle in able) else "no_vehicle_in_time"


def _alone(problem: RoutingProblem, stop: Stop, place: int, vehicle: Vehicle) -> bool:
    """Whether the vehicle, if it reloads at the best depot, could serve this stop only. Optimistic about trips."""
    for depot, metres, reach_s in _starts(problem, vehicle):
        end = problem.depots.index(vehicle.end_depot)
        out_s, back_s = int(problem.seconds[depot, place]), int(problem.seconds[place, end])
        served_s = max(max(vehicle.starts_s + reach_s, stop.released_s) + out_s, stop.opens_s)
        metres_all = metres + int(problem.metres[depot, place]) + int(problem.metres[place, end])
        in_time = served_s <= stop.closes_s and served_s + stop.service_s + back_s <= vehicle.ends_s
        short = reach_s + out_s + stop.service_s + back_s <= vehicle.max_duration_s
        if in_time and short and metres_all <= vehicle.max_distance_m:
            return True
    return False


def _starts(problem: RoutingProblem, vehicle: Vehicle) -> Iterator[tuple[int, int, int]]:
    """Depots the stop's goods may be loaded at, with metres and seconds to there."""
    start = problem.depots.index(vehicle.start_depot)
    yield start, 0, 0
    if vehicle.max_reloads:
        for depot in map(problem.depots.index, vehicle.reload_depots):
            yield depot, int(problem.metres[start, depot]), int(problem.seconds[start, depot])
