"""The outside warehouse on a real broker, known to these tests by the topics' contract alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from orderwing.runtime.embedded.broker import EmbeddedBroker

FACTOR = 3_000  # an hour of the domain is 1.2 s
MINUTE_MS = 60_000
TRACE: list[tuple[str, str | bytes | None]] = [
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", b"vendor=1"),
]
DEADLINE_S = 120.0
PROGRAM = """
import signal, threading
from orderwing.runtime.settings import load
from orderwing.simulators.warehouse import run
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
run(load(), stop)
"""


class World:
    """A broker with the warehouse's three topics, and a domain clock."""

    def __init__(self, bootstrap: str, run_dir: Path) -> None:
        self.bootstrap, self.run_dir = bootstrap, run_dir
        self.wall0_ms = int(time.time() * 1000)
        self.start_ms = self.wall0_ms
        topics = [NewTopic("shipments.released.v1", 4), NewTopic("wms.inbound", 4), NewTopic("clock", 1)]
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.create_topics(topics).values():
            future.result(DEADLINE_S)
        self.producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
        clock = {"start_ms": self.start_ms, "wall0_ms": self.wall0_ms, "factor": FACTOR}
        self.producer.produce("clock", json.dumps(clock | {"type": "clock.fixed.v1", "key": "clock"}), "clock")
        self.producer.flush(DEADLINE_S)

    def now_ms(self) -> int:
        return self.start_ms + int((time.time() * 1000 - self.wall0_ms) * FACTOR)

    def release(self, number: int, quantity: int = 2) -> None:
        now_ms = self.now_ms()
        value = {
            "type": "shipment.released.v1",
            "site_id": f"site-{number % 3}",
            "shipment_id": f"o{number}/south/1/1",
            "order_id": f"o{number}",
            "lines": [{"line_id": "1", "sku": "tea", "quantity": quantity}],
            "departure_at_ms": now_ms + 30 * MINUTE_MS,
            "arrival_at_ms": now_ms + 60 * MINUTE_MS,
            "a_field_of_tomorrow": True,
        }
        self.producer.produce("shipments.released.v1", json.dumps(value), str(value["site_id"]), headers=TRACE)

    @contextmanager
    def warehouse(self, **shares: float) -> Iterator[subprocess.Popen[bytes]]:
        environment = os.environ | {f"ORDERWING_WAREHOUSE_{name.upper()}": str(share) for name, share in shares.items()}
        where = {"ORDERWING_BOOTSTRAP": self.bootstrap, "ORDERWING_RUN_DIR": str(self.run_dir), "ORDERWING_SEED": "3"}
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment | where, start_new_session=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait(DEADLINE_S)

    def answers(
        self, enough: Callable[[list[dict[str, Any]]], bool], timeout_s: float = DEADLINE_S
    ) -> list[dict[str, Any]]:
        """All answers from the beginning, until there are enough."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"reader-{time.monotonic_ns()}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        consumer.subscribe(["wms.inbound"])
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + timeout_s
        try:
            while not enough(found):
                assert time.monotonic() < deadline, f"only {Counter(a['status'] for a in found)}"
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    value = message.value()
                    assert value is not None
                    answer = json.loads(value)
                    assert message.key() == answer["site_id"].encode()
                    assert set(TRACE) <= set(message.headers() or ())
                    found.append(answer)
        finally:
            consumer.close()
        return found

    def ledger(self) -> list[dict[str, Any]]:
        """What is written whole: it may be looked at while the warehouse writes."""
        *lines, _ = (self.run_dir / "warehouse.ledger.jsonl").read_bytes().split(b"\n")
        return [json.loads(line) for line in lines]


@pytest.fixture
def world(embedded_broker_factory: Callable[[], EmbeddedBroker], tmp_path: Path) -> World:
    return World(embedded_broker_factory().bootstrap, tmp_path / "run")


def delivered(answers: list[dict[str, Any]]) -> int:
    return len({a["shipment_id"] for a in answers if a["status"] == "delivered"})


def test_shipments_are_answered_step_by_step_and_booked(world: World) -> None:
    with world.warehouse(short_share=0, disorder_share=0, duplicate_share=0, late_share=0) as process:
        for number in range(20):
            world.release(number)
        world.producer.produce("shipments.released.v1", b"no JSON", "site-0")
        world.producer.produce("shipments.released.v1", b'{"shipment_id": "half"}', "site-0")
        world.release(3)
        world.producer.flush(DEADLINE_S)
        answers = world.answers(lambda found: delivered(found) == 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    for number in range(20):
        told = [a for a in answers if a["order_id"] == f"o{number}"]
        assert [a["status"] for a in told] == ["picked", "packed", "shipped", "in_transit", "delivered"]
        assert [a["at"] for a in told] == sorted(a["at"] for a in told)
    statuses = Counter(entry["status"] for entry in world.ledger())
    assert statuses == dict.fromkeys(("received", "picked", "packed", "shipped", "in_transit", "delivered"), 20)
    shipped = [e for e in world.ledger() if e["status"] == "shipped"]
    assert all(e["lines"] == [{"line_id": "1", "sku": "tea", "quantity": 2}] for e in shipped)


def test_short_picks_name_what_is_missing(world: World) -> None:
    with world.warehouse(short_share=1, disorder_share=0, duplicate_share=0, late_share=0):
        for number in range(10):
            world.release(number, quantity=4)
        world.producer.flush(DEADLINE_S)
        answers = world.answers(lambda found: len({a["shipment_id"] for a in found}) == 10 and delivered(found) >= 1)
    for number in range(10):
        told = [a for a in answers if a["order_id"] == f"o{number}"]
        assert told[0]["status"] == "short_picked"
        assert 1 <= told[0]["missing"][0]["quantity"] <= 4
        if told[0]["missing"][0]["quantity"] == 4:
            assert len(told) == 1


@pytest.mark.slow
def test_killed_again_and_again_it_ships_everything_once(world: World) -> None:
    count = 60
    for number in range(count):
        world.release(number)
    world.producer.flush(DEADLINE_S)
    for kill in range(1, 4):
        with world.warehouse(short_share=0.1) as process:
            world.answers(lambda found, least=60 * kill: len(found) >= least)  # type: ignore[misc]
            process.kill()
            process.wait(DEADLINE_S)
    world.release(count)  # what came before may all be told by now: this one is answered only by a new process
    world.producer.flush(DEADLINE_S)
    count += 1
    with world.warehouse(short_share=0.1) as process:
        # What it had told and not booked when it was killed is told again, and booked.
        answers = world.answers(lambda found: len(_ended(found)) == count and _places(found) <= _places(world.ledger()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    ledger = world.ledger()
    assert len(ledger) == len(_places(ledger))
    assert _places(ledger) == _places(answers) | {(f"o{number}/south/1/1", "received") for number in range(count)}


def _places(told: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(entry["shipment_id"], entry["status"]) for entry in told}


def _ended(answers: list[dict[str, Any]]) -> set[str]:
    gone = {a["shipment_id"] for a in answers if a["status"] == "short_picked" and a["missing"][0]["quantity"] == 2}
    return gone | {a["shipment_id"] for a in answers if a["status"] == "delivered"}
