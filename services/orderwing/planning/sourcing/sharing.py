"""How an order is shared out among sites at the least cost, exactly: every load of every site is priced in a table.

Pairs of sites are weighed at once. Three and more only where a bound over all subsets leaves hope: those sites go
through the min-plus convolution f(load) = min over parts of f(load - part) + cost(part).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.states import Ints, States, pair_count
from orderwing.planning.sourcing.tables import FAR, LOST

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

    `line` is for the whole quantity; a part of it counts at least in proportion.
    """

    fixed: subsets.Floats
    line: subsets.Floats


def share(costs: Ints, states: States, slope: Slope | None, cells: int) -> Shared:
    """`costs` is (S, N), nought for the load of nothing. Without a slope three and more sites are always weighed.

    Convolutions of more than `cells` entries in all are left undone.
    """
    best = _alone(costs)
    sites = len(costs)
    if sites > 1:
        best = min(best, _pairs(costs))
    if sites < 3:
        return best
    hopeful, bound = np.arange(sites), 0.0
    if slope is not None:
        hopeful, bound = _hopeful(slope, best.cost)
    if len(hopeful) < 3:
        return best
    if pair_count(states.quantities) * (len(hopeful) - 2) > cells:
        return best._replace(bound=bound)
    return min(best, _convolved(costs, hopeful.tolist(), states))


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


def _hopeful(slope: Slope, cost: int) -> tuple[Ints, float]:
    """The sites of all subsets of three and more that could cost less, and what these cost at least."""
    sites = len(slope.fixed)
    bounds = subsets.least(slope.line).sum(axis=0) + subsets.total(slope.fixed)
    hope = (bounds < cost - 0.5) & (subsets.sizes(sites) > 2)
    return np.flatnonzero(subsets.members(sites)[hope].any(axis=0)), float(bounds[hope].min(initial=cost))


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
