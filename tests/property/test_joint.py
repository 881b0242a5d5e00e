"""Assignment, cartons and routes together against every way there is."""

from itertools import combinations, pairwise, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.budget import Budget
from orderwing.planning.joint import Delivery, JointPlan, JointProblem, apart, as_routing, pack_orders, plan, verify
from orderwing.planning.packing import Item, Kind
from orderwing.planning.routing.checks import verify as verify_routes
from orderwing.planning.routing.exact import exact
from orderwing.planning.routing.greedy import bound, greedy
from orderwing.planning.routing.plan import Left, Route, RoutePlan, Terms, Trip
from orderwing.planning.routing.port import plan_plain
from orderwing.planning.routing.problem import BARRED, RoutingProblem, Vehicle

BUDGET = Budget(iterations=20)
CARTONS = (Kind("small", (5_000, 3_000), 20), Kind("large", (20_000, 12_000), 45))


@st.composite
def problems(draw: st.DrawFn, most: int = 4) -> JointProblem:
    n, m = draw(st.integers(1, most)), draw(st.integers(1, 2))
    deliveries = []
    for i in range(n):
        goods = draw(st.lists(st.tuples(st.integers(1, 9_000), st.integers(1, 13_000)), min_size=1, max_size=2))
        opens = draw(st.integers(0, 300))
        deliveries.append(
            Delivery(
                f"o{i}",
                tuple(Item(f"g{k}", size) for k, size in enumerate(goods)),
                draw(st.integers(0, 900)),
                10,
                opens,
                opens + draw(st.integers(0, 400)),
            )
        )
    at = np.array(draw(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=n + 1, max_size=n + 1)))
    metres = np.abs(at[:, None] - at[None]).sum(axis=2)
    pairs = draw(st.lists(st.integers(-1, 60), min_size=n * m, max_size=n * m))
    drivers = tuple(
        Vehicle(
            f"d{j}", "hub", "hub", (15_000, draw(st.sampled_from([3_000, 15_000, 30_000]))), 1, 0, 600, fixed_cost=9 * j
        )
        for j in range(m)
    )
    return JointProblem(tuple(deliveries), CARTONS, drivers, metres, metres, np.array(pairs).reshape(m, n))


def best_of(problem: RoutingProblem) -> int:
    """The least cost of all plans that the checker passes: every choice of ordered tours, driver after driver."""
    ids = [stop.stop_id for stop in problem.stops]
    prize = {stop.stop_id: stop.prize or 0 for stop in problem.stops}
    tours = [
        tour for size in range(len(ids) + 1) for chosen in combinations(ids, size) for tour in permutations(chosen)
    ]
    least = sum(prize.values())
    routes: list[tuple[tuple[str, ...], ...]] = [()]
    for _ in problem.vehicles:
        routes = [(*some, tour) for some in routes for tour in tours if not set(tour) & {s for t in some for s in t}]
    for some in routes:
        least = min(least, price(problem, some, prize))
    return least


def price(problem: RoutingProblem, tours: tuple[tuple[str, ...], ...], prize: dict[str, int]) -> int:
    place = {stop.stop_id: n for n, stop in enumerate(problem.stops, 1)}
    assert problem.pair_costs is not None
    distance = fixed = pairs = 0
    used = []
    for kind, (vehicle, tour) in enumerate(zip(problem.vehicles, tours, strict=True)):
        if tour:
            places = [0, *(place[stop] for stop in tour), 0]
            distance += sum(int(problem.metres[a, b]) for a, b in pairwise(places))
            fixed += vehicle.fixed_cost
            pairs += sum(int(problem.pair_costs[kind, place[stop] - 1]) for stop in tour)
            used.append(Route(vehicle.vehicle_id, (Trip("hub", tour),)))
    left = [stop for stop in prize if not any(stop in tour for tour in tours)]
    terms = Terms(distance, 0, fixed, pairs, sum(prize[stop] for stop in left))
    candidate = RoutePlan(tuple(used), tuple(Left(stop, "") for stop in left), terms)
    return terms.cost if not verify_routes(problem, candidate) else sum(prize.values())


@given(problems(most=3))
@settings(max_examples=25, deadline=None)
def test_together_is_the_best_there_is_and_apart_never_better(problem: JointProblem) -> None:
    together, separate = plan(problem, BUDGET, seed=1), apart(problem, BUDGET, seed=1)
    one = as_routing(problem, pack_orders(problem, 1))

    assert verify(problem, together) == []
    assert verify(problem, separate) == []
    assert together.cost == best_of(one)
    assert bound(one) <= together.cost <= separate.cost


@given(problems())
@settings(max_examples=25, deadline=None)
def test_greedy_and_pyvrp_keep_to_the_rules_and_never_beat_exact(problem: JointProblem) -> None:
    one = as_routing(problem, pack_orders(problem, 1))
    best = exact(one)

    assert best is not None
    for found in (greedy(one), plan_plain(one, Budget(iterations=60), seed=1)):
        assert verify_routes(one, found) == []
        assert found.cost >= best.cost


def test_an_order_whose_goods_fit_no_carton_is_told() -> None:
    deliveries = (
        Delivery("piano", (Item("p", (90_000, 90_000)),), 500),
        Delivery("book", (Item("b", (400, 900)),), 500),
    )
    metres = np.array([[0, 9, 9], [9, 0, 9], [9, 9, 0]])
    drivers = (Vehicle("d", "hub", "hub", (10_000, 10_000)),)
    problem = JointProblem(deliveries, CARTONS, drivers, metres, metres, np.zeros((1, 2), dtype=np.int64))

    answer = plan(problem, BUDGET, seed=1)

    assert [tuple(left) for left in answer.routes.left] == [("piano", "no_vehicle_may")]
    assert answer.cost == 500 + 18 + 20


def test_together_beats_apart_where_assigning_by_distance_splits_a_street() -> None:
    """Two vans for four neighbours: one tour is cheaper than two."""
    goods = (Item("g", (1_000, 1_000)),)
    deliveries = tuple(Delivery(f"o{n}", goods, 10_000) for n in range(4))
    at = np.array([0, 100, 101, 102, 103])
    metres = np.abs(at[:, None] - at[None])
    drivers = tuple(Vehicle(f"d{n}", "hub", "hub", (20_000, 20_000)) for n in range(2))
    problem = JointProblem(deliveries, CARTONS, drivers, metres, metres, np.zeros((2, 4), dtype=np.int64))

    assert plan(problem, BUDGET, seed=1).routes.terms.distance == 206
    assert apart(problem, BUDGET, seed=1).routes.terms.distance > 400


def test_the_checker_sees_barred_pairs_and_wrong_cartons() -> None:
    deliveries = (Delivery("o", (Item("g", (1_000, 1_000)),), 900),)
    metres = np.array([[0, 9], [9, 0]])
    drivers = (Vehicle("d", "hub", "hub", (20_000, 20_000)),)
    problem = JointProblem(deliveries, CARTONS, drivers, metres, metres, np.array([[4]]))
    barred = JointProblem(deliveries, CARTONS, drivers, metres, metres, np.array([[BARRED]]))
    answer = plan(problem, BUDGET, seed=1)

    assert verify(problem, answer) == []
    assert any("may not serve" in complaint for complaint in verify(barred, answer))
    assert verify(problem, JointPlan({}, answer.routes)) == ["Order 'o': it has no packing."]
