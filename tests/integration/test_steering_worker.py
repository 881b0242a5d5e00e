"""The steering service on a real broker: prices from the log, in every partition, and again after a new start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.health import process_health
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.publish_prices import publish_prices
from orderwing.runtime.settings import Kafka, Runtime, Settings, Steering
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing.steering.worker import run
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode
from orderwing_schemas.domain import Backorder, Order, OrderLine, Payer, Point, ServiceLevel, ShelfLevel
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.reference import SteeringPriced
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.steering import PriceList
from orderwing_schemas.topics import CLOCK, ORDERS_ACCEPTED, PARTITIONS, REFERENCE, STOCK_MOVED, Topic
from support.running import in_thread, wait_until

DEADLINE_S = 120.0
SKU = demo_catalogue()[0].sku
FULL, EMPTY = "warrington", "doncaster"


@contextmanager
def service(bootstrap: str, run_dir: Path) -> Iterator[None]:
    settings = Settings(
        kafka=Kafka(bootstrap=bootstrap),
        runtime=Runtime(run_dir=run_dir),
        steering=Steering(every_minutes=10_000, every_orders=1, half_life_minutes=10_000, horizon_minutes=60),
    )
    with in_thread(lambda stop: run(settings, stop), DEADLINE_S):
        yield


def tell(bootstrap: str, *told: tuple[Topic, Event]) -> None:
    with OperatorLog(bootstrap, "test") as log:
        log.write([outgoing(topic.name, 1, topic.key_of(event), event) for topic, event in told])


def stocked(site_id: str, units: int) -> tuple[Topic, Event]:
    level = ShelfLevel(site_id=site_id, sku=SKU, on_hand=units, reserved=0, safety=0)
    return STOCK_MOVED, StockMoved(region="north", kind="movement", order_id=None, shelves=(level,))


def accepted(number: int, at_ms: int) -> tuple[Topic, Event]:
    line = OrderLine(line_id="1", sku=SKU, quantity=2, amount_minor=100, capacity=1)
    order = Order(
        order_id=f"O-{number}", version=1, customer_key="C", currency="GBP", lines=(line,),
        service_level=ServiceLevel.SAME_DAY, home_region="north", zone="north",
        delivery_point=Point(latitude=54, longitude=-2), stop_id="s", shipping_paid_by=Payer.SHOP, one_box=False,
        max_delay_minutes=240, may_split=True, backorder=Backorder.LINES, placed_at_ms=at_ms, accepted_at_ms=at_ms,
    )  # fmt: skip
    return ORDERS_ACCEPTED, OrderAccepted(order=order, payment_token="tok_ok")


def newest(bootstrap: str, partition: int) -> SteeringPriced | None:
    with OperatorLog(bootstrap, "reader") as log:
        records = [r for r in log.read(REFERENCE.name, partition) if r.value and r.key == b"steering-0"]
    event = decode(records[-1].value, SteeringPriced.EVENT_TYPE) if records else None
    assert event is None or isinstance(event, SteeringPriced)
    return event


def prices(bootstrap: str) -> dict[str, int]:
    """The newest list, by site."""
    found = newest(bootstrap, 0)
    return {} if found is None else {price.site_id: price.price_minor for price in found.prices}


def next_prices(bootstrap: str, now_ms: int) -> dict[str, int]:
    """After one more order, for which a list is made: the topics are read in any order."""
    tell(bootstrap, accepted(1, now_ms))
    return prices(bootstrap)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), heap_mb=384) as server:
        TopicsAdmin(server.bootstrap, [CLOCK, REFERENCE, ORDERS_ACCEPTED, STOCK_MOVED]).apply()
        yield server.bootstrap


def test_makes_prices_of_what_the_log_tells_and_goes_on_from_it_after_a_new_start(cluster: str, tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    fix_clock(cluster, 1.0, now_ms, now_ms)
    with service(cluster, tmp_path):
        wait_until(lambda: "network" in process_health().state[2], "it waits for a network", DEADLINE_S)
        publish_reference(cluster, demo_network(), demo_catalogue())
        tell(cluster, stocked(FULL, 9), stocked(EMPTY, 2))
        wait_until(lambda: len(next_prices(cluster, now_ms)) == 2, "both shelves have a price", DEADLINE_S)
        found = prices(cluster)
        assert found[EMPTY] > found[FULL] > 0
        assert process_health().state[0]
        tell(cluster, stocked(EMPTY, 0))
        wait_until(lambda: next_prices(cluster, now_ms) == {}, "one shelf leaves nothing to choose", DEADLINE_S)
    tell(cluster, stocked(EMPTY, 30))
    last = newest(cluster, 0)
    assert last is not None
    with service(cluster, tmp_path):
        wait_until(lambda: len(next_prices(cluster, now_ms)) == 2, "the log tells all of it again", DEADLINE_S)
        assert prices(cluster)[FULL] > prices(cluster)[EMPTY]
    lists = [newest(cluster, partition) for partition in range(PARTITIONS)]
    assert lists.count(lists[0]) == PARTITIONS
    assert lists[0] is not None
    assert lists[0].version > last.version
    assert lists[0].valid_until_ms > lists[0].valid_from_ms


def test_an_operators_list_takes_its_turn(cluster: str) -> None:
    empty = PriceList(version=1, currency="GBP", valid_from_ms=1, valid_until_ms=2, prices=())
    before = newest(cluster, 0)
    assert before is not None
    assert publish_prices(cluster, empty, renumber=True)
    assert getattr(newest(cluster, 2), "version", 0) == before.version + 1
    with pytest.raises(OperatorError, match="give these one above it"):
        publish_prices(cluster, empty)
