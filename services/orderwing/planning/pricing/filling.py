"""First-fit decreasing of many loads at once, cartons of equal contents as one: `packing.pack`, as arrays.

Time grows with the kinds of goods and the kinds of cartons they make, not with units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.pricing.packing import Carton, Goods

Ints = NDArray[np.int64]
ROW, GRAMS, CM3, TIMES = range(4)


class Alike(NamedTuple):
    """Of some loads so many cartons each of equal contents. No row occurs twice."""

    rows: Ints
    grams: Ints
    cm3: Ints
    times: Ints


def fill(amounts: Ints, goods: Sequence[Goods], largest: Carton) -> Iterator[Alike]:
    """What is in the cartons of each of `amounts` (N, L), of goods that each fit `largest`."""
    order = sorted(range(len(goods)), key=lambda n: (-goods[n].cm3, -goods[n].grams))
    sizes = [(goods[n].grams, goods[n].cm3) for n in order]
    firsts = [n for n, size in enumerate(sizes) if n == 0 or size != sizes[n - 1]]
    units = np.add.reduceat(amounts[:, order], firsts, axis=1)
    sizes = [sizes[n] for n in firsts]
    cartons = np.zeros((4, 0), np.int64)  # of each row in the order in which they are tried
    closed: list[Ints] = []
    for place, (grams, cm3) in enumerate(sizes):
        cartons = _filled(cartons, units[:, place].copy(), grams, cm3, largest)
        later = sizes[place + 1 :]
        if later:
            full = cartons[GRAMS] > largest.max_g - min([size[0] for size in later])
            full |= cartons[CM3] > largest.cm3 - later[-1][1]
            closed.append(cartons[:, full])
            cartons = cartons[:, ~full]
    return _by_place(np.concatenate([*closed, cartons], axis=1))


def _filled(cartons: Ints, units: Ints, grams: int, cm3: int, largest: Carton) -> Ints:
    """With `units` (N,) more of one kind, in the first cartons with room."""
    fit = np.flatnonzero((cartons[GRAMS] <= largest.max_g - grams) & (cartons[CM3] <= largest.cm3 - cm3))
    fit = fit[units[cartons[ROW, fit]] > 0]
    fit = fit[cartons[ROW, fit].argsort(kind="stable")]
    if len(fit):
        rows, load_g, load_cm3, times = cartons[:, fit]
        room = _room(load_g, load_cm3, units[rows], grams, cm3, largest)
        most = np.minimum(room * times, units[rows])
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        before = most.cumsum() - most  # what cartons of that row tried before could take
        before -= np.repeat(before[starts], np.diff(starts, append=len(rows)))
        taken = np.clip(units[rows] - before, 0, most)
        units[rows[starts]] -= np.add.reduceat(taken, starts)
        used = taken > 0
        cartons = _parted(cartons, fit[used], room[used], taken[used], grams, cm3)
    rows = np.flatnonzero(units)
    room = _room(np.zeros_like(rows), np.zeros_like(rows), units[rows], grams, cm3, largest)
    full, part = np.divmod(units[rows], room)
    whole, rest = full > 0, part > 0
    return np.concatenate(
        [
            cartons,
            [rows[whole], room[whole] * grams, room[whole] * cm3, full[whole]],
            [rows[rest], part[rest] * grams, part[rest] * cm3, np.ones(rest.sum(), np.int64)],
        ],
        axis=1,
    )


def _room(load_g: Ints, load_cm3: Ints, most: Ints, grams: int, cm3: int, largest: Carton) -> Ints:
    """Units that cartons with such loads still take, no more than `most`."""
    room = most
    if grams:
        room = np.minimum(room, (largest.max_g - load_g) // grams)
    if cm3:
        room = np.minimum(room, (largest.cm3 - load_cm3) // cm3)
    return room


def _parted(cartons: Ints, used: NDArray[np.intp], room: Ints, taken: Ints, grams: int, cm3: int) -> Ints:
    """Of the cartons `used` the first are full, one may be in part, the others stay as they are."""
    order = used.argsort()
    used, room, taken = used[order], room[order], taken[order]
    full, part = np.divmod(taken, room)
    times = np.stack([full, part > 0, cartons[TIMES, used] - full - (part > 0)], axis=1)
    added = np.stack([room, part, np.zeros_like(part)], axis=1)
    kinds = times > 0
    copies = np.ones(cartons.shape[1], np.int64)
    copies[used] = kinds.sum(axis=1)
    touched = np.zeros(cartons.shape[1], np.bool_)
    touched[used] = True
    touched = touched.repeat(copies)
    after = cartons.repeat(copies, axis=1)
    after[GRAMS, touched] += added[kinds] * grams
    after[CM3, touched] += added[kinds] * cm3
    after[TIMES, touched] = times[kinds]
    return after


def _by_place(cartons: Ints) -> Iterator[Alike]:
    """The first of each row, the second, ..."""
    cartons = cartons[:, cartons[ROW].argsort(kind="stable")]
    starts = np.flatnonzero(np.diff(cartons[ROW], prepend=-1))
    counts = np.diff(starts, append=cartons.shape[1])
    for place in range(int(counts.max(initial=0))):
        yield Alike(*cartons[:, starts[counts > place] + place])
