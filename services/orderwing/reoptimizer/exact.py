"""The best choice of all, by mixed-integer programming (HiGHS through SciPy)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from orderwing.reoptimizer.choice import Choice, Problem
from orderwing.reoptimizer.pool import Shelf


def solve(problem: Problem, nodes: int, seconds: float | None = None) -> Choice | None:
    """The choice of most gain, or the best found within `nodes` of branch and bound; None if none was found.

    Reproducible as long as `seconds`, a safeguard on the wall clock, does not run out first.
    """
    columns = [(block, option) for block, b in enumerate(problem.blocks) for option in range(len(b.options))]
    shelves = _bound_shelves(problem)
    rows, cols, units = [], [], []
    for column, (block, option) in enumerate(columns):
        rows.append(block)
        cols.append(column)
        units.append(1)
        for shelf, taken in problem.blocks[block].options[option].units.items():
            rows.append(len(problem.blocks) + shelves[shelf][0])
            cols.append(column)
            units.append(taken)
    ones = np.ones(len(problem.blocks))
    matrix = coo_array((units, (rows, cols)), shape=(len(ones) + len(shelves), len(columns))).tocsc()
    stock = np.array([stock for _, stock in shelves.values()], dtype=float)
    result = milp(
        c=np.array([-problem.gain(block, option) for block, option in columns], dtype=float),
        integrality=np.ones(len(columns), dtype=np.int8),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            matrix, np.concatenate([ones, np.full(len(stock), -np.inf)]), np.concatenate([ones, stock])
        ),
        options={"node_limit": nodes, "mip_rel_gap": 0.0, "time_limit": 1e9 if seconds is None else seconds},
    )
    if result.x is None:
        return None
    choice = problem.stands()
    for (block, option), share in zip(columns, result.x, strict=True):
        if share > 0.5:
            choice[block] = option
    return choice


def _bound_shelves(problem: Problem) -> dict[Shelf, tuple[int, int]]:
    """Each shelf that an option takes from: its row and its stock, what the parts hold included."""
    shelves: dict[Shelf, tuple[int, int]] = {}
    for block in problem.blocks:
        for option in block.options:
            for shelf in option.units:
                if shelf not in shelves:
                    shelves[shelf] = (len(shelves), problem.free.get(shelf, 0))
    for block in problem.blocks:
        for shelf, units in block.options[0].units.items():
            row, stock = shelves[shelf]
            shelves[shelf] = (row, stock + units)
    return shelves
