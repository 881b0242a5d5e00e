"""PyVRP behind our problem: the same seed, start and iterations give the cost that PyVRP alone gives.

The only module of the library that imports pyvrp. Wouda, Lan and Kool (2024), INFORMS Journal on Computing 36(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyvrp

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing.plan import NoPlanError, Route, RoutePlan, Trip, left_out, terms_of
from orderwing.planning.routing.problem import BARRED, LARGEST, Matrix, RoutingProblem, Stop, Vehicle

_ENDLESS = int(np.iinfo(np.int64).max)


def plan_plain(problem: RoutingProblem, budget: Budget, seed: int, start: RoutePlan | None = None) -> RoutePlan:
    """As `pyvrp.solve` with its own settings plans it, from `start` if given. Raises NoPlanError."""
    data = as_data(problem)
    warm = None if start is None else as_solution(problem, data, start)
    stop = Stopwatch(Countdown(budget), budget.iterations)
    found = pyvrp.solve(data, stop, seed=seed, collect_stats=False, initial_solution=warm)
    if not found.is_feasible():
        raise NoPlanError("PyVRP found no routes that serve every stop that must be served: allow it more time.")
    return as_plan(problem, found.best)  # what pairs cost is checked there


class Stopwatch:
    """PyVRP's criterion, of our budget. PyVRP asks once before each iteration."""

    def __init__(self, countdown: Countdown, iterations: int | None, until: float = 1.0) -> None:
        self._countdown, self._left, self._until = countdown, iterations, until

    def __call__(self, best_cost: float) -> bool:
        if self._left is not None:
            if self._left == 0:
                return True
            self._left -= 1
        if self._countdown.share() >= self._until:
            return True
        self._countdown.spent += 1
        return False


def as_data(
    problem: RoutingProblem, stops: Sequence[int] | None = None, numbers: Sequence[int] = ()
) -> pyvrp.ProblemData:
    """PyVRP's form of the problem, or of some of its stops with `numbers` of each vehicle (none: all of them)."""
    chosen = range(len(problem.stops)) if stops is None else stops
    depots = len(problem.depots)
    metres, seconds = problem.metres, problem.seconds
    if stops is not None:
        places = np.concatenate((np.arange(depots), np.asarray(stops, dtype=np.int64) + depots))
        same = metres is seconds
        metres = metres[np.ix_(places, places)]
        seconds = metres if same else seconds[np.ix_(places, places)]
    profiles, distances = _profiles(problem, metres, chosen)
    durations: list[Any] = [seconds] * len(distances)  # PyVRP's stubs ask for a shape of type int
    return pyvrp.ProblemData(
        [pyvrp.Location(0, 0) for _ in range(len(metres))],
        [_client(problem.stops[stop], depots + n) for n, stop in enumerate(chosen)],
        [pyvrp.Depot(location=n, name=depot) for n, depot in enumerate(problem.depots)],
        [
            _vehicle(problem, vehicle, numbers[n] if numbers else vehicle.number, profiles[n])
            for n, vehicle in enumerate(problem.vehicles)
        ],
        distances,
        durations,
    )


def _profiles(problem: RoutingProblem, metres: Matrix, stops: Sequence[int]) -> tuple[list[int], list[Any]]:
    """Profile by vehicle, and distances by profile. With costs of pairs, these are costs on the way to their stop."""
    if problem.pair_costs is None:
        return [0] * len(problem.vehicles), [metres]
    profile: dict[tuple[int, bytes], int] = {}
    profiles: list[int] = []
    distances: list[Any] = []
    for vehicle, row in zip(problem.vehicles, problem.pair_costs[:, list(stops)], strict=True):
        key = (vehicle.metre_cost, row.tobytes())
        if key not in profile:
            profile[key] = len(distances)
            costs = metres * vehicle.metre_cost
            costs[:, len(problem.depots) :] += np.where(row == BARRED, LARGEST, row)
            np.fill_diagonal(costs, 0)
            distances.append(costs)
        profiles.append(profile[key])
    return profiles, distances


def _client(stop: Stop, place: int) -> pyvrp.Client:
    return pyvrp.Client(
        location=place,
        delivery=list(stop.load),
        service_duration=stop.service_s,
        tw_early=stop.opens_s,
        tw_late=_limit(stop.closes_s),
        release_time=stop.released_s,
        prize=stop.prize or 0,
        required=stop.prize is None,
    )


def _vehicle(problem: RoutingProblem, vehicle: Vehicle, number: int, profile: int) -> pyvrp.VehicleType:
    depots = problem.depots
    return pyvrp.VehicleType(
        num_available=number,
        capacity=list(vehicle.capacity),
        start_depot=depots.index(vehicle.start_depot),
        end_depot=depots.index(vehicle.end_depot),
        fixed_cost=vehicle.fixed_cost,
        tw_early=vehicle.starts_s,
        tw_late=_limit(vehicle.ends_s),
        shift_duration=_limit(vehicle.max_duration_s),
        max_distance=_limit(vehicle.max_distance_m),
        unit_distance_cost=vehicle.metre_cost if problem.pair_costs is None else 1,
        unit_duration_cost=vehicle.second_cost,
        reload_depots=[depots.index(depot) for depot in vehicle.reload_depots],
        max_reloads=vehicle.max_reloads,
        profile=profile,
        name=vehicle.vehicle_id,
    )


def _limit(value: int) -> int:
    """PyVRP leaves the bookkeeping of a limit out where there is none."""
    return _ENDLESS if value >= LARGEST else value


def as_solution(problem: RoutingProblem, data: pyvrp.ProblemData, plan: RoutePlan) -> pyvrp.Solution:
    """A plan of this problem as a start. Stops the plan does not know are left; they must not be required."""
    index = {stop.stop_id: n for n, stop in enumerate(problem.stops)}
    depot = {depot_id: n for n, depot_id in enumerate(problem.depots)}
    kind = {vehicle.vehicle_id: n for n, vehicle in enumerate(problem.vehicles)}
    routes = []
    for route in plan.routes:
        visits: list[pyvrp.Activity] = []
        for n, trip in enumerate(route.trips):
            if n:
                visits.append(pyvrp.Activity(pyvrp.ActivityType.DEPOT, depot[trip.from_depot]))
            visits += [pyvrp.Activity(pyvrp.ActivityType.CLIENT, index[stop]) for stop in trip.stops]
        routes.append(pyvrp.Route(data, visits, kind[route.vehicle_id]))
    return pyvrp.Solution(data, routes)


def as_plan(problem: RoutingProblem, solution: pyvrp.Solution) -> RoutePlan:
    routes = tuple(_route(problem, route) for route in solution.routes() if route.num_clients())
    left = left_out(problem, routes)
    terms = terms_of(problem, routes, solution.distance_cost(), solution.duration_cost(), left)
    return RoutePlan(routes, left, terms._replace(distance=terms.distance - terms.pairs))


def _route(problem: RoutingProblem, route: pyvrp.Route) -> Route:
    trips: list[tuple[str, list[str]]] = []
    schedule = route.schedule()
    for visit in schedule[:-1]:
        if visit.is_depot():
            trips.append((problem.depots[visit.idx], []))
        else:
            trips[-1][1].append(problem.stops[visit.idx].stop_id)
    vehicle = problem.vehicles[route.vehicle_type()]
    return Route(vehicle.vehicle_id, tuple(Trip(depot, tuple(stops)) for depot, stops in trips))
