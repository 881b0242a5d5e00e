"""Anybody's own orders reach a real broker, and bad lines are told before anything is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from typer.testing import CliRunner, Result

from orderwing.cli import app
from orderwing.shop.feed import TimedRecord
from orderwing.shop.produce import ShopProducer
from support.orders import order_document

DEADLINE_S = 120.0
Received = tuple[bytes | None, bytes, dict[str, object]]
Run = Callable[..., Result]


def made(broker: str, *names: str) -> None:
    wanted = [NewTopic(name, 1, 1) for name in names]
    admin = AdminClient({"bootstrap.servers": broker})
    for future in admin.create_topics(wanted).values():
        try:
            future.result(DEADLINE_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def received(broker: str, topic: str, mark: str, wanted: int) -> list[Received]:
    """The first `wanted` records whose value holds `mark`."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": uuid4().hex, "auto.offset.reset": "earliest"})
    found: list[Received] = []
    try:
        consumer.subscribe([topic])
        deadline = time.monotonic() + DEADLINE_S
        while len(found) < wanted and time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None and mark.encode() in (value := message.value() or b""):
                found.append((message.key(), value, dict(message.headers() or [])))
    finally:
        consumer.close()
    return found


@pytest.fixture
def produce(broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `orderwing produce` on a file of these lines."""
    monkeypatch.setenv("ORDERWING_BOOTSTRAP", broker)
    made(broker, "orders.inbound", "stock.inbound")

    def run(*lines: object, options: tuple[str, ...] = ()) -> Result:
        file = tmp_path / "orders.jsonl"
        file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return CliRunner().invoke(app, ["produce", str(file), *options])

    return run


def test_orders_and_envelopes_arrive(broker: str, produce: Run) -> None:
    mark = uuid4().hex
    movement = {"site_id": "rugby", "sku": f"S-{mark}", "quantity": 1, "sequence": 1}
    envelope = {"topic": "stock.inbound", "type": "stock.received.v1", "value": movement}
    result = produce(order_document(order_id=f"A-{mark}"), "", envelope)
    assert result.exit_code == 0, result.output
    assert "Sent 2, acknowledged 2." in result.output
    ((key, _, _),) = received(broker, "orders.inbound", mark, 1)
    assert key == f"A-{mark}".encode()
    ((key, _, headers),) = received(broker, "stock.inbound", mark, 1)
    assert (key, headers["ce_type"], headers["ce_specversion"]) == (b"rugby", b"stock.received.v1", b"1.0")


def test_a_bad_line_is_named_and_nothing_is_sent(produce: Run) -> None:
    result = produce(order_document(), order_document(currency="pounds"), "{", {"topic": "clock", "value": {}})
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert told[0] == "orders.jsonl:2: contract: currency: string_pattern_mismatch"
    assert told[1].startswith("orders.jsonl:3: not_json")
    assert told[2].startswith("orders.jsonl:4: topic: must be one of")
    assert "3 lines break the contract; nothing was sent" in told[3]


def test_raw_sends_whatever_it_is(broker: str, produce: Run) -> None:
    mark = uuid4().hex
    result = produce(f"{{ this is no JSON {mark}", options=("--raw",))
    assert "Sent 1, acknowledged 1." in result.output
    ((key, value, headers),) = received(broker, "orders.inbound", mark, 1)
    assert (key, value, headers["ce_type"]) == (None, f"{{ this is no JSON {mark}".encode(), b"order.placed.v1")


def test_a_paced_stream_keeps_its_order_and_stops_when_told(broker: str) -> None:
    topic, stop = uuid4().hex, threading.Event()
    made(broker, topic)

    def records() -> Iterator[TimedRecord]:
        for n in range(10):
            yield TimedRecord(n * 20, topic, b"k", [("ce_id", b"x")], f"n{n}".encode())
        stop.set()
        yield TimedRecord(60_000, topic, b"k", [], b"late")

    shop = ShopProducer(broker)
    started = time.monotonic()
    shop.play(records(), stop)
    assert 0.18 <= time.monotonic() - started < 60  # the last record is a minute later
    assert (shop.tally.sent, shop.tally.acknowledged, shop.tally.failed) == (10, 10, 0)
    assert [value for _, value, _ in received(broker, topic, "n", 10)] == [f"n{n}".encode() for n in range(10)]


def test_a_record_that_is_too_large_fails_and_the_rest_goes_on(broker: str) -> None:
    topic, shop = uuid4().hex, ShopProducer(broker)
    made(broker, topic)
    shop.send_all([TimedRecord(0, topic, b"k", [], b"x" * size) for size in (5_000_000, 10)])
    assert (shop.tally.sent, shop.tally.acknowledged, shop.tally.failed) == (2, 1, 1)
    assert shop.tally.first_error
