"""Assignments against every assignment there is."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.assignment import (
    ENGINES,
    FORBIDDEN,
    Assignment,
    AssignmentProblem,
    bound,
    greedy,
    improvable,
    plan,
    verify,
)

Engine = Callable[[AssignmentProblem], dict[int, int]]


@st.composite
def problems(draw: st.DrawFn, orders: int = 5, drivers: int = 3, capacity: int = 2) -> AssignmentProblem:
    n, m = draw(st.integers(0, orders)), draw(st.integers(0, drivers))
    costs = draw(st.lists(st.integers(-1, 20), min_size=n * m, max_size=n * m))
    return AssignmentProblem(
        tuple(f"o{i}" for i in range(n)),
        tuple(f"d{j}" for j in range(m)),
        np.array(costs, dtype=np.int64).reshape(n, m),
        tuple(draw(st.lists(st.integers(0, capacity), min_size=m, max_size=m))),
        tuple(draw(st.lists(st.one_of(st.none(), st.integers(0, 25)), min_size=n, max_size=n))),
    )


def every(problem: AssignmentProblem) -> tuple[int, int]:
    """(orders left that should not be, cost) of the best."""
    best = (len(problem.orders) + 1, 0)
    for choice in product(range(-1, len(problem.drivers)), repeat=len(problem.orders)):
        if any(choice.count(j) > room for j, room in enumerate(problem.capacities)):
            continue
        prices = [problem.left_costs[i] if j < 0 else int(problem.costs[i, j]) for i, j in enumerate(choice)]
        if any(j >= 0 and price == FORBIDDEN for j, price in zip(choice, prices, strict=True)):
            continue
        best = min(best, (prices.count(None), sum(price or 0 for price in prices)))
    return best


def of(problem: AssignmentProblem, answer: Assignment) -> tuple[int, int]:
    musts = {o for o, cost in zip(problem.orders, problem.left_costs, strict=True) if cost is None}
    return sum(left.order in musts for left in answer.left), answer.cost


@given(problems())
@settings(max_examples=40, deadline=None)
def test_every_engine_finds_the_best_there_is(problem: AssignmentProblem) -> None:
    best = every(problem)

    for engine in ENGINES.values():
        chosen = engine(problem)
        pairs = {problem.orders[i]: problem.drivers[j] for i, j in chosen.items()}
        left = [i for i in range(len(problem.orders)) if i not in chosen]
        cost = sum(int(problem.costs[i, j]) for i, j in chosen.items()) + sum(problem.left_costs[i] or 0 for i in left)
        assert (sum(problem.left_costs[i] is None for i in left), cost) == best
        assert len(pairs) == len(chosen)
    answer = plan(problem)
    assert verify(problem, answer) == []
    assert of(problem, answer) == best
    assert bound(problem) <= answer.cost
    assert not improvable(problem, answer)


@given(problems())
@settings(max_examples=40, deadline=None)
def test_greedy_is_allowed_and_never_better_and_told_apart(problem: AssignmentProblem) -> None:
    answer = greedy(problem)

    assert verify(problem, answer) == []
    assert of(problem, answer) >= every(problem)
    assert improvable(problem, answer) == (of(problem, answer) > every(problem))


def test_large_ones_are_proved_by_the_absence_of_cheaper_cycles() -> None:
    draw = np.random.default_rng(1)
    costs = draw.integers(0, 10_000, (120, 15))
    costs[draw.random(costs.shape) < 0.3] = FORBIDDEN
    names = tuple(f"o{i}" for i in range(120))
    problem = AssignmentProblem(names, tuple(f"d{j}" for j in range(15)), costs, (7,) * 15, (None,) * 60 + (900,) * 60)

    answer = plan(problem)

    assert verify(problem, answer) == []
    assert not improvable(problem, answer)
    assert improvable(problem, greedy(problem))
    assert {left.reason for left in answer.left} <= {"drivers_full", "not_worth_it"}


@pytest.mark.parametrize("orders", [1, 3])
@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_with_every_pair_forbidden_all_are_left(engine: Engine, orders: int) -> None:
    costs = np.full((orders, 3), FORBIDDEN)
    problem = AssignmentProblem(("a", "b", "c")[:orders], ("x", "y", "z"), costs, (0, 1, 2), (None,) * orders)

    assert engine(problem) == {}
    assert bound(problem) == 0


def test_the_bound_counts_only_those_there_is_room_for() -> None:
    problem = AssignmentProblem(("a", "b"), ("d",), np.array([[5], [9]]), (1,), (None, None))

    assert bound(problem) == plan(problem).cost == 5


def test_reasons_tell_why_an_order_stays() -> None:
    costs = np.array([[FORBIDDEN], [3], [4], [9]])
    problem = AssignmentProblem(("never", "first", "late", "dear"), ("d",), costs, (1,), (None, None, None, 5))

    assert [tuple(left) for left in plan(problem).left] == [
        ("never", "no_driver_may"),
        ("late", "drivers_full"),
        ("dear", "drivers_full"),
    ]


@pytest.mark.parametrize(
    ("costs", "capacities", "left", "field"),
    [
        ([[1, 2]], (1,), (None,), "costs"),
        ([[-2]], (1,), (None,), "costs"),
        ([[1]], (-1,), (None,), "capacities"),
        ([[1]], (1,), (-4,), "left_costs"),
    ],
)
def test_bad_input_names_its_field(
    costs: list[list[int]], capacities: tuple[int, ...], left: tuple[int | None, ...], field: str
) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        AssignmentProblem(("o",), ("d",), np.array(costs), capacities, left)


def test_the_checker_sees_what_is_wrong() -> None:
    problem = AssignmentProblem(("a", "b"), ("d",), np.array([[4], [FORBIDDEN]]), (1,), (None, 7))
    good = plan(problem)
    wrong = Assignment({"a": "d", "b": "d"}, (), 4)

    assert verify(problem, good) == []
    assert verify(problem, Assignment(good.pairs, (), good.cost))
    assert verify(problem, Assignment(good.pairs, good.left, good.cost + 1))
    assert len(verify(problem, wrong)) == 3
