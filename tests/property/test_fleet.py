"""Fleet plans against every plan there is, and what every plan keeps."""

from dataclasses import replace
from itertools import count
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.budget import Budget
from orderwing.planning.fleet.answer import Plan, Score, Unserved, score
from orderwing.planning.fleet.bounds import bound
from orderwing.planning.fleet.columns import Columns, keep_met, singles
from orderwing.planning.fleet.eligibility import eligibility
from orderwing.planning.fleet.goals import LIMIT, most, stages
from orderwing.planning.fleet.greedy import complete
from orderwing.planning.fleet.model import Limits, Model, Start
from orderwing.planning.fleet.problem import Depot, Driver, Order, Pause, Problem, Window
from orderwing.planning.fleet.solve import plan, plan_greedily
from orderwing.planning.fleet.verify import verify
from support.fleets import a_problem, best_score

FEW = Budget(iterations=10)


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_small_plans_are_the_best_there_are(first: int) -> None:
    """With depots, hours, windows, breaks, skills, minimums, missing roads, two dimensions, EXPRESS, priorities."""
    for seed in range(first, first + 30):
        problem = a_problem(seed, closing=True)
        found = plan(problem, FEW, seed)
        assert found.proven
        assert (seed, found.score) == (seed, best_score(problem))
        assert verify(problem, found) == []


@pytest.mark.parametrize("limit", [LIMIT, 50_000], ids=["one number", "in stages"])
def test_the_search_alone_comes_close(limit: int) -> None:
    """Without trying all routes; goals in one number for the solver, or in several, one after the other."""
    agreed, several = 0, 0
    for seed in range(16):
        problem = a_problem(seed)
        best = best_score(problem)
        found = plan(problem, FEW, seed, labels=0, limit=limit)
        several += len(stages(most(eligibility(problem)), limit)) > 1
        assert verify(problem, found) == []
        assert found.score >= best
        assert (seed, found.score[:2]) == (seed, best[:2])
        agreed += found.score == best
    assert agreed >= 14
    assert (several > 0) == (limit < LIMIT)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 4), st.integers(1, 3))
def test_every_plan_keeps_the_rules(seed: int, orders: int, drivers: int, depots: int) -> None:
    problem = a_problem(seed, orders, drivers, depots, closing=seed % 2 == 0)
    found, baseline = plan(problem, Budget(iterations=3), seed, labels=200), plan_greedily(problem)
    for one in (found, baseline):
        assert verify(problem, one) == []
        least = bound(problem, one)
        assert least.express_left_out <= one.score.express_left_out
        assert least.priority_left_out <= one.score.priority_left_out
        assert least.distance_m <= one.score.distance_m
    assert found.score <= baseline.score


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = a_problem(5, orders=12, drivers=3)
    assert plan(problem, FEW, 7, labels=0) == plan(problem, FEW, 7, labels=0)


def test_a_large_problem_is_not_searched_longer_than_told() -> None:
    problem = far_apart(30, 3, 1_000, 1, 5)
    problem = replace(problem, drivers=tuple(replace(one, max_stops=20 + n) for n, one in enumerate(problem.drivers)))
    able = eligibility(problem)
    columns: Columns = {}
    singles(able, columns, 30, lambda: True)
    assert {orders for _, orders in columns} == {frozenset({n}) for n in able.servable}
    assert len(columns) == 30
    columns.clear()
    singles(able, columns, 30, lambda: False)
    assert not columns
    seconds = count()
    found = plan(problem, Budget(1, clock=lambda: next(seconds)), labels=0)
    assert verify(problem, found) == []
    assert "time was up" in found.notes[-1]


def breaks_one_after_the_other() -> Problem:
    """Both orders could be served in time if the driver took both breaks at once."""
    legs = np.array([[0, 5], [5, 0]], np.int64)
    breaks = (Pause(3, 9, 17), Pause(4, 15, 16))
    driver = Driver("d", "depot", "depot", (3,), shift=Window(3, 26), breaks=breaks)
    late = Order("late", 1, (1,), express=True, service_s=3)
    early = Order("early", 1, (1,), windows=(Window(0, 10),), service_s=3)
    return Problem((Depot("depot", 0),), (late, early), (driver,), legs * 10, legs)


def test_breaks_whose_times_overlap_are_taken_one_after_the_other() -> None:
    problem = breaks_one_after_the_other()
    for labels in (0, 5_000):
        found = plan(problem, FEW, labels=labels)
        assert verify(problem, found) == []
        assert found.score == (0, 0, 1, 100)


def test_a_route_that_breaks_rule_out_is_no_column() -> None:
    columns: Columns = {}
    able = eligibility(breaks_one_after_the_other())
    for route in ([1, 0], [0], []):
        keep_met(columns, able, 0, route)
    assert [column.orders for column in columns.values()] == [(0,)]


