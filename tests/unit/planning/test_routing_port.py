"""The port gives what PyVRP alone gives, for every feature it passes on."""

import numpy as np
import pytest
import pyvrp
from pyvrp.stop import MaxIterations

from orderwing.planning.budget import Budget
from orderwing.planning.routing.checks import verify
from orderwing.planning.routing.plan import NoPlanError
from orderwing.planning.routing.port import plan_plain
from orderwing.planning.routing.problem import LARGEST, Matrix, ProblemError, RoutingProblem, Stop, Vehicle

STOPS = 40


def places(seed: int, count: int) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in np.random.default_rng(seed).integers(0, 1000, (count, 2))]


def ways(points: list[tuple[int, int]]) -> Matrix:
    at = np.array(points, dtype=float)
    metres: Matrix = np.linalg.norm(at[:, None] - at[None], axis=2).astype(np.int64)
    return metres


def stops(seed: int, *, prizes: bool, released: int = 0) -> tuple[Stop, ...]:
    draw = np.random.default_rng(seed)
    return tuple(
        Stop(
            stop_id=f"s{n}",
            load=(int(draw.integers(1, 20)),),
            service_s=30,
            opens_s=(opens := int(draw.integers(0, 3000))),
            closes_s=opens + 1500,
            released_s=int(draw.integers(0, released + 1)),
            prize=int(draw.integers(1, 600)) if prizes else None,
        )
        for n in range(STOPS)
    )


def a_problem(kind: str) -> RoutingProblem:
    depots = ("d0", "d1") if kind == "depots" else ("d0",)
    metres = ways(places(3, len(depots) + STOPS))
    vehicles = tuple(
        Vehicle(
            vehicle_id=f"v{depot}",
            start_depot=depot,
            end_depot=depot,
            capacity=(120 if kind == "depots" else 60,),
            number=8,
            ends_s=9000,
            max_duration_s=5000 if kind == "depots" else LARGEST,
            fixed_cost=50,
            second_cost=1 if kind == "depots" else 0,
            reload_depots=("d0",) if kind == "trips" else (),
            max_reloads=3 if kind == "trips" else 0,
        )
        for depot in depots
    )
    goods = stops(5, prizes=kind == "prizes", released=1000 if kind == "trips" else 0)
    return RoutingProblem(depots, goods, vehicles, metres, metres * 2 if kind == "prizes" else metres)


def direct(problem: RoutingProblem) -> pyvrp.ProblemData:
    """The same, written in PyVRP's own modelling interface."""
    model = pyvrp.Model()
    at = [model.add_location(0, 0) for _ in range(len(problem.metres))]
    depots = {name: model.add_depot(at[n]) for n, name in enumerate(problem.depots)}
    for n, stop in enumerate(problem.stops, len(depots)):
        model.add_client(
            at[n],
            delivery=list(stop.load),
            service_duration=stop.service_s,
            tw_early=stop.opens_s,
            tw_late=stop.closes_s,
            release_time=stop.released_s,
            prize=stop.prize or 0,
            required=stop.prize is None,
        )
    for vehicle in problem.vehicles:
        model.add_vehicle_type(
            vehicle.number,
            capacity=list(vehicle.capacity),
            start_depot=depots[vehicle.start_depot],
            end_depot=depots[vehicle.end_depot],
            fixed_cost=vehicle.fixed_cost,
            tw_late=vehicle.ends_s,
            unit_distance_cost=vehicle.metre_cost,
            unit_duration_cost=vehicle.second_cost,
            reload_depots=[depots[name] for name in vehicle.reload_depots],
            max_reloads=vehicle.max_reloads,
            shift_duration=min(vehicle.max_duration_s, 2**62),
        )
    for a, start in enumerate(at):
        for b, end in enumerate(at):
            model.add_edge(start, end, distance=int(problem.metres[a, b]), duration=int(problem.seconds[a, b]))
    return model.data()


@pytest.mark.parametrize("kind", ["prizes", "depots", "trips"])
def test_the_port_costs_what_pyvrp_alone_costs(kind: str) -> None:
    problem = a_problem(kind)
    alone = pyvrp.solve(direct(problem), MaxIterations(80), seed=7, collect_stats=False)

    plan = plan_plain(problem, Budget(iterations=80), seed=7)

    assert alone.is_feasible()
    assert plan.cost == alone.cost()
    assert verify(problem, plan) == []


@pytest.mark.parametrize("kind", ["prizes", "depots", "trips"])
def test_a_warm_start_costs_what_pyvrp_alone_makes_of_it(kind: str) -> None:
    problem = a_problem(kind)
    data = direct(problem)
    first = plan_plain(problem, Budget(iterations=30), seed=1)
    start = pyvrp.solve(data, MaxIterations(30), seed=1, collect_stats=False).best
    alone = pyvrp.solve(data, MaxIterations(60), seed=2, collect_stats=False, initial_solution=start)

    plan = plan_plain(problem, Budget(iterations=60), seed=2, start=first)

    assert plan.cost == alone.cost()
    assert plan.cost <= first.cost
    assert verify(problem, plan) == []


def test_several_trips_and_depots_are_used() -> None:
    trips = plan_plain(a_problem("trips"), Budget(iterations=50), seed=1)
    depots = plan_plain(a_problem("depots"), Budget(iterations=50), seed=1)

    assert max(len(route.trips) for route in trips.routes) > 1
    assert {route.trips[0].from_depot for route in depots.routes} == {"d0", "d1"}


def test_stops_that_nobody_can_serve_are_told_apart() -> None:
    metres = ways([(0, 0), (10, 0), (20, 0), (30, 0)])
    goods = (
        Stop("heavy", (99,), prize=1_000),
        Stop("far", (1,), closes_s=5, prize=1_000),
        Stop("poor", (1,), prize=1),
    )
    problem = RoutingProblem(("d0",), goods, (Vehicle("v", "d0", "d0", (10,), ends_s=100),), metres, metres)

    plan = plan_plain(problem, Budget(iterations=5), seed=1)

    assert [tuple(left) for left in plan.left] == [
        ("heavy", "no_vehicle_carries_it"),
        ("far", "no_vehicle_in_time"),
        ("poor", "not_worth_it"),
    ]


def test_a_required_stop_nobody_can_serve_is_an_error() -> None:
    metres = ways([(0, 0), (10, 0)])
    problem = RoutingProblem(("d0",), (Stop("a", (99,)),), (Vehicle("v", "d0", "d0", (10,)),), metres, metres)

    with pytest.raises(NoPlanError):
        plan_plain(problem, Budget(iterations=5), seed=1)


@pytest.mark.parametrize(
    ("stop", "vehicle", "field"),
    [
        (Stop("a", (1, 2)), Vehicle("v", "d0", "d0", (1,)), "stops[a].load"),
        (Stop("a", (1,), opens_s=9, closes_s=3), Vehicle("v", "d0", "d0", (1,)), "stops[a].opens_s"),
        (Stop("a", (-1,)), Vehicle("v", "d0", "d0", (1,)), "stops[a]"),
        (Stop("a", (1,)), Vehicle("v", "d9", "d0", (1,)), "vehicles[v]"),
        (Stop("a", (1,)), Vehicle("v", "d0", "d0", (1,), number=0), "vehicles[v].number"),
    ],
)
def test_bad_input_names_its_field(stop: Stop, vehicle: Vehicle, field: str) -> None:
    metres = ways([(0, 0), (10, 0)])
    with pytest.raises(ProblemError) as refused:
        RoutingProblem(("d0",), (stop,), (vehicle,), metres, metres)
    assert str(refused.value).startswith(field + ":")
