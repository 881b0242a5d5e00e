"""The configuration LP: a variable per basket, locality and assignment of its lines to sites, by column generation.

Tighter than a variable per line (Ma 2023): a parcel is paid by the assignment as a whole. The columns found are kept
for the next solve, so that a re-solve with other stock or demand is one LP of a few hundred rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array

from orderwing.planning.steering.choice import CLOSED, Chooser, cost_of
from orderwing.planning.steering.problem import Floats, Ints, Problem
from orderwing.planning.steering.solver import minimise


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
        everything = np.ones_like(problem.demand, dtype=bool)
        always = np.where(np.isinf(problem.stock), 0.0, CLOSED)
        self._add(always, everything)
        self._add(np.where(problem.stock > 0, 0.0, CLOSED), everything)

    def __len__(self) -> int:
        return len(self._columns)

    def solve(self, stock: Floats, demand: Floats, tolerance: float = 1e-6) -> Optimum:
        """The LP's optimum for `stock` (K, I) and `demand` (Q, C).

        `tolerance`: no column is missing that would save more than that, minor units an order.
        """
        wanted = (demand > 0) & (self._problem.units.sum(axis=1) > 0)[:, None]
        if not wanted.any():
            return Optimum(0.0, 0.0, np.zeros_like(stock), np.zeros_like(demand), ())
        while True:
            cost, prices, values, amounts = self._solve_once(stock, demand, wanted)
            priced = np.where(stock > 0, prices, CLOSED)
            least, subsets = self._best(priced)
            gap = np.where(wanted, values - least, 0.0)
            if not self._add(priced, gap > tolerance, subsets):
                break
        saving = float((np.maximum(gap, 0.0) * np.where(wanted, demand, 0.0)).sum())
        flows = tuple(Flow(*self._columns[j], float(amounts[j])) for j in np.flatnonzero(amounts > 1e-9))
        return Optimum(cost, cost - saving, prices, np.where(wanted, values, 0.0), flows)

    def _best(self, prices: Floats) -> tuple[Floats, Ints]:
        """The least cost of each basket and locality under `prices`, and the subset of sites that has it, (Q, C)."""
        priced = prices[:, None] + self._problem.unit[:, :, None]  # (K, C, I)
        fixed = self._chooser.fixed.T
        least = np.empty((len(fixed), *priced.shape[1:]))
        least[0] = CLOSED
        for k, site in enumerate(priced):
            half = 1 << k
            np.minimum(least[:half], site, out=least[half : 2 * half])
        total = least @ self._problem.units.T + fixed[:, :, None]
        subsets = total.argmin(axis=0)
        return np.take_along_axis(total, subsets[None], axis=0)[0].T, subsets.T

    def _add(self, prices: Floats, where: np.ndarray, subsets: Ints | None = None) -> int:
        """Add the best columns of the baskets and localities `where` (Q, C). Returns how many are new."""
        if subsets is None:
            _, subsets = self._best(prices)
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

    def _solve_once(self, stock: Floats, demand: Floats, wanted: np.ndarray) -> tuple[float, Floats, Floats, Floats]:
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
