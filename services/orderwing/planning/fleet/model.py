"""The problem as a model of OR-Tools' routing library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
from ortools.constraint_solver import pywrapcp
from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

from orderwing.planning.fleet.answer import Routes, Score
from orderwing.planning.fleet.eligibility import Eligibility
from orderwing.planning.fleet.goals import Stage
from orderwing.planning.fleet.problem import UNREACHABLE

Met = Callable[[Routes], None]
_NEAR = 1.01  # the cost of solutions whose routes are told, over the best


class Start(Enum):
    """How the solver makes a start of its own."""

    NEAREST = FirstSolutionStrategy.PATH_CHEAPEST_ARC
    INSERTION = FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one search; at least one is given. `solutions`: local optima looked at, which makes it reproducible."""

    seconds: float | None
    solutions: int | None


class Model:
    """One stage of the search. Node i is the order `nodes[i]`; behind the orders come the depots."""

    def __init__(self, able: Eligibility, stage: Stage, reached: Score | None, seed: int) -> None:
        """`reached`: what earlier stages have; its goals before `stage.first` must be kept."""
        self._able, self._problem, self._stage = able, able.problem, stage
        self._nodes = list(able.servable)
        Random(seed).shuffle(self._nodes)  # the solver itself has no randomness: it takes turns by number
        drivers = self._problem.drivers
        # A depot that nobody leaves or returns to would be one more place to visit.
        self._depots = sorted({depot for driver in drivers for depot in (driver.start, driver.end)})
        depots = {depot: len(self._nodes) + n for n, depot in enumerate(self._depots)}
        self._manager = pywrapcp.RoutingIndexManager(
            len(self._nodes) + len(depots),
            len(drivers),
            [depots[driver.start] for driver in drivers],
            [depots[driver.end] for driver in drivers],
        )
        self._routing = pywrapcp.RoutingModel(self._manager)
        self._solver = self._routing.solver()
        self._index = [self._manager.NodeToIndex(node) for node in range(len(self._nodes))]
        self._short: list[Any] = []
        self._distances()
        self._times()
        self._loads()
        self._choices(stage, reached)
        if reached is not None:
            self._keep(stage, reached)

    def solve(self, start: Routes | Start, limits: Limits, met: Met | None = None) -> Routes | None:
        """The best routes found from `start`; None if there are none within the limits."""
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = start.value if isinstance(start, Start) else Start.INSERTION.value
        parameters.local_search_metaheuristic = LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        # Of fitting breaks and waits into one solution: its default of 0.1 s refuses good ones on a busy machine.
        parameters.lns_time_limit.FromSeconds(60)
        if limits.seconds is not None:
            parameters.time_limit.FromMilliseconds(max(1, int(limits.seconds * 1000)))
        if limits.solutions is not None:
            parameters.solution_limit = limits.solutions
            # Where nothing is left to try, guided local search would look for another solution for ever.
            self._routing.AddSearchMonitor(self._solver.FailuresLimit(1_000 + 100 * limits.solutions))
        self._routing.CloseModelWithParameters(parameters)
        if met is not None:
            self._tell(met)
        answer = None
        if not isinstance(start, Start):
            node_of = {order: node for node, order in enumerate(self._nodes)}
            indices = [[self._index[node_of[order]] for order in route] for route in start]
            given = self._routing.ReadAssignmentFromRoutes(indices, True)
            answer = given and self._routing.SolveFromAssignmentWithParameters(given, parameters)
        if answer is None:
            answer = self._routing.SolveWithParameters(parameters)
        return None if answer is None else [self._route(answer, n) for n in range(len(self._problem.drivers))]

    def _route(self, answer: Any, driver: int) -> list[int]:
        return self._follow(driver, lambda index: answer.Value(self._routing.NextVar(index)))

    def _follow(self, driver: int, after: Callable[[int], int]) -> list[int]:
        route = []
        index = after(self._routing.Start(driver))
        while not self._routing.IsEnd(index):
            route.append(self._nodes[self._manager.IndexToNode(index)])
            index = after(index)
        return route

    def _tell(self, met: Met) -> None:
        """Of solutions that are among the best so far."""
        best = [2**63]

        def solution() -> None:
            cost = self._routing.CostVar().Max()
            if cost <= best[0] * _NEAR:
                best[0] = min(best[0], cost)
                drivers = range(len(self._problem.drivers))
                met([self._follow(n, lambda index: self._routing.NextVar(index).Value()) for n in drivers])

        self._routing.AddAtSolutionCallback(solution)

    def _places(self) -> list[int]:
        return [
            *(self._problem.orders[order].place for order in self._nodes),
            *(self._problem.depot[depot].place for depot in self._depots),
        ]

    def _distances(self) -> None:
        """All arcs cost their metres. An arc without road costs nothing, and takes longer than any day."""
        places = self._places()
        metres = np.maximum(self._problem.metres[np.ix_(places, places)], 0) * self._stage.coefficients.distance_m
        self._routing.SetArcCostEvaluatorOfAllVehicles(self._routing.RegisterTransitMatrix(metres.tolist()))

    def _times(self) -> None:
        """Windows, shifts and breaks."""
        places, drivers = self._places(), self._problem.drivers
        horizon_s = max(self._problem.hours(driver).end_s for driver in drivers)
        seconds = self._problem.seconds[np.ix_(places, places)]
        cut_off = (seconds == UNREACHABLE) | (self._problem.metres[np.ix_(places, places)] == UNREACHABLE)
        service_s = [self._problem.orders[order].service_s for order in self._nodes]
        service_s += [0] * len(self._depots)
        transits = np.where(cut_off, horizon_s + 1, np.minimum(seconds, horizon_s + 1)) + np.asarray(service_s)[:, None]
        evaluator = self._routing.RegisterTransitMatrix(transits.tolist())
        self._routing.AddDimension(evaluator, horizon_s, horizon_s, False, "time")
        time = self._routing.GetDimensionOrDie("time")
        for node, order in enumerate(self._nodes):
            windows = self._problem.orders[order].windows
            if windows:
                cumul = time.CumulVar(self._index[node])
                cumul.SetRange(windows[0].start_s, min(windows[-1].end_s, horizon_s))
                for first, second in pairwise(windows):
                    if first.end_s + 1 < second.start_s:
                        cumul.RemoveInterval(first.end_s + 1, second.start_s - 1)
        visits_s = [service_s[self._manager.IndexToNode(index)] for index in range(self._routing.Size())]
        for number, driver in enumerate(drivers):
            hours = self._problem.hours(driver)
            for index in (self._routing.Start(number), self._routing.End(number)):
                time.CumulVar(index).SetRange(hours.start_s, hours.end_s)
            if driver.breaks:
                breaks = [
                    self._solver.FixedDurationIntervalVar(p.earliest_s, p.latest_s, p.duration_s, False, f"break {n}")
                    for n, p in enumerate(driver.breaks)
                ]
                time.SetBreakIntervalsOfVehicle(breaks, number, visits_s)
                for first, second in pairwise(breaks):  # the library itself lets them overlap
                    self._solver.Add(second.StartsAfterEnd(first))

    def _loads(self) -> None:
        """One dimension for each of the load, and one for stops, with most and least of each driver."""
        drivers = self._problem.drivers
        orders = [self._problem.orders[order] for order in self._nodes]
        for k, name in enumerate(self._problem.dimensions):
            least = [driver.minimum[k] if driver.minimum else 0 for driver in drivers]
            self._load(f"load {name}", [order.load[k] for order in orders], [d.capacity[k] for d in drivers], least)
        if any(driver.max_stops is not None or driver.min_stops for driver in drivers):
            most = [len(orders) if driver.max_stops is None else driver.max_stops for driver in drivers]
            self._load("stops", [1] * len(orders), most, [driver.min_stops for driver in drivers])

    def _load(self, name: str, units: list[int], most: list[int], least: list[int]) -> None:
        evaluator = self._routing.RegisterUnaryTransitVector([*units, *([0] * len(self._depots))])
        self._routing.AddDimensionWithVehicleCapacity(evaluator, 0, most, True, name)
        dimension = self._routing.GetDimensionOrDie(name)
        for driver, minimum in enumerate(least):
            if not minimum:
                continue
            end = self._routing.End(driver)
            if self._stage.coefficients.shortfall:
                dimension.SetCumulVarSoftLowerBound(end, minimum, self._stage.coefficients.shortfall)
            missing = self._solver.Max(minimum - dimension.CumulVar(end), 0)
            self._short.append(missing * self._routing.ActiveVehicleVar(driver))

    def _choices(self, stage: Stage, reached: Score | None) -> None:
        """Every order may be left out, at its goal's price; only who is able to may serve it."""
        keep = 0 if reached is None else stage.coefficients.distance_m or 1
        everyone = len(self._problem.drivers)
        for node, number in enumerate(self._nodes):
            order = self._problem.orders[number]
            weight = 1 if order.express else order.priority
            coefficient = stage.coefficients.express_left_out if order.express else stage.coefficients.priority_left_out
            self._routing.AddDisjunction([self._index[node]], (coefficient or keep) * weight)
            able = np.flatnonzero(self._able.able[number])
            if len(able) < everyone:
                self._routing.VehicleVar(self._index[node]).SetValues([-1, *map(int, able)])  # -1: left out

    def _keep(self, stage: Stage, reached: Score) -> None:
        """What earlier stages reached, as constraints."""
        pairs = [
            (self._routing.ActiveVar(i), self._problem.orders[n]) for i, n in zip(self._index, self._nodes, strict=True)
        ]
        express = [variable for variable, order in pairs if order.express]
        others = [variable for variable, order in pairs if not order.express]
        if stage.first > 0 and express:
            self._solver.Add(self._solver.Sum(express) >= len(express) - reached.express_left_out)
        if stage.first > 1 and self._short:
            self._solver.Add(self._solver.Sum(self._short) <= reached.shortfall)
        if stage.first > 2 and others:
            weights = [order.priority for _, order in pairs if not order.express]
            self._solver.Add(self._solver.ScalProd(others, weights) >= sum(weights) - reached.priority_left_out)
