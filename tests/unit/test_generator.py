"""The generator: one seed one stream, the market it needs, and an owed answer for every fault."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from orderwing.gate.stage import STAGE as GATE
from orderwing.intake.stage import STAGE as INTAKE
from orderwing.kernel.stage import RawRecord
from orderwing.shop.faults import FAULTS
from orderwing.shop.feed import Feed, TimedRecord
from orderwing.shop.generator import generated_feed
from orderwing_schemas import topics
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.domain import Order
from orderwing_schemas.events.gate import InputRejected
from orderwing_schemas.events.intake import OrderAccepted, OrderConflicted, OrderDuplicated, OrderRejected
from orderwing_schemas.events.public import OrderPlaced, StockExpected, StockReceived
from support.memory_view import MemoryReference, MemoryView

START = 1_778_054_400_000
ORDERS = 2_000


def feed(orders: int = ORDERS, seed: int = 5, rate: float = 10.0) -> Feed:
    return generated_feed(orders, seed, rate, START, 60.0)


@pytest.mark.parametrize(("factor", "minutes"), [(1.0, 1), (60.0, 1), (61.0, 2), (480.0, 8)])
def test_a_fast_market_tells_its_stock_no_oftener_than_each_second(factor: float, minutes: int) -> None:
    assert generated_feed(1, 5, 10.0, START, factor).network.policies.atp_told_minutes == minutes


def answered(source: Feed) -> tuple[Counter[str], list[Order]]:
    """What gate and intake answer to a whole feed, by outcome or reason."""
    view = MemoryView(MemoryReference(source.network, source.items))
    outcomes: Counter[str] = Counter()
    orders: list[Order] = []
    for offset, record in enumerate(source.records):
        raw = RawRecord(record.topic, 0, offset, record.key, record.value, tuple(record.headers))
        (emit,) = GATE.decide(view, raw, START).emits
        if isinstance(emit.event, InputRejected):
            outcomes[emit.event.reason] += 1
        if not isinstance(emit.event, OrderPlaced):
            continue
        event = view.apply(INTAKE.decide(view, emit.event, START)).emits[0].event
        match event:
            case OrderAccepted():
                orders.append(event.order)
                outcomes["accepted"] += 1
            case OrderDuplicated():
                outcomes["duplicated"] += 1
            case OrderConflicted():
                outcomes["conflicted"] += 1
            case OrderRejected():
                outcomes.update(event.reasons)
    return outcomes, orders


def test_every_fault_gets_the_answer_it_is_owed() -> None:
    source = feed()
    outcomes, _ = answered(source)
    owed: Counter[str] = Counter()
    for fault in FAULTS:
        owed[fault.answer] += source.counts[fault.name]
    assert min(source.counts[fault.name] for fault in FAULTS) > 0
    owed["accepted"] = source.counts["orders"] + source.counts["duplicate"] + source.counts["conflict"]
    assert outcomes == owed


def test_demand_is_a_shops() -> None:
    _, orders = answered(feed())
    lines = [line for order in orders for line in order.lines]
    assert len(lines) / len(orders) >= 2.5
    sold = Counter(line.sku for line in lines)
    best = sum(n for _, n in sold.most_common(40))
    assert 0.4 < best / len(lines) < 0.7
    assert {order.home_region for order in orders} == {"north", "midlands", "south-west", "south-east"}
    assert {order.zone for order in orders} >= {"europe", "world"}
    assert len({order.service_level for order in orders}) == 4
    guests = sum(order.customer_key.startswith("guest:") for order in orders)
    assert 0.2 < guests / len(orders) < 0.3
    customers = {order.customer_key for order in orders}
    assert len(customers) < len(orders) * 0.9
    for limit, rare in ((100_000, 0.10), (1_000_000, 0.01)):
        assert 0 < sum(order.total_minor > limit for order in orders) / len(orders) < rare


def test_one_seed_is_one_stream_and_another_is_another() -> None:
    assert list(feed(200).records) == list(feed(200).records)
    assert list(feed(200).records) != list(feed(200, seed=6).records)


def test_the_rate_is_kept_and_time_flows() -> None:
    offsets = [record.offset_ms for record in feed(rate=50).records]
    assert all(a <= b for a, b in pairwise(offsets))
    assert offsets[-1] == pytest.approx(ORDERS / 50 * 1000, rel=0.15)


@pytest.mark.parametrize(("rate", "factor"), [(0.0, 60.0), (10.0, 0.0)])
def test_a_rate_that_is_not_positive_is_an_error(rate: float, factor: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        generated_feed(1, 1, rate, START, factor)


def stock_events(records: list[TimedRecord]) -> list[StockReceived | StockExpected]:
    events = [
        decode(record.value, header_map(record.headers)["ce_type"])
        for record in records
        if record.topic == topics.STOCK_INBOUND.name
    ]
    return [event for event in events if isinstance(event, StockReceived | StockExpected)]


def test_movements_of_a_site_are_numbered_without_gaps() -> None:
    source = feed()
    last: Counter[str] = Counter()
    events = stock_events([*source.opening, *source.records])
    for event in events:
        last[event.site_id] += 1
        assert event.sequence == last[event.site_id]
    assert set(last) == set(source.network.site_by_id)


def test_a_later_run_repeats_no_order_id_and_goes_on_numbering() -> None:
    seen = {"rugby": 7}
    later = generated_feed(50, 5, 10.0, START + 3_600_000, 60.0, sequences=seen)
    ids = [{record.key for record in f.records if record.topic == "orders.inbound"} for f in (feed(50), later)]
    assert len(ids[0]) == len(ids[1]) == 50
    assert not ids[0] & ids[1]
    assert next(e.sequence for e in stock_events(list(later.opening)) if e.site_id == "rugby") == 8
    assert seen == {"rugby": 7}


def test_stock_covers_demand_but_not_everywhere() -> None:
    source = feed()
    opening = Counter[str]()
    sites = Counter[str]()
    for event in stock_events(list(source.opening)):
        opening[event.sku] += event.quantity
        sites[event.sku] += 1
    demand = Counter[str]()
    for order in answered(source)[1]:
        for line in order.lines:
            demand[line.sku] += line.quantity
    short = [sku for sku, units in demand.items() if opening[sku] < units]
    assert 0 < len(short) < len(demand) / 4
    assert min(sites.values()) < 5
    assert max(sites.values()) == len(source.network.sites)
