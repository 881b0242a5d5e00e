"""Steering at scale: SKUs with like stock against like demand share a price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.vq import kmeans2

from orderwing.planning.steering.problem import Basket, Floats, Problem


def alike(problem: Problem, count: int, seed: int, alone: int = 0) -> tuple[int, ...]:
    """A class for each SKU: the `alone` most wanted are one each, the others at most `count` by k-means.

    A SKU's profile is its stock at each site over its expected demand, at most 2: more is never short.
    """
    demand = problem.units.T @ problem.demand.sum(axis=1)
    by_demand = np.argsort(-demand, kind="stable")
    classes = np.empty(len(problem.skus), np.intp)
    classes[by_demand[:alone]] = np.arange(len(by_demand[:alone]))
    rest = by_demand[alone:]
    if len(rest) <= count:
        classes[rest] = alone + np.arange(len(rest))
    else:
        finite = problem.stock[np.isfinite(problem.stock).all(axis=1)]
        profile = np.minimum(finite[:, rest] / np.maximum(demand[rest], 1e-9), 2.0).T
        _, groups = kmeans2(profile, count, minit="++", rng=np.random.default_rng(seed))
        classes[rest] = alone + np.unique(groups, return_inverse=True)[1]
    return tuple(classes.tolist())


def merged(problem: Problem, classes: Sequence[int]) -> Problem:
    """The same problem over classes: stock is pooled, equal baskets are one, lines of a class go together."""
    count = max(classes) + 1
    stock = np.zeros((len(problem.site_ids), count))
    for sku, group in enumerate(classes):
        stock[:, group] += problem.stock[:, sku]
    demand: dict[Basket, Floats] = {}
    for basket, orders in zip(problem.baskets, problem.demand, strict=True):
        units: dict[int, int] = {}
        for sku, quantity in zip(basket.skus, basket.units, strict=True):
            units[classes[sku]] = units.get(classes[sku], 0) + quantity
        key = Basket(tuple(sorted(units)), tuple(units[group] for group in sorted(units)))
        demand[key] = demand.get(key, np.zeros(len(problem.localities))) + orders
    return Problem(
        problem.site_ids,
        tuple(f"class-{n}" for n in range(count)),
        problem.localities,
        problem.parcel,
        problem.unit,
        stock,
        tuple(demand),
        np.array(list(demand.values())),
    )


def spread(prices: Floats, classes: Sequence[int]) -> Floats:
    """Prices of classes (K, N) as prices of their SKUs (K, I)."""
    return prices[:, list(classes)]
