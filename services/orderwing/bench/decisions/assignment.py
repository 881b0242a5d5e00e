"""Orders to drivers: SciPy and OR-Tools on the same costs, and what greedy and a bound are worth."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean, median
from time import process_time
from typing import NamedTuple

import numpy as np

from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning.assignment import (
    ENGINES,
    FORBIDDEN,
    Assignment,
    AssignmentProblem,
    bound,
    by_flow,
    greedy,
    improvable,
    plan,
    verify,
)

_TIMES = 3


class _Shape(NamedTuple):
    """`forbidden`: share of pairs. `price`: of leaving an order, None if none may be left."""

    orders: int
    drivers: int
    capacity: int
    forbidden: float = 0.0
    price: int | None = None

    def __str__(self) -> str:
        text = f"{self.orders:,} × {self.drivers:,}"
        text += f", {self.capacity} each" if self.capacity > 1 else ""
        text += f", {self.forbidden:.0%} forbidden" if self.forbidden else ""
        return text + (", may be left" if self.price is not None else "")


_SHAPES = (
    _Shape(200, 200, 1),
    _Shape(1_000, 1_000, 1),
    _Shape(2_000, 2_000, 1),
    _Shape(1_000, 1_500, 1, 0.5),
    _Shape(1_000, 50, 20),
    _Shape(1_000, 50, 15, 0.5, 400),
)
_QUICK = (_Shape(50, 50, 1), _Shape(60, 8, 6, 0.5, 400))


def run(options: Options) -> Iterator[Sheet]:
    shapes = _QUICK if options.quick else _SHAPES
    rows = []
    for n, shape in enumerate(shapes):
        options.progress("assignment", n, len(shapes))
        problems = [_problem(shape, seed) for seed in range(options.seeds)]
        rows.append((str(shape), *_times(shape, problems), *_worth(problems)))
    columns = ("orders × drivers", "SciPy, ms", "OR-Tools, ms", "flow, ms", "greedy costs", "bound")
    title = (
        f"Assignment: seeds 0 to {options.seeds - 1}, costs 0 to 999, median CPU of {_TIMES} runs, all engines agree"
    )
    yield Sheet(title, columns, rows)


def _problem(shape: _Shape, seed: int) -> AssignmentProblem:
    draw = np.random.default_rng(seed)
    costs = draw.integers(0, 1_000, (shape.orders, shape.drivers))
    costs[draw.random(costs.shape) < shape.forbidden] = FORBIDDEN
    return AssignmentProblem(
        tuple(f"o{n}" for n in range(shape.orders)),
        tuple(f"d{n}" for n in range(shape.drivers)),
        costs,
        (shape.capacity,) * shape.drivers,
        (shape.price,) * shape.orders,
    )


def _times(shape: _Shape, problems: list[AssignmentProblem]) -> list[str]:
    """By engine. With many places a driver, only the flow: a column for each place is not how one would do it."""
    told = []
    for engine in ENGINES.values():
        if shape.capacity > 1 and engine is not by_flow:
            told.append("")
            continue
        runs = []
        for problem in problems:
            best = plan(problem).cost
            for _ in range(_TIMES):
                started = process_time()
                chosen = engine(problem)
                runs.append((process_time() - started) * 1e3)
                if _cost(problem, chosen) != best:
                    raise AssertionError("the engines disagree")
        told.append(f"{median(runs):.1f}")
    return told


def _cost(problem: AssignmentProblem, chosen: dict[int, int]) -> int:
    left = (n for n in range(len(problem.orders)) if n not in chosen)
    return sum(int(problem.costs[pair]) for pair in chosen.items()) + sum(problem.left_costs[n] or 0 for n in left)


def _worth(problems: list[AssignmentProblem]) -> tuple[str, str]:
    over, under = [], []
    for problem in problems:
        best, baseline = plan(problem), greedy(problem)
        if (
            verify(problem, best)
            or verify(problem, baseline)
            or (len(problem.orders) <= 200 and improvable(problem, best))
        ):
            raise AssertionError("an assignment is not what it says")
        over.append(baseline.cost / best.cost - 1 if _comparable(problem, best, baseline) else float("nan"))
        under.append(bound(problem) / best.cost - 1)
    return f"{fmean(over):+.1%}", f"{fmean(under):+.1%}"


def _comparable(problem: AssignmentProblem, best: Assignment, baseline: Assignment) -> bool:
    """Costs are, where all that is left has a price, or nothing is."""
    return None not in problem.left_costs or not (best.left or baseline.left)
