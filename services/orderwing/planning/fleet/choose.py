"""The best set of columns, by CP-SAT: no order twice, no more routes of a kind than it has drivers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ortools.sat.python import cp_model

from orderwing.planning.fleet.answer import Routes
from orderwing.planning.fleet.columns import Column
from orderwing.planning.fleet.problem import Problem


def choose(
    problem: Problem,
    columns: Sequence[Column],
    kinds: Mapping[int, Sequence[int]],
    start: Routes,
    effort: float,
    seconds: float | None,
) -> tuple[Routes, bool]:
    """One goal after the other, each with what the earlier reached as a constraint; whether all were proven.

    `effort` is CP-SAT's deterministic time for each goal, and `seconds` bounds them all. `start` consists of columns.
    """
    model = cp_model.CpModel()
    taken = [model.new_bool_var("") for _ in columns]
    of_order: dict[int, list[int]] = defaultdict(list)
    for n, column in enumerate(columns):
        for order in column.orders:
            of_order[order].append(n)
    for using in of_order.values():
        model.add_at_most_one(taken[n] for n in using)
    of_kind: dict[int, list[cp_model.IntVar]] = defaultdict(list)
    for x, column in zip(taken, columns, strict=True):
        of_kind[column.kind].append(x)
    for kind, drivers in kinds.items():
        model.add(sum(of_kind[kind]) <= len(drivers))
    _hint(model, taken, columns, kinds, start)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = effort
    solver.parameters.random_seed = 0
    proven, chosen = True, None
    for worth in _goals(problem, columns):
        if not any(worth):
            continue
        total = cp_model.LinearExpr.weighted_sum(taken, worth)
        model.maximize(total)
        if seconds is not None:
            solver.parameters.max_time_in_seconds = max(0.01, seconds)
        status = solver.solve(model)
        seconds = None if seconds is None else seconds - solver.wall_time
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            proven = False
            break
        proven &= status == cp_model.OPTIMAL
        values = [solver.boolean_value(x) for x in taken]
        reached = sum(w for w, is_taken in zip(worth, values, strict=True) if is_taken)
        model.add(total >= reached)
        model.clear_hints()  # type: ignore[no-untyped-call]
        for x, is_taken in zip(taken, values, strict=True):
            model.add_hint(x, is_taken)
        chosen = [column for column, is_taken in zip(columns, values, strict=True) if is_taken]
    return (start if chosen is None else _routes(problem, chosen, kinds)), proven


def _goals(problem: Problem, columns: Sequence[Column]) -> list[list[int]]:
    """What a column adds to each goal, as gains."""
    of_columns = [[problem.orders[n] for n in column.orders] for column in columns]
    return [
        [sum(order.express for order in orders) for orders in of_columns],
        [-column.shortfall for column in columns],
        [sum(order.priority for order in orders if not order.express) for orders in of_columns],
        [-column.distance_m for column in columns],
    ]


def _hint(
    model: cp_model.CpModel,
    taken: Sequence[cp_model.IntVar],
    columns: Sequence[Column],
    kinds: Mapping[int, Sequence[int]],
    start: Routes,
) -> None:
    standing = {(kind, frozenset(start[driver])) for kind, drivers in kinds.items() for driver in drivers}
    for x, column in zip(taken, columns, strict=True):
        model.add_hint(x, (column.kind, frozenset(column.orders)) in standing)


def _routes(problem: Problem, chosen: Sequence[Column], kinds: Mapping[int, Sequence[int]]) -> Routes:
    routes: Routes = [[] for _ in problem.drivers]
    free = {kind: list(drivers) for kind, drivers in kinds.items()}
    for column in sorted(chosen):
        routes[free[column.kind].pop(0)] = list(column.orders)
    return routes
