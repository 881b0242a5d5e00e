"""The demo shop's goods: 400 SKUs in ten families, the same in every run."""

from __future__ import annotations

from functools import cache
from random import Random

from orderwing_schemas.network import Item, Trait

_FAMILIES = (  # name, weight in grams, density in g/cm3, price in pence: each SKU varies around them
    ("TEA", 250, 0.4, 450),
    ("BISCUIT", 400, 0.5, 320),
    ("MUG", 380, 0.5, 900),
    ("CANDLE", 300, 0.8, 1_200),
    ("BOOK", 450, 0.7, 1_400),
    ("TOY", 600, 0.2, 2_200),
    ("GARDEN", 2_500, 0.5, 3_500),
    ("KITCHEN", 1_500, 0.4, 4_500),
    ("WATER", 10_200, 0.9, 700),
    ("PHONE", 420, 0.6, 24_900),
)
_PER_FAMILY = 40
_TRAITS = {"CANDLE": (10, Trait.HAZARD), "GARDEN": (8, Trait.OVERSIZE)}  # family: of every so many SKUs the last


@cache
def demo_catalogue() -> tuple[Item, ...]:
    random = Random(20_260_506)
    return tuple(
        _item(f"{name}-{number:03}", weight, density, price, _traits(name, number), random)
        for name, weight, density, price in _FAMILIES
        for number in range(1, _PER_FAMILY + 1)
    )


def _traits(family: str, number: int) -> tuple[Trait, ...]:
    every, trait = _TRAITS.get(family, (0, Trait.HAZARD))
    return (trait,) if every and number % every == 0 else ()


def _item(sku: str, weight: float, density: float, price: float, traits: tuple[Trait, ...], random: Random) -> Item:
    weight_g = round(weight * random.uniform(0.6, 1.6))
    return Item(
        sku=sku,
        weight_g=weight_g,
        volume_cm3=round(weight_g / density),
        capacity=unit_capacity(weight_g),
        list_price_minor=max(50, round(price * random.uniform(0.5, 2.0)) // 5 * 5),
        traits=traits,
    )


def unit_capacity(weight_g: int) -> int:
    """One for whatever a hand carries, two for a case of water."""
    return 1 + weight_g // 8_000
