"""Steering's exact parts against everything there is, on small cases."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.steering.checks import verify
from orderwing.planning.steering.choice import Chooser, cost_of
from orderwing.planning.steering.line_program import line_program
from orderwing.planning.steering.planning import plan
from orderwing.planning.steering.problem import UNLIMITED, Basket, Floats, Problem
from orderwing.planning.steering.solver import minimise


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    sites, skus, places = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    lines = st.lists(st.integers(0, skus - 1), unique=True, max_size=3)
    baskets = draw(st.lists(lines, min_size=1, max_size=4))
    seed = np.random.default_rng(draw(st.integers(0, 10_000)))
    return Problem(
        tuple(f"s{n}" for n in range(sites + 1)),
        tuple(f"i{n}" for n in range(skus)),
        tuple(f"c{n}" for n in range(places)),
        seed.integers(0, 900, (sites + 1, places)).astype(float),
        np.vstack(
            [
                np.where(seed.random((sites, places)) < 0.2, np.inf, seed.integers(0, 300, (sites, places))),
                seed.integers(0, 300, (1, places)),
            ]
        ),
        np.vstack([seed.integers(0, 6, (sites, skus)).astype(float), np.full((1, skus), UNLIMITED)]),
        tuple(Basket(tuple(b), tuple(seed.integers(1, 3, len(b)).tolist())) for b in baskets),
        seed.integers(0, 40, (len(baskets), places)) / 10,
    )


def assignments(problem: Problem, basket: int) -> list[tuple[int, ...]]:
    return list(product(range(len(problem.site_ids)), repeat=len(problem.baskets[basket].skus)))


@settings(max_examples=80, deadline=None)
@given(problems(), st.integers(0, 10_000))
def test_the_online_choice_is_the_best_of_all(problem: Problem, seed: int) -> None:
    prices = np.random.default_rng(seed).integers(0, 400, problem.stock.shape).astype(float)
    chooser = Chooser(problem.parcel, problem.unit)

    def priced(basket: int, locality: int, sites: tuple[int, ...]) -> float:
        skus, units = problem.lines[basket]
        if (problem.stock[list(sites), skus] < units).any():
            return float("inf")
        return cost_of(problem, basket, locality, np.array(sites)) + float(prices[list(sites), skus] @ units)

    for basket, lines in enumerate(problem.lines):
        if len(lines[0]):
            for locality in range(len(problem.localities)):
                chosen = chooser.choose(*lines, locality, prices, problem.stock)
                best = min(priced(basket, locality, sites) for sites in assignments(problem, basket))
                assert priced(basket, locality, tuple(chosen.tolist())) == pytest.approx(best)


def whole_program(problem: Problem) -> float:
    """The configuration LP with every column there is."""
    costs: list[float] = []
    columns: list[Floats] = []
    orders = [(q, c) for (q, c), many in np.ndenumerate(problem.demand) if many > 0 and problem.baskets[q].skus]
    for place, (q, c) in enumerate(orders):
        for sites in assignments(problem, q):
            if np.isinf(cost := cost_of(problem, q, c, np.array(sites))):
                continue
            uses, serves = np.zeros_like(problem.stock), np.zeros(len(orders))
            skus, units = problem.lines[q]
            uses[list(sites), skus] = units
            serves[place] = 1
            costs.append(cost)
            columns.append(np.concatenate([uses[:-1].ravel(), serves]))
    if not orders:
        return 0.0
    matrix = np.array(columns).T
    stock, wanted = problem.stock[:-1].ravel(), np.array([problem.demand[order] for order in orders])
    return minimise(np.array(costs), matrix[: len(stock)], stock, matrix[len(stock) :], wanted).cost  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(problems())
def test_column_generation_reaches_the_whole_program(problem: Problem) -> None:
    found = plan(problem, samples=1, seed=2)
    assert verify(problem, found) == []
    assert found.optimum.cost == pytest.approx(whole_program(problem), rel=2e-6, abs=1e-6)
    assert found.optimum.bound == pytest.approx(found.optimum.cost, rel=2e-6, abs=1e-6)
    assert found.optimum.cost >= line_program(problem)[0] * (1 - 1e-6) - 1e-6
