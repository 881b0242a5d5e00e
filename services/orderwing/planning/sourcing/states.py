"""All loads of an order: every amount of each want from none to all, numbered in mixed radix."""

from __future__ import annotations

from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """Every (load, part of it): the part's number, that of the rest, and where each load's pairs begin."""

    part: NDArray[np.intp]
    rest: NDArray[np.intp]
    starts: NDArray[np.intp]


class Loads:
    """Parts of `quantities`: `amounts` is (N, L), load 0 is nothing, the last everything."""

    def __init__(self, quantities: tuple[int, ...], amounts: Ints) -> None:
        self.quantities = quantities
        self.count = len(amounts)
        self.amounts = amounts
        self.lines: Ints = (amounts > 0).sum(axis=1)
        self.units: Ints = amounts.sum(axis=1)


def whole(quantities: tuple[int, ...]) -> Loads:
    """Nothing, and everything."""
    return Loads(quantities, np.array([[0] * len(quantities), quantities], np.int64))


class States(Loads):
    """All loads."""

    def __init__(self, quantities: tuple[int, ...]) -> None:
        grid = np.indices([q + 1 for q in quantities], np.int64)
        super().__init__(quantities, np.ascontiguousarray(grid.reshape(len(quantities), -1).T))

    @cached_property
    def pairs(self) -> Pairs:
        """The rest of a load's part is the load's number less the part's: no digit borrows."""
        part = np.zeros(1, np.intp)
        whole = np.zeros(1, np.intp)
        stride = self.count
        for q in self.quantities:
            stride //= q + 1
            takes = [(a, b) for a in range(q + 1) for b in range(a + 1)]
            part = np.add.outer(part, np.array([b for _, b in takes]) * stride).ravel()
            whole = np.add.outer(whole, np.array([a for a, _ in takes]) * stride).ravel()
        order = np.argsort(whole, kind="stable")
        part, whole = part[order], whole[order]
        starts = np.searchsorted(whole, np.arange(self.count))
        return Pairs(part, whole - part, starts)


def load_count(quantities: tuple[int, ...]) -> int:
    return prod(q + 1 for q in quantities)


def pair_count(quantities: tuple[int, ...]) -> int:
    return prod((q + 1) * (q + 2) // 2 for q in quantities)


@lru_cache(maxsize=64)
def states_of(quantities: tuple[int, ...]) -> States:
    """Kept for the next order of the same quantities."""
    return States(quantities)
