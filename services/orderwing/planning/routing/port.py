"""PyVRP behind our problem, or a part of it.

The only module of the library that imports pyvrp. Wouda, Lan and Kool (2024), INFORMS Journal on Computing 36(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyvrp
from pyvrp import search

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing.plan import NoPlanError, RoutePlan, why_not
from orderwing.planning.routing.problem import BARRED, LARGEST, Matrix, RoutingProblem, Stop, Vehicle
from orderwing.planning.routing.start import started
from orderwing.planning.routing.tours import Tour, barred, plan_of, wanting

_ENDLESS = int(np.iinfo(np.int64).max)
_BARRED_COST = 2 * LARGEST  # above every prize


class Part(NamedTuple):
    """Some stops of a problem, and of each vehicle a number."""

    stops: Sequence[int]
    numbers: Sequence[int]


class Tuning(NamedTuple):
    """Of PyVRP's iterated local search: granular neighbours, perturbations at most, history of late acceptance.

    `descends`: a part's tours first go down to where no single move helps, from all stops at once.
    """

    neighbours: int = 40
    perturbed: int = 20
    history: int = 100
    descends: bool = False


class Stopwatch:
    """PyVRP's criterion: our budget up to a share of it, and `iterations`. Asked once before each iteration."""

    def __init__(self, countdown: Countdown, iterations: int | None = None, until: float = 1.0) -> None:
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


def plan_plain(problem: RoutingProblem, budget: Budget, seed: int, start: RoutePlan | None = None) -> RoutePlan:
    """As `pyvrp.solve` with its own settings plans it, from `start` if given: same seed and iterations, same cost.

    Raises NoPlanError, and StartError where the start does not name what the problem has.
    """
    part = everything(problem)
    data = as_data(problem, part)
    warm = None if start is None else _as_solution(data, part, started(problem, start))
    stop = Stopwatch(Countdown(budget))
    found = pyvrp.solve(data, stop, seed=seed, collect_stats=False, initial_solution=warm)
    if not found.is_feasible():
        raise NoPlanError("PyVRP found no routes that serve every stop that must be served: allow it more time.")
    return as_plan(problem, _as_tours(part, found.best))


def as_plan(problem: RoutingProblem, tours: Sequence[Tour]) -> RoutePlan:
    """Raises NoPlanError if a stop is left that must be served, or goes with a vehicle that may not."""
    for stop in sorted(set(wanting(problem, tours)).union(*(barred(problem, tour) for tour in tours))):
        raise NoPlanError(
            f"No routes were found that serve stop {problem.stops[stop].stop_id!r} as they must "
            f"({why_not(problem, stop) or 'allow more time'})."
        )
    if not any(vehicle.second_cost for vehicle in problem.vehicles):
        return plan_of(problem, tours)
    part = everything(problem)
    return plan_of(problem, tours, _as_solution(as_data(problem, part), part, tours).duration_cost())


def drivable(problem: RoutingProblem, tour: Tour) -> bool:
    """Whether it keeps to the limits of its vehicle and stops."""
    part = Part(tour.stops, [int(kind == tour.kind) for kind in range(len(problem.vehicles))])
    (route,) = _as_solution(as_data(problem, part), part, [tour]).routes()
    return bool(route.is_feasible()) and not barred(problem, tour)


class PartSearch:
    """PyVRP's iterated local search over one part after the other. Penalties carry over.

    They start at what an excess is worth. PyVRP starts them at half of its largest, 50,000 a unit: then it sees
    feasible solutions only until some forty thousand iterations have brought them down.
    """

    def __init__(self, problem: RoutingProblem, seed: int) -> None:
        self._problem = problem
        self._rng = pyvrp.RandomNumberGenerator(seed)
        loads, second, metre = _worth(problem)
        params = pyvrp.PenaltyParams(solutions_between_updates=100)
        self._penalties = pyvrp.PenaltyManager((loads, second, metre), params)

    def build(self, part: Part, tuning: Tuning, stop: Stopwatch) -> list[Tour] | None:
        """From random routes of all stops, which the search then leaves where they do not pay; None if infeasible."""
        data = as_data(self._problem, part)
        local = self._local_search(data, tuning)
        start = local(
            pyvrp.Solution.make_random(data, self._rng), self._penalties.max_cost_evaluator(), exhaustive=True
        )
        found = self._run(data, local, start, tuning, stop)
        return _as_tours(part, found.best) if found.is_feasible() else None

    def improve(
        self, part: Part, tours: Sequence[Tour], tuning: Tuning, stop: Stopwatch
    ) -> tuple[list[Tour], int] | None:
        """Better tours of the part, and by how much; None if none were found."""
        data = as_data(self._problem, part)
        start = _as_solution(data, part, tours)
        before = self._penalties.cost_evaluator().cost(start)
        local = self._local_search(data, tuning)
        if tuning.descends:
            start = self._descended(local, start)
        found = self._run(data, local, start, tuning, stop)
        if not found.is_feasible() or found.cost() >= before:
            return None
        return _as_tours(part, found.best), before - int(found.cost())

    def _descended(self, local: search.LocalSearch, start: pyvrp.Solution) -> pyvrp.Solution:
        """Where single moves lead from the start, allowed ones only; the start itself if that is no better."""
        costs = self._penalties.max_cost_evaluator()
        found = local(start, costs, exhaustive=True)
        return found if found.is_feasible() and costs.cost(found) < costs.cost(start) else start

    def _local_search(self, data: pyvrp.ProblemData, tuning: Tuning) -> search.LocalSearch:
        near = search.compute_neighbours(data, search.NeighbourhoodParams(num_neighbours=tuning.neighbours))
        shake = search.PerturbationManager(search.PerturbationParams(1, tuning.perturbed))
        local = search.LocalSearch(data, self._rng, near, shake)
        for operator in search.OPERATORS:
            if operator.supports(data):
                local.add_operator(operator(data))
        return local

    def _run(
        self,
        data: pyvrp.ProblemData,
        local: search.LocalSearch,
        start: pyvrp.Solution,
        tuning: Tuning,
        stop: Stopwatch,
    ) -> pyvrp.Result:
        params = pyvrp.IteratedLocalSearchParams(history_length=tuning.history)
        return pyvrp.IteratedLocalSearch(data, self._penalties, local, start, params).run(stop, collect_stats=False)


