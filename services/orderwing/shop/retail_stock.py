"""Catalogue, opening stock and receipts for Online Retail, all from its own first weeks.

- A SKU's demand in a region is what customers there bought in its first four weeks: the file's first four, or the first
  four of a SKU that is first sold later.
- Stock opens with that and a tenth more. A later SKU opens the same way at the beginning of its first week.
- Every fourth week brings as much again; which of the four depends on the SKU.
- In a region a SKU lies at one site or at two, by hash. SKUs that sold fewer than three units lie in one region only.
- One SKU in two hundred opens with half, so that something is short until the next receipt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from statistics import median

from orderwing.shop.catalogue import unit_capacity
from orderwing.shop.retail_file import Invoice
from orderwing.shop.retail_orders import is_goods, pence, sku_of
from orderwing_schemas.network import Item, Network

FIRST_WEEKS = 4
_COVER = 1.1
_LOCAL_UNITS = 3


@dataclass(frozen=True)
class Sale:
    """Units of one SKU bought from a region in a week of the file, counted from 0."""

    week: int
    region_id: str
    sku: str
    units: int


@dataclass(frozen=True)
class Supply:
    """What one shelf gets: `units` every fourth week from `first_week`; `opening` in that week instead."""

    site_id: str
    sku: str
    first_week: int
    phase: int
    opening: int
    units: int

    def due(self, week: int) -> int:
        """Units that arrive at the beginning of `week`."""
        if week == self.first_week:
            return self.opening
        return self.units if week > self.first_week and week % FIRST_WEEKS == self.phase else 0


def catalogue(invoices: Iterable[Invoice]) -> tuple[Item, ...]:
    """Every code of goods that the file holds, at its median price. Weights are made up: 50 g to 1,250 g by hash."""
    prices: dict[str, list[float]] = defaultdict(list)
    for invoice in invoices:
        for row in invoice.rows:
            if is_goods(row.code):
                prices[sku_of(row.code)].append(max(0.0, row.price or 0.0))
    return tuple(_item(sku, median(found)) for sku, found in sorted(prices.items()))


def _item(sku: str, price: float) -> Item:
    weight_g = 50 + _hash(f"weight/{sku}") % 1_200
    return Item(
        sku=sku,
        weight_g=weight_g,
        volume_cm3=weight_g * 3,
        capacity=unit_capacity(weight_g),
        list_price_minor=pence(price),
    )


def supplies(sales: Iterable[Sale], network: Network) -> tuple[Supply, ...]:
    """By SKU, region and site."""
    first: dict[str, int] = {}
    demand: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for sale in sales:
        begun = first.setdefault(sale.sku, sale.week if sale.week >= FIRST_WEEKS else 0)
        if sale.week < begun + FIRST_WEEKS:
            demand[sale.sku][sale.region_id] += sale.units
    return tuple(
        supply
        for sku in sorted(demand)
        for region_id, units in sorted(_placed(demand[sku]).items())
        for supply in _shelves(sku, units, first[sku], [s.site_id for s in network.sites_by_region[region_id]])
    )


def _placed(demand: dict[str, int]) -> dict[str, int]:
    total = sum(demand.values())
    if total >= _LOCAL_UNITS:
        return demand
    return {max(sorted(demand), key=lambda region: demand[region]): total}


def _shelves(sku: str, units: int, first_week: int, sites: list[str]) -> Iterator[Supply]:
    start = _hash(f"site/{sku}") % len(sites)
    chosen = [sites[(start + step) % len(sites)] for step in range(1 + _hash(f"sites/{sku}") % 2)]
    short = _hash(f"short/{sku}") % 200 == 0
    for site_id in chosen:
        regular = ceil(units * _COVER / len(chosen)) + 1
        opening = ceil(regular / 2) if short else regular
        yield Supply(site_id, sku, first_week, _hash(f"phase/{sku}") % FIRST_WEEKS, opening, regular)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
