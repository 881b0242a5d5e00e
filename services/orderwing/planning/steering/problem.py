"""What a period's steering is about: sites, stock, and the orders expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

UNLIMITED = np.inf  # stock of a site that always delivers: a supplier, a backorder, a lost sale at its price
MOST_SITES = 11  # ten, and one that always delivers: all subsets of them are weighed


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines of an order, as places in `Problem.skus`, and the units of each."""

    skus: tuple[int, ...]
    units: tuple[int, ...]

    @classmethod
    def of(cls, skus: Sequence[int]) -> Basket:
        """One unit of each."""
        return cls(tuple(int(sku) for sku in skus), (1,) * len(skus))


@dataclass(frozen=True)
class Problem:
    """K sites, I SKUs, C localities, Q baskets. Costs are minor units; parts of one are allowed, as in rates a mile.

    `parcel` (K, C) is paid once by an order that uses the site, `unit` (K, C) for each unit, infinite where the site
    does not deliver; `stock` (K, I) are units, `demand` (Q, C) the orders expected. Some site must have all SKUs
    unlimited and deliver everywhere, so that a plan always exists. Raises ValueError, which names the field.
    """

    site_ids: tuple[str, ...]
    skus: tuple[str, ...]
    localities: tuple[str, ...]
    parcel: Floats
    unit: Floats
    stock: Floats
    baskets: tuple[Basket, ...]
    demand: Floats

    def __post_init__(self) -> None:
        k, i, c, q = len(self.site_ids), len(self.skus), len(self.localities), len(self.baskets)
        if not 1 <= k <= MOST_SITES:
            raise ValueError(f"site_ids: {k} sites, and 1 to {MOST_SITES} are possible")
        for name, ids in (("site_ids", self.site_ids), ("skus", self.skus), ("localities", self.localities)):
            if len(set(ids)) != len(ids):
                raise ValueError(f"{name}: an id occurs twice")
        shapes = {"parcel": (k, c), "unit": (k, c), "stock": (k, i), "demand": (q, c)}
        for name, shape in shapes.items():
            values: Floats = getattr(self, name)
            if values.shape != shape:
                raise ValueError(f"{name}: shape {values.shape}, expected {shape}")
            if np.isnan(values).any() or (values < 0).any():
                raise ValueError(f"{name}: a value is negative or no number")
            if name in {"parcel", "demand"} and np.isinf(values).any():
                raise ValueError(f"{name}: a value is infinite")
        if not (np.isinf(self.stock).all(axis=1) & np.isfinite(self.unit).all(axis=1)).any():
            raise ValueError(
                "stock: no site is unlimited and delivers everywhere; add one for lost or late orders, at its price"
            )
        for place, basket in enumerate(self.baskets):
            _check(place, basket, i)

    @cached_property
    def units(self) -> Floats:
        """Units by basket and SKU (Q, I)."""
        units = np.zeros((len(self.baskets), len(self.skus)))
        for q, basket in enumerate(self.baskets):
            units[q, list(basket.skus)] = basket.units
        return units

    @cached_property
    def lines(self) -> tuple[tuple[Ints, Ints], ...]:
        """SKUs and units of each basket."""
        return tuple((np.array(b.skus, np.intp), np.array(b.units, np.intp)) for b in self.baskets)


def _check(place: int, basket: Basket, skus: int) -> None:
    if len(basket.skus) != len(basket.units) or len(set(basket.skus)) != len(basket.skus):
        raise ValueError(f"baskets[{place}]: each SKU once, with its units")
    if any(not 0 <= sku < skus for sku in basket.skus):
        raise ValueError(f"baskets[{place}]: a SKU is unknown")
    if any(units < 1 for units in basket.units):
        raise ValueError(f"baskets[{place}]: units must be at least 1")
