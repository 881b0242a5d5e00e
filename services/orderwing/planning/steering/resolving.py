"""Prices that follow the day: the LP solved again and again for what is left, the more often the less that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orderwing.planning.steering.configurations import Configurations
from orderwing.planning.steering.planning import sampled_prices
from orderwing.planning.steering.problem import Floats, Problem


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Solve again after one in `share` of the orders left have come, at least `least` and at most `most` orders.

    Each time `samples` demands are drawn (`first` the first time), and the new prices weigh `weight` against the old.
    With `samples` 0 the expected demand is solved instead, and its duals are the prices.
    `total_known`: it is known how many orders come.
    """

    share: int = 25
    least: int = 2
    most: int = 100
    samples: int = 2
    first: int = 10
    weight: float = 0.4
    total_known: bool = False

    def __post_init__(self) -> None:
        if self.share < 1 or not 1 <= self.least <= self.most:
            raise ValueError("share, least and most: share >= 1 and 1 <= least <= most")
        if self.samples < 0 or self.first < 1 or not 0 < self.weight <= 1:
            raise ValueError("samples >= 0, first >= 1 and 0 < weight <= 1")


class Steering:
    """Bid prices of a period, told how much stock and demand are left."""

    def __init__(self, problem: Problem, rhythm: Rhythm, seed: int) -> None:
        self._rhythm = rhythm
        self._program = Configurations(problem)
        self._chance = np.random.default_rng(seed)
        self._prices: Floats | None = None

    def orders_until_next(self, orders_left: float) -> int:
        """How many orders may come before the prices are to be solved again."""
        return min(self._rhythm.most, max(self._rhythm.least, int(orders_left) // self._rhythm.share))

    def solve(self, stock: Floats, demand: Floats) -> Floats:
        """Prices (K, I), minor units a unit, for `stock` (K, I) and the `demand` (Q, C) still expected."""
        rhythm = self._rhythm
        if not rhythm.samples:
            return self._program.solve(stock, demand, tolerance=1.0).prices
        count = rhythm.first if self._prices is None else rhythm.samples
        fresh = sampled_prices(self._program, stock, demand, count, self._chance, rhythm.total_known)
        # Averaging over solves is averaging over draws of a future that hardly changed meanwhile.
        self._prices = fresh if self._prices is None else self._prices + rhythm.weight * (fresh - self._prices)
        return self._prices
