"""The period's plan: the optimum of expected demand, prices to steer by, and targets to hand down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orderwing.planning.steering.configurations import Configurations, Optimum
from orderwing.planning.steering.problem import Floats, Problem

# The unit that a decision takes is worth what stock loses with it: the slope between s - 1 and s, not that at s.
HALF_A_UNIT = 0.5
TOLERANCE = 1.0  # minor units an order; a sampled dual is noisier than that


@dataclass(frozen=True)
class Plan:
    """`prices` (K, I): minor units that a decision adds for a unit from a site, 0 where stock is unlimited.

    `targets` (C, K): units of a locality's expected demand that a site should ship.
    """

    optimum: Optimum
    prices: Floats
    targets: Floats


def plan(problem: Problem, samples: int = 0, seed: int = 0) -> Plan:
    """Solves the configuration LP of expected demand.

    `samples` is the budget: with 0 the prices are the LP's duals, else the mean of the duals of that many demands
    drawn from the expectation (randomised LP, Talluri & van Ryzin 1999), which price the risk to run out as well.
    """
    program = Configurations(problem)
    optimum = program.solve(problem.stock, problem.demand)
    prices = optimum.prices
    if samples:
        prices = sampled_prices(program, problem.stock, problem.demand, samples, np.random.default_rng(seed))
    return Plan(optimum, prices, targets(problem, optimum))


def targets(problem: Problem, optimum: Optimum) -> Floats:
    """Units by locality and site (C, K) that the optimum ships."""
    units = np.zeros((len(problem.localities), len(problem.site_ids)))
    for flow in optimum.flows:
        for site, quantity in zip(flow.sites, problem.baskets[flow.basket].units, strict=True):
            units[flow.locality, site] += quantity * flow.orders
    return units


def sampled_prices(
    program: Configurations,
    stock: Floats,
    demand: Floats,
    samples: int,
    chance: np.random.Generator,
    total_known: bool = False,
) -> Floats:
    """The mean of the duals of stock (K, I) over `samples` demands drawn with mean `demand` (Q, C).

    Each is Poisson; where it is known how many orders come (`demand` sums up to that), all are one multinomial.
    """
    less = np.where(stock > 0, np.maximum(stock - HALF_A_UNIT, 0.0), 0.0)
    prices = np.zeros_like(stock)
    for _ in range(samples):
        drawn = _drawn(demand, chance, total_known)
        prices += program.solve(less, drawn, tolerance=TOLERANCE).prices
    return prices / samples


def _drawn(demand: Floats, chance: np.random.Generator, total_known: bool) -> Floats:
    total = float(demand.sum())
    if not total_known or not total:
        return chance.poisson(demand).astype(float)
    return chance.multinomial(round(total), demand.ravel() / total).reshape(demand.shape).astype(float)
