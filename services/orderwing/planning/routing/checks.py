"""What is wrong with a plan. Shares no code with what makes plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from orderwing.planning.routing.plan import Left, Route, RoutePlan, Terms
from orderwing.planning.routing.problem import BARRED, RoutingProblem, Stop, Vehicle


def verify(problem: RoutingProblem, plan: RoutePlan) -> list[str]:
    """Complaints; none if the plan is feasible and costs what it says."""
    return [*_attendance(problem, plan), *_vehicles_used(problem, plan), *_of_routes(problem, plan)]


def _attendance(problem: RoutingProblem, plan: RoutePlan) -> Iterator[str]:
    visits = Counter(stop for route in plan.routes for stop in route.stops)
    left = Counter(one.stop_id for one in plan.left)
    stops = {stop.stop_id: stop for stop in problem.stops}
    for stop_id in (visits | left).keys() - stops.keys():
        yield f"There is no stop {stop_id!r}."
    for stop_id, stop in stops.items():
        if visits[stop_id] + left[stop_id] != 1:
            yield f"Stop {stop_id!r} is served {visits[stop_id]} times and left {left[stop_id]} times."
        elif left[stop_id] and stop.prize is None:
            yield f"Stop {stop_id!r} must be served."


def _vehicles_used(problem: RoutingProblem, plan: RoutePlan) -> Iterator[str]:
    used = Counter(route.vehicle_id for route in plan.routes)
    counts = {vehicle.vehicle_id: vehicle.number for vehicle in problem.vehicles}
    for vehicle_id, times in used.items():
        if times > counts.get(vehicle_id, 0):
            yield f"Vehicle {vehicle_id!r} is used {times} times of {counts.get(vehicle_id, 0)}."


def _of_routes(problem: RoutingProblem, plan: RoutePlan) -> Iterator[str]:
    vehicles = {vehicle.vehicle_id: vehicle for vehicle in problem.vehicles}
    places = {stop.stop_id: problem.place(n) for n, stop in enumerate(problem.stops)}
    distance = duration = fixed = pairs = 0
    for n, route in enumerate(plan.routes):
        vehicle = vehicles.get(route.vehicle_id)
        if vehicle is None or not all(stop in places for stop in route.stops):
            return  # told already
        ride = _Ride(problem, vehicle, route, places)
        yield from (f"Route {n + 1} of {route.vehicle_id!r}: {complaint}" for complaint in ride.complaints())
        distance += vehicle.metre_cost * ride.metres()
        duration += vehicle.second_cost * ride.duration_s()
        fixed += vehicle.fixed_cost
        for stop, price in _pairs(problem, vehicle, route):
            pairs += price
            if price == BARRED:
                yield f"Vehicle {route.vehicle_id!r} may not serve {stop!r}."
    terms = Terms(distance, duration, fixed, pairs, _prizes(problem, plan.left))
    if plan.terms != terms:
        yield f"The terms are {terms}, the plan says {plan.terms}."


def _pairs(problem: RoutingProblem, vehicle: Vehicle, route: Route) -> Iterator[tuple[str, int]]:
    if problem.pair_costs is None:
        return
    prices = problem.pair_costs[problem.vehicles.index(vehicle)].tolist()
    price = {stop.stop_id: prices[n] for n, stop in enumerate(problem.stops)}
    yield from ((stop, price[stop]) for stop in route.stops)


def _prizes(problem: RoutingProblem, left: tuple[Left, ...]) -> int:
    prizes = {stop.stop_id: stop.prize or 0 for stop in problem.stops}
    return sum(prizes.get(one.stop_id, 0) for one in left)


class _Ride:
    """A vehicle's route, driven."""

    def __init__(self, problem: RoutingProblem, vehicle: Vehicle, route: Route, places: dict[str, int]) -> None:
        self._problem, self._vehicle, self._route = problem, vehicle, route
        self._stops = {stop.stop_id: stop for stop in problem.stops}
        depot = {depot_id: place for place, depot_id in enumerate(problem.depots)}
        # Of each visit: place, seconds of service, from when and until when it may begin.
        self._visits: list[tuple[int, int, int, int]] = []
        self._unknown = [trip.from_depot for trip in route.trips if trip.from_depot not in depot]
        for trip in route.trips:
            trip_stops = [self._stops[stop] for stop in trip.stops]
            loaded_s = max([vehicle.starts_s, *(stop.released_s for stop in trip_stops)])
            self._visits.append((depot.get(trip.from_depot, 0), 0, loaded_s, vehicle.ends_s))
            self._visits += [(places[s.stop_id], s.service_s, s.opens_s, s.closes_s) for s in trip_stops]
        self._visits.append((depot[vehicle.end_depot], 0, vehicle.starts_s, vehicle.ends_s))

    def complaints(self) -> Iterator[str]:
        yield from (f"there is no depot {depot!r}." for depot in self._unknown)
        yield from self._depot_complaints()
        for n, trip in enumerate(self._route.trips):
            stops = [self._stops[stop] for stop in trip.stops]
            yield from _overloads(n, stops, self._vehicle.capacity)
        yield from self._time_complaints()
        if self.metres() > self._vehicle.max_distance_m:
            yield f"{self.metres()} m are more than {self._vehicle.max_distance_m}."

    def _depot_complaints(self) -> Iterator[str]:
        trips, vehicle = self._route.trips, self._vehicle
        if not trips:
            yield "it has no trip."
            return
        if trips[0].from_depot != vehicle.start_depot:
            yield f"it starts at {trips[0].from_depot!r}."
        if len(trips) - 1 > vehicle.max_reloads:
            yield f"it reloads {len(trips) - 1} times of {vehicle.max_reloads}."
        for trip in trips[1:]:
            if trip.from_depot not in vehicle.reload_depots:
                yield f"it may not reload at {trip.from_depot!r}."

    def _time_complaints(self) -> Iterator[str]:
        now_s = 0
        here = self._visits[0][0]
        for place, service_s, opens_s, closes_s in self._visits:
            now_s = max(now_s + int(self._problem.seconds[here, place]), opens_s)
            if now_s > closes_s:
                yield f"place {place} is reached at {now_s}, after {closes_s}."
                return
            now_s, here = now_s + service_s, place
        if self.duration_s() > self._vehicle.max_duration_s:
            yield f"{self.duration_s()} s are more than {self._vehicle.max_duration_s}."

    def metres(self) -> int:
        return sum(int(self._problem.metres[a[0], b[0]]) for a, b in pairwise(self._visits))

    def duration_s(self) -> int:
        """The least from departure to return: whoever leaves as late as the windows allow waits least."""
        latest_s = self._visits[-1][3]
        for before, after in pairwise(reversed(self._visits)):
            driven_s = int(self._problem.seconds[after[0], before[0]]) + after[1]
            latest_s = min(after[3], latest_s - driven_s)
        start_s = now_s = max(self._visits[0][2], latest_s)
        for before, after in pairwise(self._visits):
            now_s = max(now_s + before[1] + int(self._problem.seconds[before[0], after[0]]), after[2])
        return now_s - start_s


def _overloads(trip: int, stops: list[Stop], capacity: tuple[int, ...]) -> Iterator[str]:
    for n, room in enumerate(capacity):
        load = sum(stop.load[n] for stop in stops)
        if load > room:
            yield f"trip {trip + 1} loads {load} of {room}."
