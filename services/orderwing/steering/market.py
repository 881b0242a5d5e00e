"""What the log has told: levels of shelves, and what each region lately asked for. The same log, the same prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp, log

import numpy as np

from orderwing.planning.pricing.tariffs import tariff_of
from orderwing.planning.steering.running_out import running_out
from orderwing_schemas.base import Event
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.network import Network
from orderwing_schemas.steering import ShelfPrice

MINUTE_MS = 60_000
# Of orders that miss a unit at a site, those that need a parcel more for it: the others go whole from another site.
_SPLIT_SHARE = 1 / 3
_MEAN_GRAMS, _MEAN_CM3 = 1_000, 3_000  # of a parcel, where only the like of sites counts


@dataclass(slots=True)
class _Smoothed:
    """Units, of which each counts half after a half-life."""

    units: float = 0.0
    at_ms: int = 0


@dataclass
class Market:
    """Demand is smoothed exponentially by (region, SKU). `half_life_ms` and `horizon_ms` are domain time.

    Where few orders were seen, what lies on a region's shelves counts as its forecast, with a unit a SKU.
    """

    half_life_ms: int
    horizon_ms: int
    orders: int = 0
    _levels: dict[tuple[str, str], int] = field(default_factory=dict)
    _wanted: dict[str, dict[str, _Smoothed]] = field(default_factory=lambda: defaultdict(dict))
    _first_ms: int | None = None

    def learn(self, event: Event) -> None:
        """Take in an accepted order or a change of shelves; the rest is nothing to it."""
        match event:
            case StockMoved():
                for level in event.shelves:
                    self._levels[level.site_id, level.sku] = level.atp
            case OrderAccepted():
                self.orders += 1
                order = event.order
                if self._first_ms is None or order.accepted_at_ms < self._first_ms:
                    self._first_ms = order.accepted_at_ms
                wanted = self._wanted[order.home_region]
                for line in order.lines:
                    smoothed = wanted.setdefault(line.sku, _Smoothed())
                    at_ms = max(order.accepted_at_ms, smoothed.at_ms)
                    smoothed.units = self._faded(smoothed, at_ms) + line.quantity
                    smoothed.at_ms = at_ms

    def prices(self, network: Network, now_ms: int) -> Iterator[ShelfPrice]:
        """Of every shelf with stock whose SKU lies at several sites of the region, in the order of the network."""
        for region in network.ordinals:
            yield from self._of_region(network, region, now_ms)

    def _of_region(self, network: Network, region: str, now_ms: int) -> Iterator[ShelfPrice]:
        sites = [site.site_id for site in network.sites_by_region.get(region, ())]
        skus = sorted({sku for site_id, sku in self._levels if site_id in set(sites)})
        if not skus or not self._wanted.get(region):
            return
        stock = np.array([[max(0, self._levels.get((site_id, sku), 0)) for sku in skus] for site_id in sites], float)
        sources = (stock > 0).sum(axis=0)
        demand = self._expected(region, skus, stock.sum(axis=0), now_ms) / np.maximum(1, sources)
        missing = np.full((len(sites), 1), _SPLIT_SHARE * min(_parcel_minor(network, site, region) for site in sites))
        worth = np.rint(running_out(stock, np.broadcast_to(demand, stock.shape), missing)).astype(int)
        for k, i in zip(*np.nonzero((stock > 0) & (sources > 1) & (worth > 0)), strict=True):
            yield ShelfPrice(site_id=sites[k], sku=skus[i], price_minor=int(worth[k, i]))

    def _expected(self, region: str, skus: list[str], stock: np.ndarray, now_ms: int) -> np.ndarray:
        """Units of each SKU that the region will ask for within the horizon."""
        wanted = self._wanted[region]
        seen = np.array([self._faded(wanted[sku], now_ms) if sku in wanted else 0.0 for sku in skus])
        belief = len(skus) * stock / max(1.0, stock.sum())
        shares = (seen + belief) / (seen.sum() + belief.sum())
        since_ms = max(MINUTE_MS, now_ms - (self._first_ms or now_ms))
        fade_ms = self.half_life_ms / log(2)
        observed_ms = fade_ms * -np.expm1(-since_ms / fade_ms)
        expected: np.ndarray = shares * seen.sum() / observed_ms * self.horizon_ms
        return expected

    def _faded(self, smoothed: _Smoothed, now_ms: int) -> float:
        return smoothed.units * exp(-log(2) * max(0, now_ms - smoothed.at_ms) / self.half_life_ms)


def _parcel_minor(network: Network, site_id: str, zone: str) -> int:
    """What the cheapest lane takes for a parcel."""
    site, lanes = network.site_by_id[site_id], network.lanes_by_site_zone.get((site_id, zone), ())
    charges = [sum(tariff_of(network, lane).charge(_MEAN_GRAMS, _MEAN_CM3)) for lane in lanes]
    return min(charges, default=0) + site.handling_parcel_minor
