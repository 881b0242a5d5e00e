"""The online decision: which site ships which line of one order, exactly, with the price of what it uses."""

from __future__ import annotations

import numpy as np

from orderwing.planning.steering.problem import Floats, Ints, Problem

CLOSED = 1e9  # what a line costs where it cannot be had: more than all that can


class Chooser:
    """Least cost plus price over all assignments of lines to sites: the best site of each subset, for all 2^K subsets.

    Whole lines only. Of equals the subset that comes first by its bits, and in it the first site.
    """

    def __init__(self, parcel: Floats, unit: Floats) -> None:
        """Costs as in `Problem`: `parcel` and `unit` (K, C), minor units."""
        sites = len(parcel)
        self._unit = unit
        self.member = (np.arange(1 << sites)[:, None] >> np.arange(sites) & 1).astype(bool)
        self.fixed = np.ascontiguousarray((self.member @ parcel).T)  # (C, 2^K)

    def choose(self, skus: Ints, units: Ints, locality: int, prices: Floats, stock: Floats) -> Ints:
        """The site of each line. `prices` (K, I) minor units a unit, `stock` (K, I) units.

        Raises LookupError if a line can be had nowhere.
        """
        cost = (prices[:, skus] + self._unit[:, locality, None]) * units
        cost[stock[:, skus] < units] = CLOSED
        best = np.empty((len(self.member), len(skus)))
        best[0] = CLOSED
        for k, row in enumerate(cost):
            half = 1 << k
            np.minimum(best[:half], row, out=best[half : 2 * half])
        total = best.sum(axis=1)
        total += self.fixed[locality]
        subset = int(total.argmin())
        if total[subset] >= CLOSED:
            raise LookupError("no site has the line")
        sites: Ints = np.where(self.member[subset, :, None], cost, 2 * CLOSED).argmin(axis=0)
        return sites


def cost_of(problem: Problem, basket: int, locality: int, sites: Ints) -> float:
    """What an order costs, without prices: parcels and units, minor units."""
    _, units = problem.lines[basket]
    return float(problem.parcel[np.unique(sites), locality].sum() + problem.unit[sites, locality] @ units)


def nearest(problem: Problem, basket: int, locality: int, stock: Floats) -> Ints:
    """The baseline: each line from the site of the least cost a unit that has it; parcels are not thought of."""
    skus, units = problem.lines[basket]
    cost = np.where(stock[:, skus] < units, CLOSED, problem.unit[:, locality, None])
    if (cost.min(axis=0) >= CLOSED).any():
        raise LookupError("no site has the line")
    sites: Ints = cost.argmin(axis=0)
    return sites
