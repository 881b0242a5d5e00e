"""A period's problem out of what a market knows: network file, stock, and the orders of a like period before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from orderwing.planning.pricing.tariffs import tariff_of
from orderwing.planning.steering.problem import MOST_SITES, UNLIMITED, Basket, Floats, Problem
from orderwing_schemas.network import Item, Lane, Network

LATER = "later"  # the site that always delivers: units that nobody has, priced as a backorder
_LATER_TIMES = 2  # what it costs, in the dearest of all sites


class PastOrder(NamedTuple):
    """`lines` are (SKU, units), a SKU once."""

    zone: str
    lines: tuple[tuple[str, int], ...]


def expected(
    network: Network,
    catalogue: Callable[[str], Item | None],
    stock: Mapping[tuple[str, str], int],
    past: Iterable[PastOrder],
    factor: float = 1.0,
) -> Problem:
    """`factor` times the orders of `past` are expected, against `stock`, units by (site, SKU).

    A parcel with a unit costs what the cheapest lane takes for one of mean size, each unit more what it takes on
    average up to four. Prices need no more; orders themselves are priced in full when they come. Raises ValueError,
    which names the field.
    """
    orders = Counter(past)
    if not orders:
        raise ValueError("past: no order, so nothing is expected")
    zones = tuple(sorted({order.zone for order in orders}))
    skus = tuple(sorted({sku for order in orders for sku, _ in order.lines}))
    held = {site_id for (site_id, sku), units in stock.items() if units > 0}
    sites = tuple(site.site_id for site in network.sites if site.site_id in held)
    if len(sites) >= MOST_SITES:
        raise ValueError(f"stock: {len(sites)} sites have some, and at most {MOST_SITES - 1} are steered together")
    if unknown := held - set(sites):
        raise ValueError(f"stock: the network has no site {min(unknown)}")
    parcel, unit = _costs(network, sites, zones, _mean_item(catalogue, orders))
    place = {sku: n for n, sku in enumerate(skus)}
    demand: dict[Basket, Floats] = {}
    for order, times in orders.items():
        lines = sorted((place[sku], units) for sku, units in order.lines)
        basket = Basket(tuple(sku for sku, _ in lines), tuple(units for _, units in lines))
        demand.setdefault(basket, np.zeros(len(zones)))[zones.index(order.zone)] += times * factor
    units = [[float(max(0, stock.get((site, sku), 0))) for sku in skus] for site in sites]
    return Problem(
        (*sites, LATER),
        skus,
        zones,
        np.vstack([parcel, _LATER_TIMES * parcel.max(axis=0, initial=1.0)]),
        np.vstack([unit, _LATER_TIMES * np.where(np.isinf(unit), 0.0, unit).max(axis=0, initial=1.0)]),
        np.array([*units, [UNLIMITED] * len(skus)]),
        tuple(demand),
        np.array(list(demand.values())),
    )


def _mean_item(catalogue: Callable[[str], Item | None], orders: Mapping[PastOrder, int]) -> tuple[float, float]:
    """Grams and cm³ of a unit as ordered."""
    grams = volume = count = 0
    for order, times in orders.items():
        for sku, units in order.lines:
            item = catalogue(sku)
            if item is None:
                raise ValueError(f"items[{sku}]: is not in the catalogue")
            grams += item.weight_g * units * times
            volume += item.volume_cm3 * units * times
            count += units * times
    return (grams / count, volume / count) if count else (0.0, 0.0)


def _costs(
    network: Network, sites: tuple[str, ...], zones: tuple[str, ...], mean: tuple[float, float]
) -> tuple[Floats, Floats]:
    parcel, unit = np.zeros((len(sites), len(zones))), np.full((len(sites), len(zones)), np.inf)
    for k, site_id in enumerate(sites):
        site = network.site_by_id[site_id]
        for c, zone in enumerate(zones):
            charges = [
                (_charge(network, lane, mean, 1), _charge(network, lane, mean, 4))
                for lane in network.lanes_by_site_zone.get((site_id, zone), ())
            ]
            if charges:
                one, four = min(charges)
                unit[k, c] = (four - one) / 3 + site.handling_line_minor
                parcel[k, c] = max(0.0, one - (four - one) / 3) + site.handling_parcel_minor
    return parcel, unit


def _charge(network: Network, lane: Lane, mean: tuple[float, float], units: int) -> int:
    return sum(tariff_of(network, lane).charge(round(mean[0] * units), round(mean[1] * units)))
