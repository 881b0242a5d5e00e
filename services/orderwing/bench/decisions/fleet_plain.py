"""The fleet's problem as guides to OR-Tools write it: callbacks in Python, one large penalty, no start of its own."""

from __future__ import annotations

from typing import Any

from ortools.constraint_solver import pywrapcp
from ortools.constraint_solver.routing_enums_pb2 import FirstSolutionStrategy, LocalSearchMetaheuristic

from orderwing.planning.fleet.answer import Plan, Routes
from orderwing.planning.fleet.eligibility import eligibility
from orderwing.planning.fleet.problem import Problem
from orderwing.planning.fleet.solve import answer

PENALTY = 10**6  # metres for an order left out; a million times as many if it is EXPRESS


def solve_plainly(problem: Problem, seconds: float) -> Plan:
    """With the minimum load as a hard bound; where that finds nothing at all, again without it.

    One depot for all, one dimension of load, one window and one break at most.
    """
    routes = _search(problem, seconds, True) or _search(problem, seconds, False)
    return answer(eligibility(problem), routes or [[] for _ in problem.drivers], "OR-Tools, plainly", False)


def _search(problem: Problem, seconds: float, minimum: bool) -> Routes | None:
    orders, drivers = problem.orders, problem.drivers
    manager = pywrapcp.RoutingIndexManager(len(orders) + 1, len(drivers), 0)
    routing = pywrapcp.RoutingModel(manager)
    metres, travel_s = problem.metres.tolist(), problem.seconds.tolist()
    loads, service_s = [0, *(order.load[0] for order in orders)], [0, *(order.service_s for order in orders)]

    def distance(a: int, b: int) -> int:
        return int(metres[manager.IndexToNode(a)][manager.IndexToNode(b)])

    def time(a: int, b: int) -> int:
        return int(service_s[manager.IndexToNode(a)] + travel_s[manager.IndexToNode(a)][manager.IndexToNode(b)])

    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitCallback(distance))
    demand = routing.RegisterUnaryTransitCallback(lambda a: loads[manager.IndexToNode(a)])
    routing.AddDimensionWithVehicleCapacity(demand, 0, [driver.capacity[0] for driver in drivers], True, "load")
    horizon_s = max(driver.shift.end_s for driver in drivers)
    routing.AddDimension(routing.RegisterTransitCallback(time), horizon_s, horizon_s, False, "time")
    for node, order in enumerate(orders, 1):
        routing.AddDisjunction([manager.NodeToIndex(node)], PENALTY * (10**6 if order.express else 1))
        able = [n for n, driver in enumerate(drivers) if order.skills <= driver.skills]
        routing.VehicleVar(manager.NodeToIndex(node)).SetValues([-1, *able])
        if order.windows:
            window = order.windows[0]
            routing.GetDimensionOrDie("time").CumulVar(manager.NodeToIndex(node)).SetRange(*window)
    for n, driver in enumerate(drivers):
        _driver(routing, n, driver, minimum, [service_s[manager.IndexToNode(i)] for i in range(routing.Size())])
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = FirstSolutionStrategy.PATH_CHEAPEST_ARC
    parameters.local_search_metaheuristic = LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(seconds * 1_000))
    found = routing.SolveWithParameters(parameters)
    return None if found is None else [_route(manager, routing, found, n) for n in range(len(drivers))]


def _driver(routing: Any, number: int, driver: Any, minimum: bool, visits_s: list[int]) -> None:
    time = routing.GetDimensionOrDie("time")
    for index in (routing.Start(number), routing.End(number)):
        time.CumulVar(index).SetRange(*driver.shift)
    breaks = [
        routing.solver().FixedDurationIntervalVar(pause.earliest_s, pause.latest_s, pause.duration_s, False, "")
        for pause in driver.breaks
    ]
    time.SetBreakIntervalsOfVehicle(breaks, number, visits_s)
    if minimum:
        routing.GetDimensionOrDie("load").CumulVar(routing.End(number)).SetMin(driver.minimum[0])


def _route(manager: Any, routing: Any, found: Any, driver: int) -> list[int]:
    route = []
    index = found.Value(routing.NextVar(routing.Start(driver)))
    while not routing.IsEnd(index):
        route.append(manager.IndexToNode(index) - 1)
        index = found.Value(routing.NextVar(index))
    return route
