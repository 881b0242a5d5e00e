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
Ints = NDArray[np.int64]


@lru_cache(maxsize=16)
def members(sites: int) -> Bits:
    """(2**S, S): which sites are in which subset."""
    return (np.arange(1 << sites)[:, None] >> np.arange(sites) & 1).astype(np.bool_)


@lru_cache(maxsize=16)
def sizes(sites: int) -> Ints:
    counts: Ints = members(sites).sum(axis=1)
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
    return weights(len(costs)) @ costs


@lru_cache(maxsize=16)
def weights(sites: int) -> Floats:
    return members(sites).astype(np.float64)


class Additive(NamedTuple):
    """An answer: its cost, and units of each line from each site (L, S)."""

    cost: float
    units: Ints


def cheapest(fixed: Floats, line: Floats, unit: Floats, stock: Ints, quantity: Ints) -> Additive:
    """Exact where costs add up: `fixed` (S,) for a site used, `line` (S,) for a line there, `unit` (L, S) for a unit.

    `stock` is (L, S), `quantity` (L,). Infinite cost if stock is short. Lines that some site has in part may be split
    over any sites; of equal costs the subset with the lower number wins.
    """
    whole = stock >= quantity[:, None]
    costs = np.where(whole, line * (quantity > 0)[:, None] + unit * quantity[:, None], np.inf)
    table = least(costs)
    parted = np.flatnonzero(((stock > 0) & ~whole).any(axis=1))
    if len(parted):
        table[parted] = split_costs(line, unit[parted], stock[parted], quantity[parted])
    subset_costs = table.sum(axis=0) + total(fixed)
    best = int(subset_costs.argmin())
    cost = float(subset_costs[best])
    units = np.zeros(stock.shape, np.int64)
    if np.isfinite(cost):
        chosen = members(len(fixed))[best]
        rows = np.arange(len(quantity))
        within = np.where(chosen, costs, np.inf)
        sites = within.argmin(axis=1)
        units[rows, sites] = quantity
        for row in parted.tolist():
            if table[row, best] < within[row, sites[row]]:
                units[row] = split_units(line, unit[row], stock[row], int(quantity[row]), best)
    return Additive(cost, units)


def split_costs(line: Floats, unit: Floats, stock: Ints, quantity: Ints) -> Floats:
    """(L, 2**S): each line's least cost when these sites may share it. Infinite where they have too little."""
    has = stock > 0
    order = np.argsort(np.where(has, unit, np.inf), axis=1, kind="stable")[:, : int(has.sum(axis=1).max(initial=0))]
    units, shelves = np.take_along_axis(unit, order, axis=1), np.take_along_axis(stock, order, axis=1)
    cost = _all_used(line[order], units, shelves, quantity)
    for site in range(order.shape[1]):
        pairs = cost.reshape(len(cost), -1, 2, 1 << site)
        np.minimum(pairs[:, :, 1], pairs[:, :, 0], out=pairs[:, :, 1])
    return np.take_along_axis(cost, _renumbered(order, unit.shape[1]), axis=1)


def _all_used(line: Floats, unit: Floats, stock: Ints, quantity: Ints) -> Floats:
    """(L, 2**S): each line's cost when all these sites serve it. Sites come from the cheapest unit to the dearest."""
    lines, sites = unit.shape
    rest = np.empty((lines, 1 << sites), np.int64)
    cost = np.empty((lines, 1 << sites))
    rest[:, 0], cost[:, 0] = quantity, 0.0
    for site in range(sites):
        without, size = slice(0, 1 << site), 1 << site
        taken = np.minimum(rest[:, without], stock[:, site, None])
        rest[:, size : 2 * size] = rest[:, without] - taken
        cost[:, size : 2 * size] = cost[:, without] + (line[:, site, None] + taken * _finite(unit[:, site, None]))
    cost[rest > 0] = np.inf
    return cost


def _finite(unit: Floats) -> Floats:
    """Of sites that have nothing, units have no price."""
    return np.where(np.isfinite(unit), unit, 0.0)


def _renumbered(order: NDArray[np.intp], sites: int) -> NDArray[np.intp]:
    """(L, 2**S): the number of each subset if sites were numbered in each line's own order, some not at all."""
    lines, kept = order.shape
    bits = np.zeros((lines, sites), np.intp)
    np.put_along_axis(bits, order, np.broadcast_to(1 << np.arange(kept), order.shape), axis=1)
    numbers = np.zeros((lines, 1 << sites), np.intp)
    for site in range(sites):
        size = 1 << site
        numbers[:, size : 2 * size] = numbers[:, :size] + bits[:, site, None]
    return numbers


def split_units(line: Floats, unit: Floats, stock: Ints, quantity: int, subset: int) -> Ints:
    """(S,) units of a line from each site of a subset, at the least cost."""
    sites = np.flatnonzero(members(len(line))[subset] & (stock > 0))
    sites = sites[np.argsort(unit[sites], kind="stable")]
    cost = _all_used(line[None, sites], unit[None, sites], stock[None, sites], np.array([quantity]))[0]
    units = np.zeros(len(line), np.int64)
    for place, site in enumerate(sites.tolist()):
        if int(cost.argmin()) >> place & 1:
            units[site] = min(quantity - int(units.sum()), int(stock[site]))
    return units
