"""Freight of many loads at once: `shipments.freight_terms`, summed up, as arrays.

Shapes: N loads of L SKUs, M tariffs. All int64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.pricing.filling import fill
from orderwing.planning.pricing.packing import Carton, Goods, check_oversize, fits
from orderwing.planning.pricing.tariffs import Tariff

Ints = NDArray[np.int64]
Rows = NDArray[np.intp]
MANY_CARTONS = 6  # in one load: beyond, all are tried at once
MANY = 24  # units of one SKU in a load: beyond, equal units are packed together


class Block(NamedTuple):
    """A parcel of each of some loads, or `times` as many."""

    rows: Rows
    grams: Ints
    cm3: Ints
    times: Ints | None = None


class Parcels(NamedTuple):
    """How loads are packed: `pieces` and `minor` (of cartons) are (N,)."""

    pieces: Ints
    minor: Ints
    blocks: tuple[Block, ...]


def pack_all(amounts: Ints, goods: Sequence[Goods], cartons: Sequence[Carton]) -> Parcels:
    """Each row of `amounts` (N, L) as `packing.pack` packs it. Raises PricingError."""
    pieces = np.zeros(len(amounts), np.int64)
    minor = np.zeros(len(amounts), np.int64)
    blocks: list[Block] = []
    each = np.array([(one.grams, one.cm3, 1) for one in goods], np.int64)
    if cartons:
        bare = [place for place, one in enumerate(goods) if not fits(cartons[-1], one.grams, one.cm3)]
        if bare:
            amounts = amounts.copy()
        for place in bare:
            check_oversize(goods[place], cartons[-1])
            blocks.append(_alone(amounts[:, place], goods[place]))
            pieces += amounts[:, place]
            amounts[:, place] = 0
    grams, cm3, units = (amounts @ each).T
    if not cartons:
        rows = np.flatnonzero(units)
        pieces[rows] = 1
        return Parcels(pieces, minor, (Block(rows, grams[rows], cm3[rows]),))
    over = (grams > cartons[-1].max_g) | (cm3 > cartons[-1].cm3)
    rows = np.flatnonzero(~over & (units > 0))
    if len(rows):
        blocks.append(_box(cartons, rows, grams[rows], cm3[rows], pieces, minor))
    rows = np.flatnonzero(over)
    if len(rows) and amounts.max() > MANY:
        blocks += [
            _box(cartons, rows[alike.rows], alike.grams, alike.cm3, pieces, minor, alike.times)
            for alike in fill(amounts[rows], goods, cartons[-1])
        ]
    elif len(rows):
        order = sorted(range(len(goods)), key=lambda n: (-goods[n].cm3, -goods[n].grams))
        for load_g, load_cm3 in _first_fit(amounts[rows][:, order], each[order], cartons[-1]):
            used = np.flatnonzero(load_g | load_cm3)
            blocks.append(_box(cartons, rows[used], load_g[used], load_cm3[used], pieces, minor))
    return Parcels(pieces, minor, tuple(blocks))


def freight(parcels: Parcels, tariffs: Sequence[Tariff]) -> Ints:
    """(M, N): parcel, weight and line-haul charges of each load on each tariff."""
    width = max([len(tariff.up_to_g) for tariff in tariffs])
    ends = np.full((width, len(tariffs), 1), np.iinfo(np.int64).max)
    rises = np.zeros((width, len(tariffs), 1), np.int64)
    start = np.zeros((len(tariffs), 1), np.int64)
    for row, tariff in enumerate(tariffs):
        steps = tariff.minor
        start[row] = steps[0] + tariff.line_haul_minor
        ends[: len(steps), row, 0] = tariff.up_to_g
        for place in range(1, len(steps)):
            rises[place - 1, row, 0] = steps[place] - steps[place - 1]
    last = np.array([[tariff.up_to_g[-1]] for tariff in tariffs])
    beyond_kg = np.array([[tariff.kilogram_minor] for tariff in tariffs])
    haul_kg = np.array([[tariff.line_haul_kilogram_minor] for tariff in tariffs])
    divisors = sorted({tariff.cm3_per_kg for tariff in tariffs})
    divided = [divisors.index(tariff.cm3_per_kg) for tariff in tariffs]
    total = np.zeros((len(tariffs), len(parcels.pieces)), np.int64)
    for rows, grams, cm3, times in parcels.blocks:
        volumetric = [-(-cm3 * 1000 // divisor) if divisor else grams for divisor in divisors]
        billable = np.maximum(np.array(volumetric), grams)[divided]
        charge = np.broadcast_to(start, billable.shape).copy()
        for place in range(width - 1):
            charge += (billable > ends[place]) * rises[place]
        over = billable - last
        np.maximum(over, 0, out=over)
        if over.any():
            charge += -(-over // 1000) * beyond_kg
        if haul_kg.any():
            charge -= (-grams // 1000) * haul_kg
        total[:, rows] += charge if times is None else charge * times
    return total


def _alone(units: Ints, goods: Goods) -> Block:
    """Each unit a parcel of its own."""
    rows = np.flatnonzero(units)
    return Block(rows, np.full(len(rows), goods.grams), np.full(len(rows), goods.cm3), units[rows])


def _box(
    cartons: Sequence[Carton],
    rows: Rows,
    grams: Ints,
    cm3: Ints,
    pieces: Ints,
    minor: Ints,
    times: Ints | None = None,
) -> Block:
    """One parcel more of each of some loads, or `times` as many, in the smallest carton that holds it."""
    sizes = np.array([(carton.max_g, carton.cm3, carton.tare_g, carton.minor) for carton in cartons], np.int64)
    which = np.maximum(sizes[:, 0].searchsorted(grams), sizes[:, 1].searchsorted(cm3))
    _, outer, tare, price = sizes[which].T
    pieces[rows] += 1 if times is None else times
    minor[rows] += price if times is None else price * times
    return Block(rows, grams + tare, outer, times)


def _first_fit(amounts: Ints, each: Ints, largest: Carton) -> Iterator[tuple[Ints, Ints]]:
    """(grams, cm³) of the first, second, ... of the largest cartons of each load; units come in the columns' order."""
    width = int(amounts.sum(axis=1).max())
    load_g = np.zeros((width, len(amounts)), np.int64)
    load_cm3 = np.zeros((width, len(amounts)), np.int64)
    used = 0  # cartons that any load needs: an empty one fits every unit
    for column, (g, v, _) in enumerate(each.tolist()):
        units = amounts[:, column]
        for unit in range(int(units.max())):
            left = units > unit
            if used > MANY_CARTONS:
                rows, tried = np.flatnonzero(left), min(used + 1, width)
                fit = (load_g[:tried, rows] <= largest.max_g - g) & (load_cm3[:tried, rows] <= largest.cm3 - v)
                first = fit.argmax(axis=0)
                load_g[first, rows] += g
                load_cm3[first, rows] += v
                used = max(used, int(first.max()) + 1)
                continue
            for place in range(min(used + 1, width)):
                goes = left & (load_g[place] <= largest.max_g - g) & (load_cm3[place] <= largest.cm3 - v)
                if goes.any():
                    load_g[place] += goes * g
                    load_cm3[place] += goes * v
                    left &= ~goes
                    used = max(used, place + 1)
    return zip(load_g[:used], load_cm3[:used], strict=True)
