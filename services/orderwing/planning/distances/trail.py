"""Every wanted leg once, end to end, because GraphHopper gives legs of routes and no matrix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.points import Indices


def trails(rows: Indices, columns: Indices) -> Iterator[list[int]]:
    """Walks that together take each leg from a point of `rows` to another of `columns` once.

    Points are numbered; repeated ones count once. Eulerian circuits (Hierholzer 1873): where more legs leave a point
    than reach it, the fewest legs that nobody asked for are put between. For a square matrix that is none, for two
    sets without a common point it doubles them.
    """
    size = 1 + max(rows.max(initial=-1), columns.max(initial=-1))
    wanted = np.zeros((2, size), np.bool_)
    wanted[0, rows], wanted[1, columns] = True, True
    ahead = [np.flatnonzero(wanted[1]).tolist() if starts else [] for starts in wanted[0]]
    for point in np.flatnonzero(wanted[0] & wanted[1]).tolist():
        ahead[point].remove(point)
    for start, end in zip(*_missing(wanted), strict=True):
        ahead[start].append(end)
    for point in range(size):
        if ahead[point]:
            yield _circuit(point, ahead)


def _missing(wanted: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Starts and ends of legs that make as many leave each point as reach it."""
    leaving = wanted[0] * (np.count_nonzero(wanted[1]) - wanted[1].astype(np.int64))
    reaching = wanted[1] * (np.count_nonzero(wanted[0]) - wanted[0].astype(np.int64))
    excess = reaching - leaving
    points = np.arange(len(excess))
    return np.repeat(points, np.maximum(excess, 0)).tolist(), np.repeat(points, np.maximum(-excess, 0)).tolist()


def _circuit(start: int, ahead: list[list[int]]) -> list[int]:
    """A closed walk over all legs that can be reached, which are taken out of `ahead`."""
    stack, walk = [start], []
    while stack:
        if ahead[stack[-1]]:
            stack.append(ahead[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]
