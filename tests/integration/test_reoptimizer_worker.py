"""The re-optimizer on a real broker: it reads committed records only, keeps its pool, and proposes once a window."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from orderwing.reoptimizer.worker import run
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.health import process_health
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.settings import Kafka, Runtime, Settings
from orderwing.runtime.topics_admin import TopicsAdmin
from orderwing_schemas.base import Event
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.domain import (
    LineQuantity,
    OrderLine,
    PlannedShipment,
    Point,
    ServiceLevel,
    ShelfLevel,
)
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen
from orderwing_schemas.events.reoptimizer import ProposalMade, WindowClosed
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site
from orderwing_schemas.topics import PARTS_PLANNED, PROPOSALS, STOCK_MOVED, WINDOWS, Topic
from support.running import in_thread

HERE = Point(latitude=51.5, longitude=0.0)
HOUR_MS = 3_600_000
FACTOR = 600.0  # a window of ten minutes is a second
PARTITION = 1  # of region `south`, the second of the network
DEADLINE_S = 120.0


def network() -> Network:
    sites = tuple(
        Site(
            site_id=site,
            region_id=region,
            location=HERE,
            timezone="Europe/London",
            pick_minutes=10,
            units_per_hour=1000,
            handling_line_minor=5,
            handling_parcel_minor=30,
        )
        for site, region in (("n1", "north"), ("s1", "south"), ("s2", "south"))
    )
    lanes = tuple(
        Lane(
            lane_id=f"{site.site_id}-van",
            site_id=site.site_id,
            zone="south",
            carrier="van",
            services=(ServiceLevel.STANDARD,),
            every_minutes=60,
            transit_minutes=60,
            parcels_per_departure=100,
            parcel_minor=300,
            kilogram_minor=10,
        )
        for site in sites
    )
    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="north", centre=HERE), Region(region_id="south", centre=HERE)),
        sites=sites,
        lanes=lanes,
        policies=Policies(window_minutes=10),
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module alone, with the declared topics, a network and a fast clock."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka"), heap_mb=384) as server:
        TopicsAdmin(server.bootstrap).apply()
        item = Item(sku="tea", weight_g=500, volume_cm3=1, capacity=1, list_price_minor=100)
        fix_clock(server.bootstrap, FACTOR, int(time.time() * 1000))
        publish_reference(server.bootstrap, network(), [item, item.model_copy(update={"sku": "cup"})])
        yield server.bootstrap


def now_domain_ms(bootstrap: str) -> int:
    wall_ms = int(time.time() * 1000)
    return fix_clock(bootstrap, None, wall_ms).domain_ms(wall_ms)


@contextmanager
def worker(bootstrap: str, run_dir: Path) -> Iterator[None]:
    settings = Settings(kafka=Kafka(bootstrap=bootstrap), runtime=Runtime(run_dir=run_dir))
    with in_thread(lambda stop: run(settings, stop), DEADLINE_S):
        yield


class Log:
    """Writes as a stage does, in transactions, and reads what the re-optimizer says from now on."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._outputs = Outputs("test", "")
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name})
        self._producer.init_transactions(DEADLINE_S)
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name})
        places = [TopicPartition(topic.name, p) for topic in (PROPOSALS, WINDOWS) for p in range(topic.partitions)]
        ends = [self._consumer.get_watermark_offsets(place, timeout=DEADLINE_S)[1] for place in places]
        self._proposals: dict[str, list[ProposalMade]] = defaultdict(list)  # by window
        self._windows: list[WindowClosed] = []
        self._consumer.assign([TopicPartition(p.topic, p.partition, end) for p, end in zip(places, ends, strict=True)])

    def write(self, *events: tuple[Topic, Event], abort: bool = False) -> None:
        self._producer.begin_transaction()
        for topic, event in events:
            headers: list[tuple[str, str | bytes | None]] = [*self._outputs.headers(event, "id" * 16, 0)]
            self._producer.produce(topic.name, encode(event), topic.key_of(event), PARTITION, headers=headers)
        self._producer.flush(DEADLINE_S)
        if abort:
            self._producer.abort_transaction(DEADLINE_S)
        else:
            self._producer.commit_transaction(DEADLINE_S)

    def read(self) -> tuple[list[ProposalMade], WindowClosed]:
        """The next window with its proposals, which may come after it or before others: they are on another topic."""
        while not self._windows:
            self._poll()
        window = self._windows.pop(0)
        while len(self._proposals[window.window_id]) < window.proposed:
            self._poll()
        return self._proposals[window.window_id], window

    def _poll(self) -> None:
        message = self._consumer.poll(DEADLINE_S)
        assert message is not None, f"nothing was told within {DEADLINE_S} s"
        if message.error() is not None:
            return
        event = decode(_bytes(message.value()), dict(_pairs(message))["ce_type"])
        assert message.partition() == PARTITION
        if isinstance(event, ProposalMade):
            self._proposals[event.window_id].append(event)
        elif isinstance(event, WindowClosed):
            self._windows.append(event)

    def read_until(self, size: int, proposed: int = 0) -> tuple[list[ProposalMade], WindowClosed]:
        """The next window with a pool of `size` and as many proposals: stock and plans are learned in any order."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            proposals, window = self.read()
            if window.pool == size and window.proposed >= proposed:
                return proposals, window
        raise AssertionError(f"no window with a pool of {size} and {proposed} proposals within {DEADLINE_S} s")

    def close(self) -> None:
        self._consumer.close()
        del self._producer  # it would go on asking for a broker that is gone


def _bytes(value: str | bytes | None) -> bytes:
    assert isinstance(value, bytes)
    return value


def _pairs(message: Message) -> list[tuple[str, str]]:
    headers = message.headers()
    assert isinstance(headers, list)
    return [(name, _bytes(value).decode()) for name, value in headers]


def split_part(order_id: str, freeze_at_ms: int, version: int = 1) -> PartAllocated:
    """Tea from s1 and a cup from s2: two parcels, which one site could send in one."""
    shipments = tuple(
        PlannedShipment(
            shipment_id=f"{order_id}/{site}",
            site_id=site,
            lane_id=f"{site}-van",
            carrier="van",
            departure_at_ms=freeze_at_ms,
            arrival_at_ms=freeze_at_ms + HOUR_MS,
            lines=(LineQuantity(line_id=line, sku=sku, quantity=1),),
            cost_minor=345,
            terms=(("parcel", 345),),
        )
        for site, line, sku in (("s1", "1", "tea"), ("s2", "2", "cup"))
    )
    return PartAllocated(
        region="south",
        part_id=f"{order_id}/south/1",
        order_id=order_id,
        order_version=1,
        version=version,
        cause="first",
        zone="south",
        delivery_point=HERE,
        stop_id="stop",
        service_level=ServiceLevel.STANDARD,
        one_box=False,
        may_split=True,
        lines=tuple(
            OrderLine(line_id=line, sku=sku, quantity=1, amount_minor=500, capacity=1)
            for line, sku in (("1", "tea"), ("2", "cup"))
        ),
        shipments=shipments,
        cost_minor=690,
        promise_at_ms=freeze_at_ms + 2 * HOUR_MS,
        freeze_at_ms=freeze_at_ms,
        placed_at_ms=0,
    )


def stocked(sku: str, atp: int) -> StockMoved:
    shelf = ShelfLevel(site_id="s1", sku=sku, on_hand=atp + 1, reserved=1, safety=0)
    return StockMoved(region="south", kind="received", order_id=None, shelves=(shelf,))


@pytest.mark.slow
def test_proposes_from_committed_records_keeps_its_pool_and_forgets_what_is_frozen(
    cluster: str, tmp_path: Path
) -> None:
    log = Log(cluster, "test-reoptimizer")
    freeze_at_ms = now_domain_ms(cluster) + 2_000 * HOUR_MS
    try:
        with worker(cluster, tmp_path):
            log.write(
                (PARTS_PLANNED, split_part("aborted", freeze_at_ms)), (STOCK_MOVED, stocked("cup", 9)), abort=True
            )
            log.write((PARTS_PLANNED, split_part("first", freeze_at_ms)))
            proposals, window = log.read_until(1)
            assert window.part_ids == ("first/south/1",)
            assert proposals == []  # there is no second cup at s1: that record was aborted

            log.write((STOCK_MOVED, stocked("cup", 1)), (PARTS_PLANNED, split_part("second", freeze_at_ms)))
            proposals, window = log.read_until(2, proposed=1)
            assert len(proposals) == 1  # one cup for two parts
            assert {held.site_id for held in proposals[0].changes[0].held} == {"s1"}
            assert proposals[0].expected_gain_minor == window.expected_gain_minor > 5
            assert process_health().state[0]

        with worker(cluster, tmp_path):  # restored from its changelogs, with what came while it was away
            log.write((PARTS_PLANNED, PartFrozen(region="south", part_id="first/south/1", order_id="first", version=1)))
            _, window = log.read_until(1)
            assert window.part_ids == ("second/south/1",)
            log.write((PARTS_PLANNED, split_part("third", now_domain_ms(cluster))))  # freezes at once
            log.write((PARTS_PLANNED, split_part("fourth", freeze_at_ms)))
            proposals, window = log.read_until(2, proposed=1)
            assert window.part_ids == ("fourth/south/1", "second/south/1")
            assert len(proposals) == 1
    finally:
        log.close()
