"""Every subset of at most a dozen sites at once.

A subset is the number whose bit s says that site s is in it. Tables over subsets grow by doubling: those with the next
site are those without it, and it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]


@lru_cache(maxsize=16)
def members(sites: int) -> Bits:
    """(2**S, S): which sites are in which subset."""
    return (np.arange(1 << sites)[:, None] >> np.arange(sites) & 1).astype(np.bool_)


@lru_cache(maxsize=16)
def sizes(sites: int) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = members(sites).sum(axis=1)
    return counts


def least(costs: Floats) -> Floats:
    """(L, 2**S) of (L, S): the least cost of each row within each subset; infinite within none."""
    lines, sites = costs.shape
    half = sites // 2
    low, high = _doubled(costs[:, :half]), _doubled(costs[:, half:])
    return np.minimum(high[:, :, None], low[:, None, :]).reshape(lines, -1)


def total(costs: Floats) -> Floats:
    """(2**S,) of (S,): sums within each subset."""
    half = len(costs) // 2
    return np.add.outer(_summed(costs[half:]), _summed(costs[:half])).ravel()


def _doubled(costs: Floats) -> Floats:
    lines, sites = costs.shape
    table = np.full((lines, 1 << sites), np.inf)
    for site in range(sites):
        size = 1 << site
        np.minimum(table[:, :size], costs[:, site, None], out=table[:, size : 2 * size])
    return table


def _summed(costs: Floats) -> Floats:
    return members(len(costs)) @ costs


class Additive(NamedTuple):
    """An answer: its cost, and units of each line from each site (L, S)."""

    cost: float
    units: NDArray[np.int64]


def cheapest(
    fixed: Floats, line: Floats, unit: Floats, stock: NDArray[np.int64], quantity: NDArray[np.int64]
) -> Additive:
    """Exact where costs add up: `fixed` (S,) for a site used, `line` (S,) for a line there, `unit` (L, S) for a unit.

    `stock` is (L, S), `quantity` (L,). Infinite cost if stock is short. Lines that some site has in part may be split
    over any sites; of equal costs the subset with the lower number wins.
    """
    whole = stock >= quantity[:, None]
    costs = np.where(whole, line + unit * quantity[:, None], np.inf)
    table = least(costs)
    parted = np.flatnonzero(((stock > 0) & ~whole).any(axis=1))
    for row in parted.tolist():
        table[row] = split_costs(line, unit[row], stock[row], int(quantity[row]))
    subset_costs = table.sum(axis=0) + total(fixed)
    best = int(subset_costs.argmin())
    cost = float(subset_costs[best])
    units = np.zeros(stock.shape, np.int64)
    if np.isfinite(cost):
        chosen = members(len(fixed))[best]
        rows = np.arange(len(quantity))
        units[rows, np.where(chosen, costs, np.inf).argmin(axis=1)] = quantity
        for row in parted.tolist():
            units[row] = split_units(line, unit[row], stock[row], int(quantity[row]), best)
    return Additive(cost, units)


def _exact_use(line: Floats, unit: Floats, stock: NDArray[np.int64], quantity: int) -> Floats:
    """(2**S,): a line's cost when just these sites serve it, the cheapest units first."""
    sites = len(line)
    rest = np.full(1 << sites, quantity, np.int64)
    cost = total(line)
    inside = members(sites)
    for site in np.argsort(unit, kind="stable").tolist():
        taken = np.minimum(rest, stock[site]) * inside[:, site]
        rest -= taken
        if stock[site] > 0:
            cost += taken * unit[site]
    cost[rest > 0] = np.inf
    return cost


def split_costs(line: Floats, unit: Floats, stock: NDArray[np.int64], quantity: int) -> Floats:
    """(2**S,): a line's least cost when these sites may serve it."""
    cost = _exact_use(line, unit, stock, quantity)
    for site in range(len(line)):
        pair = cost.reshape(-1, 2, 1 << site)
        np.minimum(pair[:, 1], pair[:, 0], out=pair[:, 1])
    return cost


def split_units(line: Floats, unit: Floats, stock: NDArray[np.int64], quantity: int, subset: int) -> NDArray[np.int64]:
    cost = _exact_use(line, unit, stock, quantity)
    numbers = np.arange(len(cost))
    cost[(numbers & ~subset) != 0] = np.inf
    used = members(len(line))[int(cost.argmin())]
    units = np.zeros(len(line), np.int64)
    rest = quantity
    for site in np.argsort(unit, kind="stable").tolist():
        if used[site]:
            units[site] = min(rest, int(stock[site]))
            rest -= int(units[site])
    return units
