"""Freight of many loads at once: `shipments.freight_terms`, summed up, as arrays.

Shapes: N loads of L SKUs, M tariffs, K parcels of a load. All int64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.pricing.packing import Carton, Goods, check_oversize, fits
from orderwing.planning.pricing.tariffs import Tariff

Ints = NDArray[np.int64]


class Parcels(NamedTuple):
    """How loads are packed. `pieces` and `minor` (of cartons) are (N,); each block is (loads, grams, cm³) of (n, K).

    An empty place in a block weighs -1.
    """

    pieces: Ints
    minor: Ints
    blocks: tuple[tuple[Ints, Ints, Ints], ...]


def pack_all(amounts: Ints, goods: Sequence[Goods], cartons: Sequence[Carton]) -> Parcels:
    """Each row of `amounts` (N, L) as `packing.pack` packs it. Raises PricingError."""
    grams = np.array([one.grams for one in goods], np.int64)
    cm3 = np.array([one.cm3 for one in goods], np.int64)
    if not cartons:
        return _unpacked(amounts, grams, cm3)
    largest = cartons[-1]
    bare = [not fits(largest, one.grams, one.cm3) for one in goods]
    blocks: list[tuple[Ints, Ints, Ints]] = []
    count = np.zeros(len(amounts), np.int64)
    minor = np.zeros(len(amounts), np.int64)
    boxed = amounts
    if any(bare):
        boxed = amounts.copy()
        for place, one in enumerate(goods):
            if bare[place]:
                check_oversize(one, largest)
                boxed[:, place] = 0
                count += amounts[:, place]
                blocks.append(_alone(amounts[:, place], one))
    loads_g, loads_cm3 = boxed @ grams, boxed @ cm3
    single = (loads_g <= largest.max_g) & (loads_cm3 <= largest.cm3) & boxed.any(axis=1)
    rows = np.flatnonzero(single)
    blocks.append(_boxes(cartons, rows, loads_g[rows, None], loads_cm3[rows, None], count, minor))
    rows = np.flatnonzero((loads_g > largest.max_g) | (loads_cm3 > largest.cm3))
    if len(rows):
        order = sorted(range(len(goods)), key=lambda n: (-goods[n].cm3, -goods[n].grams))
        packed = _first_fit(boxed[rows][:, order], grams[order], cm3[order], largest)
        blocks.append(_boxes(cartons, rows, *packed, count, minor))
    return Parcels(count, minor, tuple(blocks))


def freight(parcels: Parcels, tariffs: Sequence[Tariff]) -> Ints:
    """(M, N): parcel, weight and line-haul charges of each load on each tariff."""
    width = max(len(tariff.up_to_g) for tariff in tariffs)
    far = np.iinfo(np.int64).max
    up_to = np.array([[*t.up_to_g, *[far] * (width - len(t.up_to_g))] for t in tariffs], np.int64)[:, None, None, :]
    last = np.array([t.up_to_g[-1] for t in tariffs], np.int64)[:, None, None]
    prices = np.array([[*t.minor, *[t.minor[-1]] * (width + 1 - len(t.minor))] for t in tariffs], np.int64)
    each_kg = np.array([t.kilogram_minor for t in tariffs], np.int64)[:, None, None]
    haul = np.array([t.line_haul_minor for t in tariffs], np.int64)[:, None, None]
    haul_kg = np.array([t.line_haul_kilogram_minor for t in tariffs], np.int64)[:, None, None]
    divisor = np.array([t.cm3_per_kg for t in tariffs], np.int64)[:, None, None]
    total = np.zeros((len(tariffs), len(parcels.pieces)), np.int64)
    for rows, grams, cm3 in parcels.blocks:
        billable = np.broadcast_to(grams, (len(tariffs), *grams.shape))
        if divisor.any():
            volumetric = np.where(divisor > 0, -(-cm3 * 1000 // np.maximum(divisor, 1)), 0)
            billable = np.maximum(grams, volumetric)
        place = (billable[..., None] > up_to).sum(axis=-1)
        charge = prices[np.arange(len(tariffs))[:, None, None], place]
        beyond = billable > last
        charge += np.where(beyond, -(-(billable - last) // 1000) * each_kg, 0)
        if haul.any() or haul_kg.any():
            charge += haul - (-grams // 1000) * haul_kg
        charge[:, grams < 0] = 0
        total[:, rows] += charge.sum(axis=-1)
    return total


def _unpacked(amounts: Ints, grams: Ints, cm3: Ints) -> Parcels:
    rows = np.flatnonzero(amounts.any(axis=1))
    count = np.zeros(len(amounts), np.int64)
    count[rows] = 1
    loads = amounts[rows]
    return Parcels(count, np.zeros_like(count), ((rows, (loads @ grams)[:, None], (loads @ cm3)[:, None]),))


def _alone(units: Ints, goods: Goods) -> tuple[Ints, Ints, Ints]:
    rows = np.flatnonzero(units)
    places = np.arange(units.max(initial=0)) < units[rows, None]
    return rows, np.where(places, goods.grams, -1), np.where(places, goods.cm3, 0)


def _boxes(
    cartons: Sequence[Carton], rows: Ints, grams: Ints, cm3: Ints, count: Ints, minor: Ints
) -> tuple[Ints, Ints, Ints]:
    """The smallest carton for each load of (n, K); loads of -1 g have none."""
    used = grams >= 0
    which = np.maximum(
        np.searchsorted([c.max_g for c in cartons], grams), np.searchsorted([c.cm3 for c in cartons], cm3)
    )
    count[rows] += used.sum(axis=1)
    minor[rows] += np.where(used, np.array([c.minor for c in cartons], np.int64)[which], 0).sum(axis=1)
    outer = np.where(used, np.array([c.cm3 for c in cartons], np.int64)[which], 0)
    gross = np.where(used, grams + np.array([c.tare_g for c in cartons], np.int64)[which], -1)
    return rows, gross, outer


def _first_fit(amounts: Ints, grams: Ints, cm3: Ints, largest: Carton) -> tuple[Ints, Ints]:
    """Loads (n, K) of the largest carton, units taken in the order of the columns."""
    width = int(amounts.sum(axis=1).max())
    load_g = np.zeros((len(amounts), width), np.int64)
    load_cm3 = np.zeros((len(amounts), width), np.int64)
    used = 0  # places that any load needs: an empty one fits every unit
    for column, (g, v) in enumerate(zip(grams.tolist(), cm3.tolist(), strict=True)):
        for unit in range(int(amounts[:, column].max())):
            rows = np.flatnonzero(amounts[:, column] > unit)
            tried = min(used + 1, width)
            fit = (load_g[rows, :tried] <= largest.max_g - g) & (load_cm3[rows, :tried] <= largest.cm3 - v)
            place = fit.argmax(axis=1)
            load_g[rows, place] += g
            load_cm3[rows, place] += v
            used = max(used, int(place.max()) + 1)
    load_g = load_g[:, :used]
    empty = (load_g == 0) & (load_cm3[:, :used] == 0)
    return np.where(empty, -1, load_g), load_cm3[:, :used]
