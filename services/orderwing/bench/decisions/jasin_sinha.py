"""Instances of online sourcing of multi-item orders, after Jasin & Sinha (2015) and Ma (2023).

Ten US cities, five of them with a site, 20 SKUs, 26 baskets, 10,000 arrivals. Costs are cents here.
Cities: GeoNames (geonames.org), CC BY 4.0.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

import numpy as np

from orderwing.planning.steering.problem import UNLIMITED, Basket, Floats, Problem

ARRIVALS = 10_000
SKUS = 20
CITIES = (
    ("New York City", 40.71427, -74.00597, 8804190),
    ("Los Angeles", 34.05223, -118.24368, 3820914),
    ("Chicago", 41.85003, -87.65005, 2664452),
    ("Houston", 29.76328, -95.36327, 2314157),
    ("Phoenix", 33.44838, -112.07404, 1650070),
    ("Philadelphia", 39.95238, -75.16362, 1573916),
    ("San Antonio", 29.42412, -98.49363, 1526656),
    ("San Diego", 32.71571, -117.16472, 1404452),
    ("Dallas", 32.78306, -96.80667, 1326087),
    ("Jacksonville", 30.33218, -81.65565, 1009833),
)
SITES = ("Chicago", "Phoenix", "Philadelphia", "Dallas", "Jacksonville")
LOST = "lost"
PARCEL, UNIT, UNIT_MILE = 875.9, 42.3, 0.0541  # cents
_CARRIED = 0.75
_EARTH_MILES = 6371 / 1.609344


class Instance(NamedTuple):
    """`arrivals` are (basket, locality); `problem.demand` is what is expected of all of them."""

    problem: Problem
    arrivals: tuple[tuple[int, int], ...]

    def came(self) -> Floats:
        """Orders by basket and locality (Q, C) that came."""
        came = np.zeros_like(self.problem.demand)
        np.add.at(came, tuple(np.array(self.arrivals).T), 1)
        return came


def instance(seed: int, arrivals: int = ARRIVALS) -> Instance:
    """The draws are in a fixed order: baskets, shares, range, arrivals. Site 5 is the lost sale."""
    chance = np.random.default_rng(seed)
    baskets = [np.array([], int)]
    baskets += [chance.permutation(SKUS)[:size] for size in range(1, 6) for _ in range(5)]
    empty, by_size = chance.random(), chance.random(5)
    whole = empty + by_size.sum()
    share = [empty / whole]
    for size in range(5):
        weights = chance.random(5)
        share += list(by_size[size] / whole * weights / weights.sum())
    people = np.array([city[3] for city in CITIES], float)
    rates = np.outer(share, people / people.sum())
    carried = (chance.random((SKUS, len(SITES))) < _CARRIED).T
    miles = np.array([[_miles(site, city) for city in CITIES] for site in CITIES if site[0] in SITES])
    came = chance.choice(rates.size, size=arrivals, p=rates.ravel())
    problem = Problem(
        (*SITES, LOST),
        tuple(f"sku-{n}" for n in range(SKUS)),
        tuple(city[0] for city in CITIES),
        np.outer([PARCEL] * len(SITES) + [2 * PARCEL], np.ones(len(CITIES))),
        np.vstack([UNIT + UNIT_MILE * miles, 2 * (UNIT + UNIT_MILE * miles.max(axis=0))]),
        np.vstack([_stock(baskets, rates, carried, miles, arrivals), np.full(SKUS, UNLIMITED)]),
        tuple(Basket.of(basket.tolist()) for basket in baskets),
        arrivals * rates,
    )
    return Instance(problem, tuple(divmod(int(number), len(CITIES)) for number in came))


def _stock(baskets: list[np.ndarray], rates: Floats, carried: np.ndarray, miles: Floats, arrivals: int) -> Floats:
    """Each city's demand is expected at its closest site that carries the SKU, with half a standard deviation more."""
    expected = np.zeros((len(SITES), SKUS))
    for basket, by_city in zip(baskets, rates, strict=True):
        for sku in basket:
            if carried[:, sku].any():
                closest = np.where(carried[:, sku, None], miles, np.inf).argmin(axis=0)
                np.add.at(expected[:, sku], closest, by_city)
    spread = np.sqrt(arrivals * expected * (1 - expected))
    return np.where(carried, np.round(arrivals * expected + 0.5 * spread), 0.0)


def _miles(one: tuple[str, float, float, int], other: tuple[str, float, float, int]) -> float:
    """Great circle (haversine)."""
    south, west, north, east = map(radians, (one[1], one[2], other[1], other[2]))
    chord = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * _EARTH_MILES * asin(sqrt(chord))