def _worth(problem: RoutingProblem) -> tuple[list[float], float, float]:
    """Penalties of a unit of load by dimension, of a second and of a metre."""
    metre = float(np.mean([vehicle.metre_cost for vehicle in problem.vehicles]))
    speed = float(problem.metres.mean()) / max(1.0, float(problem.seconds.mean()))
    second = 5 * speed * metre + float(np.mean([vehicle.second_cost for vehicle in problem.vehicles]))
    prizes = [stop.prize for stop in problem.stops if stop.prize is not None]
    value = float(np.mean(prizes)) if prizes else float(problem.metres.mean()) * metre
    size = (len(problem.stops), len(problem.vehicles[0].capacity))
    loads = np.array([stop.load for stop in problem.stops], dtype=float).reshape(size).sum(axis=0) / max(1, size[0])
    return [2 * value / max(1.0, load) for load in loads], second, 5 * metre


def everything(problem: RoutingProblem) -> Part:
    return Part(range(len(problem.stops)), [vehicle.number for vehicle in problem.vehicles])


def as_data(problem: RoutingProblem, part: Part) -> pyvrp.ProblemData:
    """PyVRP's form of the part: its stops and the vehicles it has, by their order there."""
    depots = len(problem.depots)
    metres, seconds = problem.metres, problem.seconds
    if part.stops != range(len(problem.stops)):
        places = np.concatenate((np.arange(depots), np.asarray(part.stops, dtype=np.int64) + depots))
        same = metres is seconds
        metres = metres[np.ix_(places, places)]
        seconds = metres if same else seconds[np.ix_(places, places)]
    kinds = [n for n, number in enumerate(part.numbers) if number]
    profiles, distances = _profiles(problem, part, kinds, metres)
    durations: list[Any] = [seconds] * len(distances)
    return pyvrp.ProblemData(
        [pyvrp.Location(0, 0)] * len(metres),
        [_client(problem.stops[stop], depots + n) for n, stop in enumerate(part.stops)],
        [pyvrp.Depot(location=n, name=depot) for n, depot in enumerate(problem.depots)],
        [
            _vehicle(problem, problem.vehicles[kind], part.numbers[kind], profile)
            for kind, profile in zip(kinds, profiles, strict=True)
        ],
        distances,
        durations,
    )


def _profiles(
    problem: RoutingProblem, part: Part, kinds: Sequence[int], metres: Matrix
) -> tuple[list[int], list[Any]]:  # PyVRP's stubs ask for a shape of type int
    """Profile by vehicle, and distances by profile. With costs of pairs, these are costs on the way to their stop."""
    if problem.pair_costs is None:
        return [0] * len(kinds), [metres]
    known: dict[tuple[int, bytes], int] = {}
    profiles: list[int] = []
    distances: list[Any] = []
    for kind in kinds:
        row = problem.pair_costs[kind, list(part.stops)]
        metre_cost = problem.vehicles[kind].metre_cost
        key = (metre_cost, row.tobytes())
        if key not in known:
            known[key] = len(distances)
            costs = metres * metre_cost
            costs[:, len(problem.depots) :] += np.where(row == BARRED, _BARRED_COST, row)
            np.fill_diagonal(costs, 0)
            distances.append(costs)
        profiles.append(known[key])
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


def _as_solution(data: pyvrp.ProblemData, part: Part, tours: Sequence[Tour]) -> pyvrp.Solution:
    index = {stop: n for n, stop in enumerate(part.stops)}
    kinds = [n for n, number in enumerate(part.numbers) if number]
    routes = []
    for tour in tours:
        visits: list[pyvrp.Activity] = []
        for n, (depot, stops) in enumerate(tour.trips):
            if n:
                visits.append(pyvrp.Activity(pyvrp.ActivityType.DEPOT, depot))
            visits += [pyvrp.Activity(pyvrp.ActivityType.CLIENT, index[stop]) for stop in stops]
        routes.append(pyvrp.Route(data, visits, kinds.index(tour.kind)))
    return pyvrp.Solution(data, routes)


def _as_tours(part: Part, solution: pyvrp.Solution) -> list[Tour]:
    kinds = [n for n, number in enumerate(part.numbers) if number]
    return [_as_tour(part, kinds, route) for route in solution.routes() if route.num_clients()]


def _as_tour(part: Part, kinds: Sequence[int], route: pyvrp.Route) -> Tour:
    trips: list[tuple[int, list[int]]] = []
    for visit in route.schedule()[:-1]:
        if visit.is_depot():
            trips.append((visit.idx, []))
        else:
            trips[-1][1].append(part.stops[visit.idx])
    return Tour(kinds[route.vehicle_type()], tuple((depot, tuple(stops)) for depot, stops in trips))
