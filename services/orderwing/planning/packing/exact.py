"""The rest of a budget for CP-SAT, from the best packing known."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ortools.sat.python import cp_model

from orderwing.planning.budget import Countdown
from orderwing.planning.packing.fitting import Open, hopeless, told_of
from orderwing.planning.packing.problem import Kind, Packing, PackingProblem, fits, holdable


def by_cp_sat(problem: PackingProblem, start: Packing, countdown: Countdown, seed: int) -> Packing:
    model = cp_model.CpModel()
    items = [n for n, item in enumerate(problem.items) if holdable(problem, item)]
    bins = [n for n, kind in enumerate(problem.kinds) for _ in range(_useful(problem, kind, len(items)))]
    used = [model.new_bool_var("") for _ in bins]
    inside = {(n, b): model.new_bool_var("") for n in items for b in range(len(bins)) if _able(problem, n, bins[b])}
    for n in items:
        model.add_at_most_one(inside[n, b] for b in range(len(bins)) if (n, b) in inside)
    for b, kind in enumerate(bins):
        for d, room in enumerate(problem.kinds[kind].capacity):
            load = [problem.items[n].size[d] * inside[n, b] for n in items if (n, b) in inside]
            model.add(sum(load) <= room * used[b])
        for n in items:
            if (n, b) in inside:
                model.add_implication(inside[n, b], used[b])
        if b and bins[b - 1] == kind:
            model.add_implication(used[b], used[b - 1])
    leaving = problem.leaving()
    left = {n: 1 - sum(inside[n, b] for b in range(len(bins)) if (n, b) in inside) for n in items}
    costs = sum(problem.kinds[kind].cost * used[b] for b, kind in enumerate(bins))
    model.minimize(costs + sum(leaving[n] * left[n] for n in items))
    _hint(problem, model, start, bins, used, inside)
    solver = _solver(countdown, seed)
    found = solver.solve(model)
    proved = ceil(solver.best_objective_bound - 1e-6) if found != cp_model.UNKNOWN else 0
    opened = [Open(kind, [], []) for kind in bins]
    if found not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return start
    for (n, b), variable in inside.items():
        if solver.boolean_value(variable):
            opened[b].items.append(n)
    return told_of(problem, [one for one in opened if one.items], proved + hopeless(problem))


def _useful(problem: PackingProblem, kind: Kind, items: int) -> int:
    return items if kind.number is None else min(items, kind.number)


def _able(problem: PackingProblem, item: int, kind: int) -> bool:
    return fits(problem.items[item].size, problem.kinds[kind].capacity)


def _hint(
    problem: PackingProblem,
    model: cp_model.CpModel,
    start: Packing,
    bins: Sequence[int],
    used: Sequence[cp_model.IntVar],
    inside: dict[tuple[int, int], cp_model.IntVar],
) -> None:
    kinds = {kind.kind_id: n for n, kind in enumerate(problem.kinds)}
    index = {item.item_id: n for n, item in enumerate(problem.items)}
    free = {kind: [b for b, one in enumerate(bins) if one == kind] for kind in kinds.values()}
    place = {index[i]: b for one in start.bins for b in [free[kinds[one.kind_id]].pop(0)] for i in one.items}
    for (n, b), variable in inside.items():
        model.add_hint(variable, place.get(n) == b)
    for b, variable in enumerate(used):
        model.add_hint(variable, b in place.values())


def _solver(countdown: Countdown, seed: int) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    if countdown.budget.seconds is not None:
        solver.parameters.max_time_in_seconds = max(0.0, countdown.budget.seconds - countdown.seconds_spent())
    if countdown.budget.iterations is not None:
        solver.parameters.max_number_of_conflicts = countdown.budget.iterations
    return solver
