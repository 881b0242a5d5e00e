"""Into which cartons goods go.

The rule: units from large to small (volume, then weight, then the order's lines) into the first of the largest cartons
with room, in volume and weight (first-fit decreasing); then each carton becomes the smallest that holds its load.
Without cartons everything travels as one parcel. An oversize unit that no carton holds is a parcel of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orderwing.planning.pricing.tariffs import PricingError


class Carton(NamedTuple):
    """`max_g` and `cm3` are of what it holds; lists of cartons ascend in both."""

    carton_id: str
    max_g: int
    cm3: int
    tare_g: int = 0
    minor: int = 0


class Goods(NamedTuple):
    """Units of one SKU: weight and volume are of one unit."""

    sku: str
    units: int
    grams: int
    cm3: int
    oversize: bool = False


class Packed(NamedTuple):
    """A parcel: its carton ("" for none), gross weight, outer volume, the price of the carton."""

    carton_id: str
    grams: int
    cm3: int
    minor: int


def fits(carton: Carton, grams: int, cm3: int) -> bool:
    return grams <= carton.max_g and cm3 <= carton.cm3


def pack(cartons: Sequence[Carton], goods: Iterable[Goods]) -> tuple[Packed, ...]:
    """Raises PricingError for a unit that no carton holds and that is not oversize."""
    if not cartons:
        listed = [g for g in goods if g.units]
        whole = Packed("", sum(g.units * g.grams for g in listed), sum(g.units * g.cm3 for g in listed), 0)
        return (whole,) if listed else ()
    largest = cartons[-1]
    loads: list[tuple[int, int]] = []
    bare: list[Packed] = []
    for one in sorted(goods, key=lambda g: (-g.cm3, -g.grams)):
        if one.units and not fits(largest, one.grams, one.cm3):
            check_oversize(one, largest)
            bare += [Packed("", one.grams, one.cm3, 0)] * one.units
            continue
        for _ in range(one.units):
            for place, (grams, cm3) in enumerate(loads):
                if fits(largest, grams + one.grams, cm3 + one.cm3):
                    loads[place] = (grams + one.grams, cm3 + one.cm3)
                    break
            else:
                loads.append((one.grams, one.cm3))
    return (*(_boxed(cartons, grams, cm3) for grams, cm3 in loads), *bare)


def check_oversize(goods: Goods, largest: Carton) -> None:
    if not goods.oversize:
        raise PricingError(
            f"items[{goods.sku}].traits",
            f"a unit of {goods.grams} g and {goods.cm3} cm³ fits no carton, the largest of which is "
            f"{largest.carton_id}: add a carton, or say that it is oversize",
        )


def _boxed(cartons: Sequence[Carton], grams: int, cm3: int) -> Packed:
    carton = next(c for c in cartons if fits(c, grams, cm3))
    return Packed(carton.carton_id, grams + carton.tare_g, carton.cm3, carton.minor)
