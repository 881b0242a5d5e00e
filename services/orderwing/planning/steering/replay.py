"""A stream of orders decided one by one against the stock that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from orderwing.planning.steering.choice import cost_of
from orderwing.planning.steering.problem import Floats, Ints, Problem

# (basket, locality, stock left) -> the site of each line; (orders decided so far, stock left) -> to be told of both
Decide = Callable[[int, int, Floats], Ints]
Watch = Callable[[int, Floats], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`picks` has the sites of each order's lines; `orders` are those with lines; `unlimited_units` came from sites
    whose stock never ends."""

    cost: float
    orders: int
    parcels: int
    unlimited_units: int
    picks: tuple[Ints, ...]


def replay(
    problem: Problem, arrivals: Sequence[tuple[int, int]], decide: Decide, watch: Watch | None = None
) -> Outcome:
    """Decide `arrivals` (basket, locality) in turn. `watch` is called before each of them, to solve prices again."""
    stock = problem.stock.copy()
    cost, parcels, orders, unlimited = 0.0, 0, 0, 0
    endless = np.array([bool(np.isinf(row).all()) for row in problem.stock])
    picks: list[Ints] = []
    for number, (basket, locality) in enumerate(arrivals):
        if watch is not None:
            watch(number, stock)
        skus, units = problem.lines[basket]
        if not len(skus):
            picks.append(skus)
            continue
        sites = decide(basket, locality, stock)
        stock[sites, skus] -= units
        cost += cost_of(problem, basket, locality, sites)
        parcels += len(set(sites.tolist()))
        orders += 1
        unlimited += int(units[endless[sites]].sum())
        picks.append(sites)
    return Outcome(cost, orders, parcels, unlimited, tuple(picks))
