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
    """`times` equal parcels: carton ("" for none), gross weight, outer volume and price of the carton of each."""

    carton_id: str
    grams: int
    cm3: int
    minor: int
    times: int = 1


class Load(NamedTuple):
    """What is in each of `times` cartons."""

    grams: int
    cm3: int
    times: int


def fits(carton: Carton, grams: int, cm3: int) -> bool:
    return grams <= carton.max_g and cm3 <= carton.cm3


def pack(cartons: Sequence[Carton], goods: Iterable[Goods]) -> tuple[Packed, ...]:
    """Raises PricingError for a unit that no carton holds and that is not oversize."""
    if not cartons:
        listed = [g for g in goods if g.units]
        whole = Packed("", sum(g.units * g.grams for g in listed), sum(g.units * g.cm3 for g in listed), 0)
        return (whole,) if listed else ()
    largest = cartons[-1]
    goods = [one for one in goods if one.units]
    whole_g, whole_cm3 = sum([g.units * g.grams for g in goods]), sum([g.units * g.cm3 for g in goods])
    if goods and fits(largest, whole_g, whole_cm3):
        return (_boxed(cartons, Load(whole_g, whole_cm3, 1)),)
    loads: list[Load] = []
    bare: list[Packed] = []
    for one in sorted(goods, key=lambda g: (-g.cm3, -g.grams)):
        if not fits(largest, one.grams, one.cm3):
            check_oversize(one, largest)
            bare.append(Packed("", one.grams, one.cm3, 0, one.units))
        else:
            loads = _filled(loads, one, largest)
    return (*(_boxed(cartons, load) for load in loads), *bare)


def _filled(loads: list[Load], goods: Goods, largest: Carton) -> list[Load]:
    """With more goods of one kind, in the first cartons with room. Cartons of equal contents are treated as one."""
    left = goods.units
    after: list[Load] = []
    most_g, most_cm3 = largest.max_g - goods.grams, largest.cm3 - goods.cm3
    for load in loads:
        if not left or load.grams > most_g or load.cm3 > most_cm3:
            after.append(load)
            continue
        room = _room(load, goods, largest, left)
        full = left // room if room else 0
        if full >= load.times:
            after.append(Load(load.grams + room * goods.grams, load.cm3 + room * goods.cm3, load.times))
            left -= room * load.times
            continue
        if full:
            after.append(Load(load.grams + room * goods.grams, load.cm3 + room * goods.cm3, full))
            left -= room * full
        rest = load.times - full
        if left and room:
            after.append(Load(load.grams + left * goods.grams, load.cm3 + left * goods.cm3, 1))
            left, rest = 0, rest - 1
        if rest:
            after.append(Load(load.grams, load.cm3, rest))
    room = _room(Load(0, 0, 1), goods, largest, left)
    if left // max(room, 1):
        after.append(Load(room * goods.grams, room * goods.cm3, left // room))
        left %= room
    if left:
        after.append(Load(left * goods.grams, left * goods.cm3, 1))
    return after


def _room(load: Load, goods: Goods, largest: Carton, most: int) -> int:
    """Units that a carton with such a load still takes, no more than `most`."""
    by_weight = (largest.max_g - load.grams) // goods.grams if goods.grams else most
    by_volume = (largest.cm3 - load.cm3) // goods.cm3 if goods.cm3 else most
    return min(by_weight, by_volume, most)


def check_oversize(goods: Goods, largest: Carton) -> None:
    if not goods.oversize:
        raise PricingError(
            f"items[{goods.sku}].traits",
            f"a unit of {goods.grams} g and {goods.cm3} cm³ fits no carton, the largest of which is "
            f"{largest.carton_id}: add a carton, or say that it is oversize",
        )


def _boxed(cartons: Sequence[Carton], load: Load) -> Packed:
    carton = next(c for c in cartons if fits(c, load.grams, load.cm3))
    return Packed(carton.carton_id, load.grams + carton.tare_g, carton.cm3, carton.minor, load.times)
