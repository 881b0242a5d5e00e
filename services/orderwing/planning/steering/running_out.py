"""Prices without a program to solve, for shelves of few units: the chance that one runs out, times what that costs.

A linear program shares out parts of lines and of parcels. Where a shelf holds two or three units its duals tell next to
nothing; what still counts there is to use up the shelves of a SKU evenly, and those of SKUs in demand last.
"""

from __future__ import annotations

import numpy as np

from orderwing.planning.steering.problem import Floats


def running_out(stock: Floats, demand: Floats, missing_minor: Floats) -> Floats:
    """What the last unit of each shelf is worth, minor units: (K, I).

    `stock` (K, I) are units, `demand` (K, I) the mean of those that will be asked of the shelf until it is filled up,
    `missing_minor` (K, 1) or (K, I) what a unit costs that is asked for and not there. Of demand's rate only a mean is
    known: it is taken as exponential, so that demand is geometric. Raises ValueError for what is negative.
    """
    if (demand < 0).any() or (missing_minor < 0).any():
        raise ValueError("demand and missing_minor: at least 0")
    more: Floats = missing_minor * (demand / (1 + demand)) ** np.maximum(stock, 1)
    return more
