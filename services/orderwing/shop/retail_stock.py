"""Catalogue, opening stock and receipts for Online Retail, all from its own first weeks.

- A SKU's demand in a region is what customers there bought in its first four weeks: the file's first four, or the first
  four of a SKU that is first sold later.
- Stock opens with that and a tenth more. A later SKU opens the same way at the beginning of its first week.
- Every fourth week brings what the last four sold, a tenth more; which week of the four depends on the SKU.
- In a region a SKU lies at one site or at two, by hash. SKUs that sold fewer than three units lie in one region only.
- One SKU in two hundred opens with half, so that something is short until the next receipt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from statistics import median

from orderwing.shop.catalogue import unit_capacity
from orderwing.shop.retail_file import Invoice
from orderwing.shop.retail_orders import is_goods, pence, sku_of
from orderwing_schemas.network import Item, Network, Trait

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
    """What one shelf gets: `opening` in `first_week`, then every fourth week `share` of what the region has sold since.

    `sold` are the region's units by week.
    """

    site_id: str
    sku: str
    first_week: int
    phase: int
    opening: int
    share: float
    sold: Mapping[int, int]

    def due(self, week: int) -> int:
        """Units that arrive at the beginning of `week`."""
        if week == self.first_week:
            return self.opening
        if week < self.first_week or week % FIRST_WEEKS != self.phase:
            return 0
        recent = sum(self.sold.get(before, 0) for before in range(max(0, week - FIRST_WEEKS), week))
        return ceil(recent * self.share)


def catalogue(invoices: Iterable[Invoice]) -> tuple[Item, ...]:
    """Every code of goods that the file holds, at its median price.

    Weights are made up by hash: 50 g to 1,250 g at 2 to 6 cm³ a gram. So are traits: one SKU in 60 is a hazard, as
    candles and sprays are, one in 80 oversize.
    """
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
        volume_cm3=weight_g * (2 + _hash(f"density/{sku}") % 5),
        capacity=unit_capacity(weight_g),
        list_price_minor=pence(price),
        traits=_traits(sku),
    )


def _traits(sku: str) -> tuple[Trait, ...]:
    drawn = _hash(f"trait/{sku}")
    hazard = (Trait.HAZARD,) if drawn % 60 == 0 else ()
    return (*hazard, Trait.OVERSIZE) if drawn % 80 == 1 else hazard


def supplies(sales: Iterable[Sale], network: Network) -> tuple[Supply, ...]:
    """By SKU, region and site."""
    first: dict[str, int] = {}
    sold: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for sale in sales:
        first.setdefault(sale.sku, sale.week if sale.week >= FIRST_WEEKS else 0)
        sold[sale.sku][sale.region_id][sale.week] += sale.units
    return tuple(
        supply
        for sku in sorted(sold)
        for region_id, weeks in sorted(_placed(sold[sku], first[sku]).items())
        for supply in _shelves(sku, weeks, first[sku], [s.site_id for s in network.sites_by_region[region_id]])
    )


def _first_units(weeks: Mapping[int, int], first_week: int) -> int:
    return sum(weeks.get(week, 0) for week in range(first_week, first_week + FIRST_WEEKS))


def _placed(regions: Mapping[str, Counter[int]], first_week: int) -> Mapping[str, Counter[int]]:
    """The regions that keep the SKU, each with the sales it serves."""
    begun = {region: _first_units(weeks, first_week) for region, weeks in sorted(regions.items())}
    if sum(begun.values()) >= _LOCAL_UNITS:
        return regions
    return {max(begun, key=lambda region: begun[region]): sum(regions.values(), Counter[int]())}


def _shelves(sku: str, weeks: Mapping[int, int], first_week: int, sites: list[str]) -> Iterator[Supply]:
    start = _hash(f"site/{sku}") % len(sites)
    chosen = [sites[(start + step) % len(sites)] for step in range(1 + _hash(f"sites/{sku}") % 2)]
    short = _hash(f"short/{sku}") % 200 == 0
    share = _COVER / len(chosen)
    opening = ceil(_first_units(weeks, first_week) * share * (0.5 if short else 1)) + (not short)
    for site_id in chosen:
        yield Supply(site_id, sku, first_week, _hash(f"phase/{sku}") % FIRST_WEEKS, opening, share, weeks)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
