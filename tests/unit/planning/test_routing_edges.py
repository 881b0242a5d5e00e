"""What a caller may hand over by mistake: plans of another problem, stops nobody may serve, none at all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from orderwing.planning.budget import Budget
from orderwing.planning.routing import improve, port
from orderwing.planning.routing.checks import verify
from orderwing.planning.routing.exact import exact, solvable
from orderwing.planning.routing.greedy import greedy
from orderwing.planning.routing.plan import Left, NoPlanError, Route, RoutePlan, StartError, Terms, Trip
from orderwing.planning.routing.problem import BARRED, LARGEST, Matrix, RoutingProblem, Stop, Vehicle

Search = Callable[..., RoutePlan]
BUDGET = Budget(iterations=20)
SEARCHES = pytest.mark.parametrize("search", [improve.plan, port.plan_plain])


def problem(*stops: Stop, number: int = 1, pairs: list[list[int]] | None = None, kinds: int = 1) -> RoutingProblem:
    """All places are ten metres apart; a van takes ten."""
    metres: Matrix = np.full((len(stops) + 1,) * 2, 10, dtype=np.int64)
    np.fill_diagonal(metres, 0)
    vans = tuple(Vehicle(f"v{n}", "hub", "hub", (10,), number) for n in range(kinds))
    return RoutingProblem(("hub",), stops, vans, metres, metres, None if pairs is None else np.array(pairs))


def start(*routes: tuple[str, ...], vehicle: str = "v0", left: tuple[str, ...] = ()) -> RoutePlan:
    trips = tuple(Route(vehicle, (Trip("hub", stops),)) for stops in routes)
    return RoutePlan(trips, tuple(Left(stop, "not_worth_it") for stop in left), Terms(0, 0, 0, 0, 0))


def test_exact_knows_every_vehicle_and_refuses_too_many() -> None:
    pairs = [[BARRED]] * 16 + [[3]]
    one = problem(Stop("a", (1,)), pairs=pairs, kinds=17)
    best = exact(one)

    assert best is not None
    assert verify(one, best) == []
    assert [route.vehicle_id for route in best.routes] == ["v16"]
    assert solvable(problem(Stop("a", (1,)), number=1_000_000))
    assert not solvable(problem(Stop("a", (1,)), kinds=33))


def test_no_stops_are_an_empty_plan() -> None:
    for found in (greedy(problem()), improve.plan(problem(), BUDGET, 1), improve.plan(problem(), BUDGET, 1, start())):
        assert verify(problem(), found) == []


@SEARCHES
def test_a_stop_that_nobody_may_serve_is_an_error_if_it_must_be(search: Search) -> None:
    with pytest.raises(NoPlanError, match=r"stop 'a' .*no_vehicle_may"):
        search(problem(Stop("a", (1,)), pairs=[[BARRED]]), BUDGET, 1)
    optional = problem(Stop("a", (1,), prize=LARGEST), pairs=[[BARRED]])
    assert verify(optional, search(optional, BUDGET, 1)) == []


@SEARCHES
@pytest.mark.parametrize(
    ("begun", "named"),
    [
        (start(("zz",)), "no stop 'zz'"),
        (start(("a",), vehicle="q"), "no vehicle 'q'"),
        (start(("a", "a")), "stop 'a' is visited 2 times"),
        (start(("a",), ("b",)), "vehicle 'v0' is used 2 times of 1"),
        (start(()), "route 1 of 'v0' has a trip without stops"),
        (RoutePlan((Route("v0", ()),), (), Terms(0, 0, 0, 0, 0)), "route 1 of 'v0' has a trip without stops, or none"),
        (RoutePlan((Route("v0", (Trip("q", ("a",)),)),), (), Terms(0, 0, 0, 0, 0)), "starts at 'hub'"),
    ],
)
def test_a_start_of_another_problem_is_refused(search: Search, begun: RoutePlan, named: str) -> None:
    two = problem(Stop("a", (6,), prize=90), Stop("b", (6,), prize=90))
    with pytest.raises(StartError, match=named):
        search(two, BUDGET, 1, begun)


@SEARCHES
@pytest.mark.parametrize("begun", [start(("a", "b")), start(("a",)), start(("a",), left=("b",)), start()])
@pytest.mark.parametrize("must", [True, False])
def test_what_a_start_does_not_serve_or_serves_wrongly_is_mended(search: Search, begun: RoutePlan, must: bool) -> None:
    prize = None if must else 90
    two = problem(Stop("a", (6,), prize=prize), Stop("b", (6,), prize=prize), number=2)

    found = search(two, BUDGET, 1, begun)

    assert verify(two, found) == []
    assert found.routes
    if must:
        assert not found.left


def test_a_start_with_too_few_vehicles_for_what_must_be_served_is_an_error() -> None:
    two = problem(Stop("a", (6,)), Stop("b", (6,)))
    for search in (improve.plan, port.plan_plain):
        with pytest.raises(NoPlanError):
            search(two, BUDGET, 1, start(("a", "b")))


def test_a_route_of_two_trips_keeps_what_can_be_driven() -> None:
    three = problem(Stop("a", (60,), prize=90), Stop("b", (6,), prize=90), Stop("c", (6,), prize=90))
    van = three.vehicles[0]._replace(reload_depots=("hub",), max_reloads=1)
    three = replace(three, vehicles=(van,))
    begun = RoutePlan((Route("v0", (Trip("hub", ("a",)), Trip("hub", ("b", "c")))),), (), Terms(0, 0, 0, 0, 0))

    found = improve.plan(three, BUDGET, 1, begun)

    assert verify(three, found) == []
    assert found.routes