def test_no_gain_below_outweighs_a_goal() -> None:
    chance = Random(1)
    for _ in range(200):
        bounds = Score(*(10 ** chance.randint(0, 9) for _ in range(4)))
        for stage in stages(bounds):
            least = [(c, b) for c, b in zip(stage.coefficients, bounds, strict=True) if c]
            for n, (coefficient, _) in enumerate(least):
                assert coefficient > sum(c * b for c, b in least[n + 1 :])
            assert sum(c * b for c, b in least) <= LIMIT
        assert [stage.first for stage in stages(bounds)] == sorted({stage.first for stage in stages(bounds)})


def far_apart(orders: int, drivers: int, metres: int, minimum: int, priority: int) -> Problem:
    """Every second order is EXPRESS; all distances are about `metres`; there is room for two thirds of the orders."""
    chance = np.random.default_rng(3)
    between = metres - chance.integers(0, metres // 10, (orders + 1, orders + 1))
    np.fill_diagonal(between, 0)
    room = -(-orders * 2 // (3 * drivers))
    return Problem(
        (Depot("w", 0),),
        tuple(Order(f"o{n}", n + 1, (minimum,), n % 2 == 0, priority) for n in range(orders)),
        tuple(Driver(f"d{n}", "w", "w", (minimum * room,), (minimum,)) for n in range(drivers)),
        between.astype(np.int64),
        np.ones_like(between),
    )


def test_a_thousand_orders_a_thousand_kilometres_apart_fit_one_number() -> None:
    problem = far_apart(1_000, 10, 10**6, 1, 5)
    able = eligibility(problem)
    (stage,) = stages(most(able))
    worst = sum(c * b for c, b in zip(stage.coefficients, most(able), strict=True))
    assert 2**50 < worst <= LIMIT
    routes = Model(able, stage, None, 0).solve(Start.NEAREST, Limits(None, 1))
    assert routes is not None
    complete(able, routes)
    assert score(problem, routes)[:3] == (0, 0, 5 * (1_000 - room(problem)))


def test_goals_that_one_number_cannot_hold_are_reached_in_stages() -> None:
    problem = far_apart(30, 10, 10**8, 10**9, 5)
    assert len(stages(most(eligibility(problem)))) == 2
    found = plan(problem, Budget(iterations=3), labels=0)
    assert verify(problem, found) == []
    assert found.score[:3] == (0, 0, 5 * (30 - room(problem)))


def room(problem: Problem) -> int:
    return sum(driver.capacity[0] // problem.orders[0].load[0] for driver in problem.drivers)


def spoilt(problem: Problem, found: Plan) -> dict[str, Plan]:
    first, *rest = found.routes
    one, *others = first.stops

    def with_route(**fields: object) -> Plan:
        return replace(found, routes=(replace(first, **fields), *rest))  # type: ignore[arg-type]

    return {
        "a stop dropped": with_route(stops=tuple(others)),
        "a stop twice": with_route(stops=(one, *first.stops)),
        "served too early": with_route(stops=(one._replace(start_s=one.start_s - 1_000), *others)),
        "faster than the road": with_route(leave_s=one.arrive_s),
        "back too late": with_route(back_s=10**6),
        "without its break": with_route(breaks=()),
        "a load told wrongly": with_route(load=(0,)),
        "a distance told wrongly": with_route(distance_m=first.distance_m - 1),
        "by somebody else": with_route(driver_id="nobody"),
        "a better score": replace(found, score=found.score._replace(distance_m=1)),
        "an order told twice": replace(found, unserved=(*found.unserved, Unserved(one.order_id, "no_skill", ""))),  # type: ignore[arg-type]
        "an order lost": replace(found, unserved=()),
    }


def test_verify_finds_what_is_wrong() -> None:
    problem = next(p for p in map(a_problem, range(1000)) if p.drivers[0].breaks and _worth_spoiling(p))
    found = plan(problem, FEW)
    assert verify(problem, found) == []
    for what, wrong in spoilt(problem, found).items():
        assert verify(problem, wrong), what


def _worth_spoiling(problem: Problem) -> bool:
    found = plan_greedily(problem)
    first = found.routes[0] if found.routes else None
    return bool(found.unserved and first and first.driver_id == "d0" and len(first.stops) > 1 and len(first.load) == 1)


def test_a_plan_that_does_not_verify_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderwing.planning.fleet.solve.verify", lambda problem, found: ["it is Sunday"])
    problem = a_problem(3)
    found = plan(problem, FEW)
    assert found.routes == plan_greedily(problem).routes
    assert "it is Sunday" in found.notes[-1]
    assert verify(problem, found) == []
