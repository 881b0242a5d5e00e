"""Generated orders of a British shop, with the faults that real shops send: one seed, one stream, bit for bit."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from orderwing.shop.baskets import Shopper
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import Load, at_speed, demo_network, region_shares
from orderwing.shop.faults import FAULTS, Fault
from orderwing.shop.feed import Feed, TimedRecord, cloud_event_headers, moment
from orderwing.shop.stock import StockBook, later_records, opening_records, plan_demo_stock
from orderwing_schemas import topics
from orderwing_schemas.codec import encode
from orderwing_schemas.events.public import OrderPlaced

_SOURCE = "/demo/shop"


def generated_feed(
    orders: int,
    seed: int,
    rate: float,
    start_ms: int,
    factor: float,
    faults: bool = True,
    sequences: Mapping[str, int] | None = None,
) -> Feed:
    """`orders` distinct order ids at `rate` a second of wall time, from domain time `start_ms` at `factor`.

    Repeated orders (duplicates, conflicts) come on top of `orders`. `sequences` are the sites' last movements where the
    cluster has seen some. Raises ValueError for a rate that is not positive.
    """
    if rate <= 0 or factor <= 0:
        raise ValueError("rate and factor must be positive")
    items = demo_catalogue()
    network = at_speed(demo_network(Load(orders_per_hour=rate * 3600 / factor)), factor)
    shopper = Shopper(items, Random(f"orders/{seed}"), orders, run=f"{moment(start_ms):%H%M%S}")
    plan = plan_demo_stock(network, region_shares(), shopper.expected_units(orders), seed)
    book = StockBook(last=dict(sequences or {}))
    counts: Counter[str] = Counter()
    opening = opening_records(book, plan.opening)
    placed = _Stream(shopper, orders, rate, start_ms, factor, Random(f"faults/{seed}"), faults, counts)
    receipts = _counted(later_records(book, plan, int(orders / rate * 1000), start_ms, factor), counts)
    records = heapq.merge(placed.records(), receipts, key=lambda record: record.offset_ms)
    return Feed(network, items, opening, records, counts)


def _counted(records: Iterator[TimedRecord], counts: Counter[str]) -> Iterator[TimedRecord]:
    for record in records:
        counts["stock_movements"] += 1
        yield record


@dataclass
class _Stream:
    shopper: Shopper
    orders: int
    rate: float
    start_ms: int
    factor: float
    random: Random
    faults: bool
    counts: Counter[str]
    _ends: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self._ends = list(accumulate(fault.share for fault in FAULTS))

    def records(self) -> Iterator[TimedRecord]:
        offset_s = 0.0
        for number in range(1, self.orders + 1):
            offset_s += self.random.expovariate(self.rate)
            offset_ms = int(offset_s * 1000)
            order = self.shopper.order(number, moment(self.start_ms + int(offset_ms * self.factor)))
            fault = self._fault()
            self.counts[fault.name if fault else "orders"] += 1
            values = fault.spoil(order, self.random) if fault else [encode(order)]
            for position, value in enumerate(values):
                yield _record(offset_ms, order, position, value)

    def _fault(self) -> Fault | None:
        drawn = self.random.random()  # drawn even where unused, so that both ways see the same orders
        if not self.faults:
            return None
        return next((fault for fault, end in zip(FAULTS, self._ends, strict=True) if drawn < end), None)


def _record(offset_ms: int, order: OrderPlaced, position: int, value: bytes) -> TimedRecord:
    headers = cloud_event_headers(order.EVENT_TYPE, f"{order.order_id}-{position}", _SOURCE, order.order_id)
    return TimedRecord(offset_ms, topics.ORDERS_INBOUND.name, order.order_id.encode(), headers, value)
