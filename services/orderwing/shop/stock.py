"""Stock systems: what lies where at the start, and what arrives later, as movements with a sequence per site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from random import Random

from orderwing.shop.feed import TimedRecord, moment, timed
from orderwing_schemas import topics
from orderwing_schemas.events.public import StockExpected, StockMovement, StockReceived
from orderwing_schemas.network import Network

_SOURCE = "/demo/stock"
_MOST_UNITS = 1_000_000  # of one receipt, by contract


@dataclass
class StockBook:
    """Makes movements and numbers them: a site's sequence counts without gaps, from 1 or on from `last` by site."""

    source: str = _SOURCE
    last: dict[str, int] = field(default_factory=dict)

    def received(self, offset_ms: int, site_id: str, sku: str, units: int) -> TimedRecord:
        sequence = self._next(site_id)
        quantity = min(units, _MOST_UNITS)
        return self._timed(offset_ms, StockReceived(site_id=site_id, sku=sku, quantity=quantity, sequence=sequence))

    def expected(self, offset_ms: int, site_id: str, sku: str, units: int, due_ms: int) -> TimedRecord:
        """`due_ms` is domain time."""
        sequence, quantity = self._next(site_id), min(units, _MOST_UNITS)
        return self._timed(
            offset_ms,
            StockExpected(site_id=site_id, sku=sku, quantity=quantity, due_at=moment(due_ms), sequence=sequence),
        )

    def _next(self, site_id: str) -> int:
        self.last[site_id] = self.last.get(site_id, 0) + 1
        return self.last[site_id]

    def _timed(self, offset_ms: int, event: StockMovement) -> TimedRecord:
        return timed(offset_ms, topics.STOCK_INBOUND, event, f"{event.site_id}-{event.sequence}", self.source)


@dataclass(frozen=True)
class StockPlan:
    """`opening` units by (site, SKU); `later` receipts as (share of the stream's length, site, SKU, units)."""

    opening: Mapping[tuple[str, str], int]
    later: tuple[tuple[float, str, str, int], ...]


def plan_demo_stock(
    network: Network, shares: Mapping[str, float], demand: Mapping[str, float], seed: int, cover: float = 1.5
) -> StockPlan:
    """Spread `cover` times the expected units of each SKU, by the regions' shares of demand.

    The last fifth of the SKUs by demand lies in half of the regions only; within a region, a third of the SKUs lie
    at one site. One SKU in fifteen is short: it opens with half of its demand, and the rest arrives in two receipts,
    after a third and two thirds of the stream.
    """
    random = Random(f"stock/{seed}")
    opening: dict[tuple[str, str], int] = {}
    later: list[tuple[float, str, str, int]] = []
    ranked = sorted(demand, key=lambda sku: (-demand[sku], sku))
    for rank, sku in enumerate(ranked):
        short = random.random() < 1 / 15
        regions = list(shares)
        if rank >= len(ranked) * 4 // 5:
            regions = sorted(random.sample(regions, len(regions) // 2))
        shelves = list(_shelves(network, shares, regions, random))
        for site_id, share in shelves:
            opening[site_id, sku] = ceil((0.5 if short else cover) * demand[sku] * share) + (0 if short else 1)
        if short:
            site_id = shelves[0][0]
            later += [(point, site_id, sku, ceil(0.6 * demand[sku]) + 1) for point in (1 / 3, 2 / 3)]
    return StockPlan(opening, tuple(sorted(later)))


def _shelves(
    network: Network, shares: Mapping[str, float], regions: Iterable[str], random: Random
) -> Iterator[tuple[str, float]]:
    """(site, share of the SKU's stock); the shares of the chosen regions sum to one."""
    regions = list(regions)
    whole = sum(shares[region] for region in regions)
    for region in regions:
        sites = list(network.sites_by_region[region])
        if random.random() < 1 / 3:
            sites = [random.choice(sites)]
        for site in sites:
            yield site.site_id, shares[region] / whole / len(sites)


def opening_records(book: StockBook, opening: Mapping[tuple[str, str], int]) -> tuple[TimedRecord, ...]:
    return tuple(book.received(0, site_id, sku, units) for (site_id, sku), units in sorted(opening.items()) if units)


def later_records(
    book: StockBook, plan: StockPlan, stream_ms: int, start_ms: int, factor: float
) -> Iterator[TimedRecord]:
    """First the goods on order, all at the start, then each receipt at its time."""
    for point, site_id, sku, units in plan.later:
        yield book.expected(0, site_id, sku, units, start_ms + int(point * stream_ms * factor))
    for point, site_id, sku, units in plan.later:
        yield book.received(int(point * stream_ms), site_id, sku, units)
