"""The plan that a search starts from: it may be of yesterday's problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from orderwing.planning.routing.plan import Route, RoutePlan, StartError
from orderwing.planning.routing.problem import RoutingProblem
from orderwing.planning.routing.tours import Tour, tours_of


def started(problem: RoutingProblem, start: RoutePlan) -> list[Tour]:
    """Its tours, which need not be drivable any more. Raises StartError where the problem has not what it names."""
    for complaint in _complaints(problem, start.routes):
        raise StartError(f"The plan to start from does not fit: {complaint}.")
    return tours_of(problem, start.routes)


def _complaints(problem: RoutingProblem, routes: Sequence[Route]) -> Iterator[str]:
    vehicles = {vehicle.vehicle_id: vehicle for vehicle in problem.vehicles}
    for n, route in enumerate(routes, 1):
        if not route.trips or not all(trip.stops for trip in route.trips):
            yield f"route {n} of {route.vehicle_id!r} has a trip without stops, or none"
        vehicle = vehicles.get(route.vehicle_id)
        if vehicle is None:
            yield f"there is no vehicle {route.vehicle_id!r}"
            continue
        starts = [trip.from_depot for trip in route.trips]
        if starts[0] != vehicle.start_depot or len(starts) > vehicle.max_reloads + 1:
            yield f"{route.vehicle_id!r} starts at {vehicle.start_depot!r} and reloads {vehicle.max_reloads} times"
        if unknown := set(starts[1:]) - set(vehicle.reload_depots):
            yield f"{route.vehicle_id!r} does not reload at {min(unknown)!r}"
    for vehicle_id, times in Counter(route.vehicle_id for route in routes).items():
        if times > vehicles[vehicle_id].number:
            yield f"vehicle {vehicle_id!r} is used {times} times of {vehicles[vehicle_id].number}"
    known = {stop.stop_id for stop in problem.stops}
    for stop, visits in Counter(stop for route in routes for stop in route.stops).items():
        if stop not in known:
            yield f"there is no stop {stop!r}"
        if visits > 1:
            yield f"stop {stop!r} is visited {visits} times"
