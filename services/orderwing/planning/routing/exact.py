"""The best plan of few stops, by dynamic programming over sets of stops (Held and Karp 1962)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from orderwing.planning.routing.plan import Route, RoutePlan, Trip, left_out, terms_of
from orderwing.planning.routing.problem import BARRED, LARGEST, RoutingProblem, Stop, Vehicle

MOST_STOPS = 10
MOST_VEHICLES = 32
_NEVER = 1 << 60


class _Label(NamedTuple):
    """A way through a set of stops: none other ends there as early and as cheaply."""

    cost: int
    ready_s: int
    stops: tuple[int, ...]


Tours = list[tuple[int, tuple[int, ...]]]  # by set of stops: cost of the best tour, and the tour


def solvable(problem: RoutingProblem) -> bool:
    """Whether `exact` knows all that the problem asks: one trip, no limit or price of duration, no release times."""
    plain = all(
        not vehicle.max_reloads
        and not vehicle.second_cost
        and vehicle.max_duration_s == vehicle.max_distance_m == LARGEST
        for vehicle in problem.vehicles
    )
    few = len(problem.stops) <= MOST_STOPS and len(_fleet(problem)) <= MOST_VEHICLES
    return plain and few and not any(stop.released_s for stop in problem.stops)


def _fleet(problem: RoutingProblem) -> list[int]:
    """The kind of each vehicle; of none more than there are stops."""
    most = len(problem.stops)
    return [kind for kind, vehicle in enumerate(problem.vehicles) for _ in range(min(vehicle.number, most))]


def exact(problem: RoutingProblem) -> RoutePlan | None:
    """Of least cost; None if not every stop that must be served can be."""
    if not solvable(problem):
        raise ValueError(
            f"exact: only for {MOST_STOPS} stops and {MOST_VEHICLES} vehicles at most, one trip, no release times and "
            "no limits of duration or distance."
        )
    everyone = (1 << len(problem.stops)) - 1
    fleet = _fleet(problem)
    tours = [_tours(problem, kind) for kind in range(len(problem.vehicles))]
    stages = [_left_costs(problem)]
    choices: list[list[int]] = []
    for kind in fleet:
        costs, chosen = _one_more(stages[-1], tours[kind])
        stages.append(costs)
        choices.append(chosen)
    if stages[-1][everyone] >= _NEVER:
        return None
    return _told(problem, fleet, tours, choices)


def _left_costs(problem: RoutingProblem) -> list[int]:
    """By set of stops: what leaving them costs."""
    costs = [0] * (1 << len(problem.stops))
    for chosen in range(1, len(costs)):
        low = (chosen & -chosen).bit_length() - 1
        prize = problem.stops[low].prize
        costs[chosen] = min(_NEVER, costs[chosen & (chosen - 1)] + (_NEVER if prize is None else prize))
    return costs


def _one_more(before: list[int], tours: Tours) -> tuple[list[int], list[int]]:
    """With one vehicle more, by set of stops: cost, and which of them the vehicle takes."""
    costs, chosen = list(before), [0] * len(before)
    for stops in range(len(before)):
        part = stops
        while part:
            cost = before[stops & ~part] + tours[part][0]
            if cost < costs[stops]:
                costs[stops], chosen[stops] = cost, part
            part = (part - 1) & stops
    return costs, chosen


def _told(problem: RoutingProblem, fleet: list[int], tours: list[Tours], choices: list[list[int]]) -> RoutePlan:
    rest, routes, distance = (1 << len(problem.stops)) - 1, [], 0
    for kind, chosen in zip(reversed(fleet), reversed(choices), strict=True):
        part = chosen[rest]
        if part:
            vehicle, stops = problem.vehicles[kind], tours[kind][part][1]
            ids = tuple(problem.stops[stop].stop_id for stop in stops)
            routes.append(Route(vehicle.vehicle_id, (Trip(vehicle.start_depot, ids),)))
            distance += vehicle.metre_cost * _metres(problem, vehicle, stops)
            rest &= ~part
    left = left_out(problem, routes)
    return RoutePlan(tuple(routes), left, terms_of(problem, routes, distance, 0, left))


def _metres(problem: RoutingProblem, vehicle: Vehicle, stops: tuple[int, ...]) -> int:
    depot = problem.depots.index
    places = [depot(vehicle.start_depot), *map(problem.place, stops), depot(vehicle.end_depot)]
    return int(problem.metres[places[:-1], places[1:]].sum())


def _tours(problem: RoutingProblem, kind: int) -> Tours:
    vehicle = problem.vehicles[kind]
    start, end = problem.depots.index(vehicle.start_depot), problem.depots.index(vehicle.end_depot)
    tours: Tours = [(_NEVER, ())] * (1 << len(problem.stops))
    labels: list[dict[int, list[_Label]]] = [{} for _ in tours]
    labels[0] = {start: [_Label(vehicle.fixed_cost, vehicle.starts_s, ())]}
    for chosen, ends in enumerate(labels):
        for place, label in ((place, label) for place, several in ends.items() for label in several):
            home_s = label.ready_s + int(problem.seconds[place, end])
            cost = label.cost + vehicle.metre_cost * int(problem.metres[place, end])
            if chosen and home_s <= vehicle.ends_s and cost < tours[chosen][0]:
                tours[chosen] = (cost, label.stops)
            for stop, further in _onward(problem, kind, place, label):
                if not chosen >> stop & 1 and _carried(problem, vehicle, further.stops):
                    _keep(labels[chosen | 1 << stop].setdefault(problem.place(stop), []), further)
    return tours


def _onward(problem: RoutingProblem, kind: int, place: int, label: _Label) -> Iterator[tuple[int, _Label]]:
    vehicle = problem.vehicles[kind]
    for n, stop in enumerate(problem.stops):
        pair = 0 if problem.pair_costs is None else int(problem.pair_costs[kind, n])
        there = problem.place(n)
        service_s = max(label.ready_s + int(problem.seconds[place, there]), stop.opens_s)
        if pair != BARRED and service_s <= stop.closes_s:
            cost = label.cost + vehicle.metre_cost * int(problem.metres[place, there]) + pair
            yield n, _Label(cost, service_s + stop.service_s, (*label.stops, n))


def _carried(problem: RoutingProblem, vehicle: Vehicle, stops: tuple[int, ...]) -> bool:
    chosen: list[Stop] = [problem.stops[stop] for stop in stops]
    return all(sum(stop.load[d] for stop in chosen) <= room for d, room in enumerate(vehicle.capacity))


def _keep(labels: list[_Label], label: _Label) -> None:
    if not any(one.cost <= label.cost and one.ready_s <= label.ready_s for one in labels):
        labels[:] = [one for one in labels if one.cost < label.cost or one.ready_s < label.ready_s]
        labels.append(label)
