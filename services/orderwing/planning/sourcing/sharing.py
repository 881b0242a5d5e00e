"""How an order is shared out among sites at the least cost, exactly: every load of every site is priced in a table.

Pairs of sites are weighed at once. Three and more only where a bound over all subsets leaves hope: those sites go
through the min-plus convolution f(load) = min over parts of f(load - part) + cost(part).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np

from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.states import Ints, States, pair_count
from orderwing.planning.sourcing.tables import FAR, LOST

FEW = 100_000  # entries that cost less than a better bound
PAIRS = 60_000  # up to here a table of all pairs (load, part) is kept


class Shared(NamedTuple):
    """The load of each site that takes one, (site, load), and the scaled cost; FAR where it cannot be.

    `bound` is below every other sharing; None where that is the cost.
    """

    cost: int
    loads: tuple[tuple[int, int], ...]
    bound: float | None = None


class Slope(NamedTuple):
    """A bound from below: a load costs at least `fixed` (S,), and for each want at least `line` (L, S), if it is some.

    `line` is for the whole quantity; a part of it counts at least in proportion. `able`: (2**S,) the subsets of sites
    that have the whole order, where it may not wait.
    """

    fixed: subsets.Floats
    line: subsets.Floats
    able: subsets.Bits | None = None


def share(costs: Ints, states: States, slopes: Iterable[Slope], cells: int) -> Shared:
    """`costs` is (S, N), nought for the load of nothing. Without slopes three and more sites are always weighed.

    Branch and bound over subsets: the sites of the one with the lowest bound are weighed together, then of the next, or
    of all that are left if these are many. Convolutions of more than `cells` entries in all are left undone.
    """
    best = _alone(costs)
    if len(costs) > 1:
        best = min(best, _pairs(costs))
    if len(costs) < 3:
        return best
    pairs = pair_count(states.quantities)
    bounds = _bounds(slopes if pairs * len(costs) > FEW else islice(slopes, 1), best.cost, len(costs))
    inside = subsets.members(len(costs))
    tried = False
    while (left := np.flatnonzero(bounds < best.cost - 0.5)).size:
        lowest = int(left[bounds[left].argmin()])
        sites, first = np.flatnonzero(inside[left].any(axis=0)), np.flatnonzero(inside[lowest])
        work, alone = pairs * (len(sites) - 2), pairs * (len(first) - 2)
        try_first = not tried and work > FEW and work + alone <= cells
        if left.size <= len(sites) - 2 or try_first or work > cells:
            sites, work = first, alone
        if work > cells:
            return best._replace(bound=float(bounds[lowest]))
        cells -= work
        best = min(best, _convolved(costs, sites.tolist(), states))
        bounds[~np.delete(inside, sites, axis=1).any(axis=1)] = np.inf
        tried = True
    return best


def _bounds(slopes: Iterable[Slope], cost: int, sites: int) -> subsets.Floats:
    """(2**S,): what each subset of three and more sites costs at least; infinite where it cannot serve the order.

    Further slopes are asked for as long as a subset could cost less.
    """
    bounds = np.where(subsets.sizes(sites) > 2, -np.inf, np.inf)  # steering may pay
    for slope in slopes:
        np.maximum(bounds, subsets.least(slope.line).sum(axis=0) + subsets.total(slope.fixed), out=bounds)
        if slope.able is not None:
            bounds[~slope.able] = np.inf
        if not (bounds < cost - 0.5).any():
            break
    return bounds


def _alone(costs: Ints) -> Shared:
    site = int(costs[:, -1].argmin())
    return Shared(int(costs[site, -1]), ((site, costs.shape[1] - 1),))


def _pairs(costs: Ints) -> Shared:
    best = Shared(FAR, ())
    for site in range(len(costs) - 1):
        sums = costs[site + 1 :] + costs[site, ::-1]
        place = int(sums.argmin())
        other, load = divmod(place, costs.shape[1])
        cost = int(sums[other, load])
        if cost < best.cost:
            best = Shared(cost, _some((site, costs.shape[1] - 1 - load), (site + 1 + other, load)))
    return best


def best_pairs(costs: Ints) -> list[Shared]:
    """The best sharing of each pair of sites that both ship some of it, the cheapest first."""
    found = []
    for site in range(len(costs) - 1):
        sums = (costs[site + 1 :] + costs[site, ::-1])[:, 1:-1]
        if not sums.size:
            continue
        for other, load in enumerate((sums.argmin(axis=1) + 1).tolist()):
            cost = int(sums[other, load - 1])
            if cost < LOST:
                found.append(Shared(cost, ((site, costs.shape[1] - 1 - load), (site + 1 + other, load))))
    return sorted(found)


def _some(*loads: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple([one for one in loads if one[1]])


def _convolved(costs: Ints, sites: list[int], states: States) -> Shared:
    steps = [costs[sites[0]]]
    for site in sites[1:-1]:
        steps.append(_convolution(steps[-1], costs[site], states))
    last = steps[-1][::-1] + costs[sites[-1]]
    load = int(last.argmin())
    cost = int(last[load])
    if cost >= LOST:
        return Shared(FAR, ())
    loads = [(sites[-1], load)]
    left = states.count - 1 - load
    for step in range(len(steps) - 1, 0, -1):
        parts = np.flatnonzero((states.amounts <= states.amounts[left]).all(axis=1))
        load = int(parts[(steps[step - 1][left - parts] + costs[sites[step]][parts]).argmin()])
        loads.append((sites[step], load))
        left -= load
    loads.append((sites[0], left))
    return Shared(cost, _some(*reversed(loads)))


def _convolution(costs: Ints, more: Ints, states: States) -> Ints:
    """(N,): each load shared between what `costs` tells of and one site more."""
    if pair_count(states.quantities) <= PAIRS:
        part, rest, starts = states.pairs
        return np.minimum.reduceat(costs[rest] + more[part], starts)
    shape = [quantity + 1 for quantity in states.quantities]
    table = costs.reshape(shape)
    best = table.copy()
    for load in np.flatnonzero(more[1:] < LOST) + 1:
        amounts = states.amounts[load].tolist()
        above = tuple([slice(amount, None) for amount in amounts])
        below = tuple([slice(None, size - amount) for size, amount in zip(shape, amounts, strict=True)])
        np.minimum(best[above], table[below] + more[load], out=best[above])
    return best.ravel()
