"""The LP a variable per line: a weaker bound, the usual yardstick Z (Jasin & Sinha 2015)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from orderwing.planning.steering.problem import Floats, Problem
from orderwing.planning.steering.solver import minimise


def line_program(problem: Problem) -> tuple[float, Floats]:
    """Its cost, minor units, and the duals of stock (K, I), minor units a unit.

    A line of a basket and locality is shared out over sites; a site's parcel is paid by the greatest share of a line.
    """
    types = list(_types(problem))
    if not types:
        return 0.0, np.zeros_like(problem.stock)
    costs, rows, columns, amounts, limits = _variables(problem, types)
    cells = problem.stock.size
    finite = np.isfinite(problem.stock.ravel())
    shares = np.flatnonzero(rows >= cells)  # share of a line - parcel <= 0
    uses = np.flatnonzero((rows < cells) & finite[np.minimum(rows, cells - 1)])
    kept = np.concatenate([uses, shares])
    height = int(rows.max()) + 1
    above = csr_array((amounts[kept], (rows[kept], columns[kept])), shape=(height, len(costs)))
    bounds = np.concatenate([np.where(finite, problem.stock.ravel(), 0.0), np.zeros(height - cells)])
    equal = csr_array((np.ones(len(limits[1])), (limits[0], limits[1])), shape=(len(limits[2]), len(costs)))
    found = minimise(costs, above, bounds, equal, np.array(limits[2]))
    return found.cost, np.maximum(0.0, -found.above[:cells]).reshape(problem.stock.shape)


def _types(problem: Problem) -> Iterator[tuple[int, int, float]]:
    for (q, c), orders in np.ndenumerate(problem.demand):
        if orders > 0 and problem.baskets[q].skus:
            yield q, c, float(orders)


def _variables(
    problem: Problem, types: list[tuple[int, int, float]]
) -> tuple[Floats, np.ndarray, np.ndarray, Floats, tuple[list[int], list[int], list[float]]]:
    """Costs; rows, columns and amounts of the stock and parcel rows; the same for the rows of demand, with limits."""
    skus = len(problem.skus)
    costs: list[float] = []
    entries: list[tuple[int, int, float]] = []
    served: tuple[list[int], list[int], list[float]] = ([], [], [])
    next_row = problem.stock.size
    for q, c, orders in types:
        parcels = len(costs)
        costs += problem.parcel[:, c].tolist()
        for sku, units in zip(problem.baskets[q].skus, problem.baskets[q].units, strict=True):
            for k in np.flatnonzero((problem.stock[:, sku] > 0) & np.isfinite(problem.unit[:, c])).tolist():
                share = len(costs)
                costs.append(float(problem.unit[k, c]) * units)
                entries += [(k * skus + sku, share, units), (next_row, share, 1.0), (next_row, parcels + k, -1.0)]
                next_row += 1
                served[0].append(len(served[2]))
                served[1].append(share)
            served[2].append(orders)
    rows, columns, amounts = (np.array(part) for part in zip(*entries, strict=True))
    return np.array(costs), rows.astype(np.intp), columns.astype(np.intp), amounts.astype(float), served
