"""The configuration LP: a variable per basket, locality and assignment of its lines to sites, by column generation.

Tighter than a variable per line (Ma 2023): a parcel is paid by the assignment as a whole. The columns found are kept
for the next solve, so that a re-solve with other stock or demand is one LP of a few hundred rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from orderwing.planning.steering.choice import CLOSED, Chooser, cost_of
from orderwing.planning.steering.problem import Floats, Ints, Problem
from orderwing.planning.steering.solver import minimise

PROVEN = 1e-6  # the last few columns of a degenerate LP save nothing, and take half of the time
Flags = NDArray[np.bool_]


class Flow(NamedTuple):
    """Orders of a basket and locality that get this assignment of lines to sites."""

    basket: int
    locality: int
    sites: tuple[int, ...]
    orders: float


@dataclass(frozen=True)
class Optimum:
    """`prices` (K, I) are the duals of stock, `values` (Q, C) those of demand: the cost of one more order.

    Minor units. `bound` is what the duals prove: no plan costs less than that.
    """

    cost: float
    bound: float
    prices: Floats
    values: Floats
    flows: tuple[Flow, ...]


class Configurations:
    """The columns found so far, and the solver."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._chooser = Chooser(problem.parcel, problem.unit)
        self._known: set[tuple[int, int, tuple[int, ...]]] = set()
        self._columns: list[tuple[int, int, tuple[int, ...]]] = []
        self._cost: list[float] = []
        self._entries: tuple[list[int], list[int], list[float]] = ([], [], [])  # row, column, units of stock
        self._matrices: tuple[csc_array, csc_array] | None = None
        self._covered = np.zeros_like(problem.demand, dtype=bool)

    def __len__(self) -> int:
        return len(self._columns)

    def solve(self, stock: Floats, demand: Floats, tolerance: float = 1e-6) -> Optimum:
        """The LP's optimum for `stock` (K, I) and `demand` (Q, C), proven to a part in a million of its cost.

        Or less than that where no column is missing that would save more than `tolerance`, minor units an order.
        """
        wanted = (demand > 0) & (self._problem.units.sum(axis=1) > 0)[:, None]
        if not wanted.any():
            return Optimum(0.0, 0.0, np.zeros_like(stock), np.zeros_like(demand), ())
        self._cover(wanted & ~self._covered)
        orders = np.where(wanted, demand, 0.0)
        while True:
            cost, prices, values, amounts = self._solve_once(stock, demand, wanted)
            priced = np.where(stock > 0, prices, CLOSED)
            least, subsets = self._best(priced, wanted)
            gap = np.where(wanted, values - least, 0.0)
            saving = float((np.maximum(gap, 0.0) * orders).sum())
            if saving <= PROVEN * cost or not self._add(priced, gap > tolerance, subsets):
                break
        flows = tuple(Flow(*self._columns[j], float(amounts[j])) for j in np.flatnonzero(amounts > 1e-9))
        return Optimum(cost, cost - saving, prices, np.where(wanted, values, 0.0), flows)

    def _cover(self, new: Flags) -> None:
        """Columns that are always feasible for what comes for the first time, and the cheapest while stock lasts."""
        if new.any():
            stock = self._problem.stock
            self._add(np.where(np.isinf(stock), 0.0, CLOSED), new)
            self._add(np.where(stock > 0, 0.0, CLOSED), new)
            self._covered |= new

    def _best(self, prices: Floats, where: Flags) -> tuple[Floats, Ints]:
        """The least cost of the baskets and localities `where` under `prices`, and its subset of sites, (Q, C)."""
        problem = self._problem
        costs, subsets = np.zeros(where.shape), np.zeros(where.shape, np.intp)
        least = np.empty((len(self._chooser.member), len(problem.skus)))
        least[0] = CLOSED
        for c in np.flatnonzero(where.any(axis=0)).tolist():
            for k, site in enumerate(prices + problem.unit[:, c, None]):
                half = 1 << k
                np.minimum(least[:half], site, out=least[half : 2 * half])
            baskets = np.flatnonzero(where[:, c])
            total = problem.units[baskets] @ least.T + self._chooser.fixed[c]
            subsets[baskets, c] = total.argmin(axis=1)
            costs[baskets, c] = total.min(axis=1)
        return costs, subsets

    def _add(self, prices: Floats, where: Flags, subsets: Ints | None = None) -> int:
        """Add the best columns of the baskets and localities `where` (Q, C). Returns how many are new."""
        if subsets is None:
            _, subsets = self._best(prices, where)
        problem, before = self._problem, len(self._columns)
        for q, c in zip(*(axis.tolist() for axis in np.nonzero(where)), strict=True):
            skus, units = problem.lines[q]
            if not len(skus):
                continue
            priced = prices[:, skus] + problem.unit[:, c, None]
            sites = np.where(self._chooser.member[subsets[q, c], :, None], priced, 2 * CLOSED).argmin(axis=0)
            column = (q, c, tuple(sites.tolist()))
            if column in self._known:
                continue
            self._known.add(column)
            rows, columns, amounts = self._entries
            rows += (sites * len(problem.skus) + skus).tolist()
            columns += [len(self._columns)] * len(skus)
            amounts += units.tolist()
            self._columns.append(column)
            self._cost.append(cost_of(problem, q, c, sites))
            self._matrices = None
        return len(self._columns) - before

    def _program(self) -> tuple[csc_array, csc_array]:
        """Stock and demand rows by column."""
        if self._matrices is None:
            rows, columns, amounts = self._entries
            count, localities = len(self._columns), len(self._problem.localities)
            types = [q * localities + c for q, c, _ in self._columns]
            uses = csc_array((amounts, (rows, columns)), shape=(self._problem.stock.size, count))
            serves = csc_array((np.ones(count), (types, range(count))), shape=(self._problem.demand.size, count))
            self._matrices = uses, serves
        return self._matrices

    def _solve_once(self, stock: Floats, demand: Floats, wanted: Flags) -> tuple[float, Floats, Floats, Floats]:
        uses, serves = self._program()
        types = np.flatnonzero(wanted)
        cells = np.flatnonzero(np.isfinite(stock))
        serves = serves.tocsr()[types].tocsc()
        columns = np.flatnonzero(np.diff(serves.indptr))
        found = minimise(
            np.array(self._cost)[columns],
            uses[:, columns].tocsr()[cells],
            stock.ravel()[cells],
            serves[:, columns],
            demand.ravel()[types],
        )
        prices, values, amounts = np.zeros(stock.size), np.zeros(demand.size), np.zeros(len(self._columns))
        prices[cells] = np.maximum(0.0, -found.above)
        values[types] = found.equal
        amounts[columns] = found.amounts
        return found.cost, prices.reshape(stock.shape), values.reshape(demand.shape), amounts
