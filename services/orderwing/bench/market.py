"""Markets in which every order can be allocated: sound orders, and stock of each SKU at every site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random

from orderwing.geography import DOMESTIC
from orderwing.shop.baskets import Shopper
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import Load, cartons_of, demo_network
from orderwing.shop.feed import TimedRecord, cloud_event_headers, moment
from orderwing.shop.retail_file import read_invoices
from orderwing.shop.retail_orders import ImportedOrder, Importer
from orderwing.shop.retail_stock import catalogue
from orderwing.shop.stock import StockBook, opening_records
from orderwing_schemas import topics
from orderwing_schemas.codec import encode
from orderwing_schemas.events.public import OrderPlaced
from orderwing_schemas.network import Item, Network, Policies
from orderwing_schemas.policy import Policy

_SOURCE = "/bench/shop"
_SEED = 1
_COVER = 1.2  # the safety share is 2 %
# Nobody reviews anything: what waits for a person says nothing about speed.
_POLICIES = Policies(review_amount_minor=10**11, block_amount_minor=10**12, velocity_per_hour=1_000_000)


@dataclass(frozen=True)
class Market:
    """`policy`: in force while orders are decided."""

    network: Network
    items: Sequence[Item]
    opening: Sequence[TimedRecord]
    orders: Sequence[TimedRecord]
    mean_lines: float
    policy: Policy | None = None


def generated_market(orders: int, start_ms: int) -> Market:
    """Baskets of the generator, from domain time `start_ms`; all are paid for."""
    items = demo_catalogue()
    shopper = Shopper(items, Random(f"bench/{_SEED}"), orders, run="bench")
    units: Counter[str] = Counter()
    lines = 0
    records = []
    for number in range(1, orders + 1):
        order = shopper.order(number, moment(start_ms))
        order = order.model_copy(update={"payment_token": f"tok_ok_{number}"})
        lines += len(order.lines)
        units.update({line.sku: line.quantity for line in order.lines})
        records.append(_record(order.order_id, encode(order)))
    return _market(items, units, records, lines)


def retail_market(path: Path, orders: int) -> Market:
    """Baskets of British customers of the Online Retail file, repeated under new ids if there are too few.

    Raises RetailFileError.
    """
    invoices = list(read_invoices(path))
    importer = Importer()
    sound = [order for invoice in invoices if (order := _sound(importer.imported(invoice))) is not None]
    units: Counter[str] = Counter()
    lines = 0
    records = []
    for number in range(orders):
        order = sound[number % len(sound)]
        units.update(order.units)
        lines += sum(1 for row in order.source.rows)
        value = order.value
        if number >= len(sound):
            order_id = f"{order.invoice}-{number // len(sound)}"
            value = value.replace(f'"{order.invoice}"'.encode(), f'"{order_id}"'.encode(), 1)
        else:
            order_id = order.invoice
        records.append(_record(order_id, value))
    return _market(catalogue(invoices), units, records, lines)


def _sound(imported: object) -> ImportedOrder | None:
    """An order that intake accepts and home can ship."""
    if not isinstance(imported, ImportedOrder) or imported.place is None or imported.place.country != DOMESTIC:
        return None
    rows = imported.source.rows
    return (
        imported
        if len(rows) <= 1000 and all((row.quantity or 0) > 0 and (row.price or 0) > 0 for row in rows)
        else None
    )


def _record(order_id: str, value: bytes) -> TimedRecord:
    headers = cloud_event_headers(OrderPlaced.EVENT_TYPE, order_id, _SOURCE, order_id)
    return TimedRecord(0, topics.ORDERS_INBOUND.name, order_id.encode(), headers, value)


def _market(items: Sequence[Item], units: Mapping[str, int], orders: list[TimedRecord], lines: int) -> Market:
    """Capacities and stock are such that all orders could be placed within the hour, and in one region."""
    mean = sum(units.values()) / len(orders)
    load = Load(3.0 * len(orders), mean, max(units.values()), cartons_of(mean, items))
    network = demo_network(load, _POLICIES)
    opening = {
        (site.site_id, sku): ceil(wanted * _COVER) + 10 for site in network.sites for sku, wanted in units.items()
    }
    records = opening_records(StockBook(_SOURCE), opening)
    return Market(network, items, records, orders, lines / len(orders))


def paced(records: Iterable[TimedRecord], rate: float) -> Iterator[TimedRecord]:
    """The same records, evenly spread at `rate` a second."""
    for number, record in enumerate(records):
        yield record._replace(offset_ms=int(number * 1000 / rate))
