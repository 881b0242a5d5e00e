"""A period's prices by name, as decisions look them up and as they are published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from orderwing.planning.steering.problem import Floats, Problem


@dataclass(frozen=True, slots=True)
class Prices:
    """In force from `valid_from_ms` until before `valid_until_ms`; a shelf (site, SKU) that is not named costs nothing.

    Raises ValueError for a price that is negative or a time that ends before it begins.
    """

    version: int
    valid_from_ms: int
    valid_until_ms: int
    by_shelf: Mapping[tuple[str, str], int]

    def __post_init__(self) -> None:
        if self.valid_until_ms <= self.valid_from_ms:
            raise ValueError("valid_until_ms must be after valid_from_ms")
        for (site_id, sku), minor in self.by_shelf.items():
            if minor < 0:
                raise ValueError(f"site {site_id}: the price of {sku} is {minor}, below 0")

    def minor(self, site_id: str, sku: str, now_ms: int) -> int:
        """Minor units for a unit from the shelf."""
        if not self.valid_from_ms <= now_ms < self.valid_until_ms:
            return 0
        return self.by_shelf.get((site_id, sku), 0)

    def total(self, taken: Iterable[tuple[str, str, int]], now_ms: int) -> int:
        """Minor units for all that a decision takes: (site, SKU, units)."""
        return sum([units * self.minor(site_id, sku, now_ms) for site_id, sku, units in taken])


def by_shelf(problem: Problem, prices: Floats) -> Iterator[tuple[str, str, int]]:
    """(site, SKU, minor units) of every price (K, I) that is not 0 when rounded, where stock is limited."""
    rounded = np.rint(np.where(np.isinf(problem.stock), 0.0, prices)).astype(np.int64)
    for k, i in zip(*np.nonzero(rounded), strict=True):
        yield problem.site_ids[k], problem.skus[i], int(rounded[k, i])
