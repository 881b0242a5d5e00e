"""A real year of orders as a feed: the UCI Online Retail file (CC BY 4.0, DOI 10.24432/C5BW33), which a user brings."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from orderwing.geography import destination
from orderwing.shop.demo_network import GATHERING, PROMISE_SLACK_MINUTES, Load, at_speed, cartons_of, demo_network
from orderwing.shop.feed import Feed, TimedRecord, cloud_event_headers
from orderwing.shop.retail_file import Invoice, RetailFileError, read_invoices
from orderwing.shop.retail_orders import Imported, ImportedCancellation, ImportedOrder, Importer, ImportRejection
from orderwing.shop.retail_stock import FIRST_WEEKS, Sale, Supply, catalogue, supplies
from orderwing.shop.stock import StockBook
from orderwing_schemas import topics
from orderwing_schemas.events.public import OrderPlaced
from orderwing_schemas.network import Item, Network, Policies

_SOURCE = "/online-retail"
_RECEIPTS_AT_ONCE = 40  # between two invoices: a week's goods arrive over its first days
_LONGEST_GAP = timedelta(minutes=30)  # nights and weekends shrink to this before gaps are compressed
_PEAK = 2.0  # invoices come in bursts, and a basket of many lines travels in more than one parcel
# Customers of this shop are small wholesalers: a basket of 300 pounds is ordinary, and so are many a day.
_POLICIES = Policies(
    window_minutes=10,
    review_minutes=30,
    review_amount_minor=1_000_000,
    block_amount_minor=10_000_000,
    velocity_per_hour=200,
    late_hour_minor=1_000,
    promise_slack_minutes=PROMISE_SLACK_MINUTES,
    consolidation=GATHERING,
)


def retail_feed(
    path: Path,
    orders: int | None,
    rate: float,
    factor: float,
    report: Path | None = None,
    sequences: Mapping[str, int] | None = None,
) -> Feed:
    """The first `orders` invoices (None: all) at a mean `rate` a second of wall time; domain time runs at `factor`.

    Counted as they go: `orders`, `cancellations_matched`, `cancellations_unmatched`, `import_rejected_<reason>`;
    `report` gets a line of JSON for each invoice; `sequences` are the sites' last movements where the cluster has seen
    some. Raises RetailFileError, ValueError for a rate that is not positive.
    """
    if rate <= 0 or factor <= 0:
        raise ValueError("rate and factor must be positive")
    invoices = list(read_invoices(path))
    started = next((invoice.placed_at for invoice in invoices if invoice.placed_at), None)
    if started is None:
        raise RetailFileError(f"{path} holds no invoice with a date.")
    importer = Importer()
    outcomes = [importer.imported(invoice) for invoice in invoices]
    weeks = [_week(invoice, started) for invoice in invoices]
    items = catalogue(invoices)
    network = at_speed(_network(outcomes, weeks, rate * 3600 / factor, items), factor)
    supply = supplies(_sales(outcomes, weeks, network), network)
    book = StockBook(_SOURCE, dict(sequences or {}))
    counts: Counter[str] = Counter()
    opening = tuple(book.received(0, s.site_id, s.sku, s.due(0)) for s in supply if s.due(0))
    end = len(invoices) if orders is None else orders
    stream = _Stream(outcomes[:end], weeks[:end], _offsets(invoices[:end], rate), supply, book, counts, report)
    return Feed(network, items, opening, stream.records(), counts)


def _week(invoice: Invoice, started: datetime) -> int:
    return max(0, (invoice.placed_at - started).days // 7) if invoice.placed_at else 0


def _network(outcomes: list[Imported], weeks: list[int], invoices_per_hour: float, items: Sequence[Item]) -> Network:
    """The demo market, made for the baskets of the first weeks, the largest of them included."""
    first = [outcome for outcome, week in zip(outcomes, weeks, strict=True) if week < FIRST_WEEKS]
    baskets = [sum(outcome.units.values()) for outcome in first if isinstance(outcome, ImportedOrder)] or [1]
    share = len(baskets) / len(first)
    units = sum(baskets) / len(baskets)
    load = Load(invoices_per_hour * share * _PEAK, units, max(baskets), cartons_of(units, items))
    return demo_network(load, _POLICIES)


def _sales(outcomes: list[Imported], weeks: list[int], network: Network) -> Iterator[Sale]:
    regions: dict[str, str] = {}
    for outcome, week in zip(outcomes, weeks, strict=True):
        if isinstance(outcome, ImportedOrder) and (place := outcome.place):
            key = f"{place.country}/{place.name}"
            region_id = regions.get(key) or regions.setdefault(key, destination(place, network).region_id)
            for sku, units in outcome.units.items():
                yield Sale(week, region_id, sku, units)


def _offsets(invoices: list[Invoice], rate: float) -> list[int]:
    """Milliseconds for each invoice: the file's gaps, shortened alike until the mean rate is `rate`."""
    gaps = [0.0]
    for before, after in pairwise(invoices):
        gap = after.placed_at - before.placed_at if before.placed_at and after.placed_at else timedelta()
        gaps.append(min(max(gap, timedelta()), _LONGEST_GAP).total_seconds())
    scale = len(invoices) / rate * 1000 / (sum(gaps) or 1)
    offsets, at = [], 0.0
    for seconds in gaps:
        at += seconds * scale
        offsets.append(int(at))
    return offsets


@dataclass
class _Stream:
    outcomes: list[Imported]
    weeks: list[int]
    offsets: list[int]
    supply: tuple[Supply, ...]
    book: StockBook
    counts: Counter[str]
    report: Path | None
    _stocked: int = field(default=0, init=False)  # the last week whose receipts are on their way
    _coming: deque[tuple[Supply, int]] = field(default_factory=deque, init=False)

    def records(self) -> Iterator[TimedRecord]:
        with ExitStack() as stack:
            lines = stack.enter_context(self.report.open("w", encoding="utf-8")) if self.report else None
            for outcome, week, offset_ms in zip(self.outcomes, self.weeks, self.offsets, strict=True):
                self._order_receipts(week)
                yield from self._receipts(offset_ms)
                self._count(outcome)
                if lines:
                    lines.write(json.dumps(outcome.report()) + "\n")
                if isinstance(outcome, ImportedOrder):
                    yield _record(offset_ms, outcome)

    def _order_receipts(self, week: int) -> None:
        for begun in range(self._stocked + 1, week + 1):
            for supply in self.supply:
                if units := supply.due(begun):
                    self._coming.append((supply, units))
        self._stocked = max(self._stocked, week)

    def _receipts(self, offset_ms: int) -> Iterator[TimedRecord]:
        for _ in range(min(_RECEIPTS_AT_ONCE, len(self._coming))):
            supply, units = self._coming.popleft()
            self.counts["stock_movements"] += 1
            yield self.book.received(offset_ms, supply.site_id, supply.sku, units)

    def _count(self, outcome: Imported) -> None:
        match outcome:
            case ImportedOrder():
                self.counts["orders"] += 1
            case ImportedCancellation():
                self.counts["cancellations_matched" if outcome.matched else "cancellations_unmatched"] += 1
            case ImportRejection():
                self.counts[f"import_rejected_{outcome.reason}"] += 1


def _record(offset_ms: int, order: ImportedOrder) -> TimedRecord:
    headers = cloud_event_headers(OrderPlaced.EVENT_TYPE, order.invoice, _SOURCE, order.invoice)
    return TimedRecord(offset_ms, topics.ORDERS_INBOUND.name, order.invoice.encode(), headers, order.value)
