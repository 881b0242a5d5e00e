"""The baseline, and a bound."""

from __future__ import annotations

import numpy as np

from orderwing.planning.routing.plan import Route, RoutePlan, Trip, left_out, terms_of
from orderwing.planning.routing.problem import BARRED, RoutingProblem

_MUST = 1 << 50  # a prize that no detour outweighs


def greedy(problem: RoutingProblem) -> RoutePlan:
    """Vehicle after vehicle goes on to the stop whose prize most exceeds the way there, as long as it can return.

    The route is cut where it was worth most, and driven if it was worth anything. One trip a vehicle; a duration's
    limit counts from the first departure possible. Stops that must be served may be left: `verify` tells.
    """
    rest = np.ones(len(problem.stops), dtype=bool)
    routes: list[Route] = []
    distance = duration = 0
    for kind, vehicle in enumerate(problem.vehicles):
        for _ in range(vehicle.number):
            one = _Drive(problem, kind, rest)
            stops = one.best()
            if not stops:
                break
            rest[stops] = False
            ids = tuple(problem.stops[stop].stop_id for stop in stops)
            routes.append(Route(vehicle.vehicle_id, (Trip(vehicle.start_depot, ids),)))
            metres, seconds = one.length(stops)
            distance += vehicle.metre_cost * metres
            duration += vehicle.second_cost * seconds
    left = left_out(problem, routes)
    return RoutePlan(tuple(routes), left, terms_of(problem, routes, distance, duration, left))


class _Drive:
    """One vehicle among the stops that are left."""

    def __init__(self, problem: RoutingProblem, kind: int, rest: np.ndarray) -> None:
        self._problem, self._vehicle = problem, problem.vehicles[kind]
        may = rest.copy()
        extra = np.zeros(len(rest), dtype=np.int64)
        if problem.pair_costs is not None:
            extra = problem.pair_costs[kind]
            may &= extra != BARRED
        stops = problem.stops
        self._may = may
        self._worth = np.array([_MUST if s.prize is None else s.prize for s in stops], dtype=np.int64) - extra
        self._opens, self._closes = (np.array([s[i] for s in stops], dtype=np.int64) for i in (3, 4))
        self._service = np.array([s.service_s for s in stops], dtype=np.int64)
        self._released = np.array([s.released_s for s in stops], dtype=np.int64)
        shape = (len(stops), len(self._vehicle.capacity))
        self._load = np.array([s.load for s in stops], dtype=np.int64).reshape(shape)
        self._start = problem.depots.index(self._vehicle.start_depot)
        self._end = problem.depots.index(self._vehicle.end_depot)

    def best(self) -> list[int]:
        vehicle, problem = self._vehicle, self._problem
        depots = len(problem.depots)
        home_m, home_s = problem.metres[depots:, self._end], problem.seconds[depots:, self._end]
        here, now_s, metres, worth = self._start, vehicle.starts_s, 0, -vehicle.fixed_cost
        room, may = np.array(vehicle.capacity), self._may.copy()
        route: list[int] = []
        best, best_length = 0, 0
        while True:
            way = problem.metres[here, depots:]
            starts_s = np.maximum(now_s + problem.seconds[here, depots:], self._opens)
            ends_s = starts_s + self._service + home_s
            open_ = may & (starts_s <= self._closes) & (ends_s <= vehicle.ends_s) & (self._released <= vehicle.starts_s)
            open_ &= (self._load <= room).all(axis=1) & (metres + way + home_m <= vehicle.max_distance_m)
            open_ &= ends_s - vehicle.starts_s <= vehicle.max_duration_s
            if not open_.any():
                return route[:best_length]
            gains = self._worth - vehicle.metre_cost * way - vehicle.second_cost * (starts_s - now_s)
            stop = int(np.where(open_, gains, np.iinfo(np.int64).min).argmax())
            worth += int(gains[stop])
            metres += int(way[stop])
            now_s, here = int(starts_s[stop] + self._service[stop]), depots + stop
            room -= self._load[stop]
            may[stop] = False
            route.append(stop)
            total = worth - vehicle.metre_cost * int(home_m[stop]) - vehicle.second_cost * int(home_s[stop])
            if total > best:
                best, best_length = total, len(route)

    def length(self, stops: list[int]) -> tuple[int, int]:
        """Metres, and the least seconds from departure to return."""
        problem, vehicle = self._problem, self._vehicle
        places = [self._start, *(problem.place(stop) for stop in stops), self._end]
        metres = int(problem.metres[places[:-1], places[1:]].sum())
        latest_s, now_s = vehicle.ends_s, vehicle.starts_s
        for n in range(len(stops) - 1, -1, -1):
            latest_s -= int(problem.seconds[places[n + 1], places[n + 2]]) + int(self._service[stops[n]])
            latest_s = min(latest_s, int(self._closes[stops[n]]))
        start_s = now_s = max(vehicle.starts_s, latest_s - int(problem.seconds[places[0], places[1]]))
        for n, stop in enumerate(stops):
            now_s = max(now_s + int(problem.seconds[places[n], places[n + 1]]), int(self._opens[stop]))
            now_s += int(self._service[stop])
        return metres, now_s + int(problem.seconds[places[-2], places[-1]]) - start_s


def bound(problem: RoutingProblem) -> int:
    """No plan costs less: a stop costs its prize, or half of the cheapest way in and out, and its cheapest pair."""
    ways = problem.metres.astype(float)
    np.fill_diagonal(ways, np.inf)
    depots = len(problem.depots)
    half = (ways.min(axis=0)[depots:] + ways.min(axis=1)[depots:]) * min(_metre_costs(problem)) / 2
    if problem.pair_costs is not None:
        pairs = np.where(problem.pair_costs == BARRED, np.inf, problem.pair_costs)
        half = half + pairs.min(axis=0)
    prizes = np.array([np.inf if stop.prize is None else stop.prize for stop in problem.stops])
    total = np.minimum(half, prizes).sum()
    return int(total) if np.isfinite(total) else 0


def _metre_costs(problem: RoutingProblem) -> list[int]:
    return [vehicle.metre_cost for vehicle in problem.vehicles]
