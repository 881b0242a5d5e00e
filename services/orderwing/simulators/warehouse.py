"""An outside warehouse: reads `shipments.released.v1`, answers on `wms.inbound`, keeps its own book.

It knows the AsyncAPI document and nothing of the stages: plain confluent-kafka and JSON. It obeys whatever it is told,
right or wrong, each shipment id once.
"""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from orderwing.runtime.kafka_client import client_config
from orderwing.runtime.settings import Settings
from orderwing.simulators.warehouse_floor import Book, Entry, Floor, Step

RELEASED, INBOUND, CLOCK = "shipments.released.v1", "wms.inbound", "clock"
LEDGER = "warehouse.ledger.jsonl"
_TRACE = ("traceparent", "tracestate")  # told back as they came
_POLL_S = 0.5
_RETRY_MS = 60_000  # domain time after which an answer that the broker refused is given again


@dataclass(frozen=True, slots=True)
class DomainClock:
    """Domain time = `start_ms` + (wall - `wall0_ms`) * `factor`."""

    start_ms: int
    wall0_ms: int
    factor: float

    def now_ms(self) -> int:
        return self.start_ms + int((time.time() * 1000 - self.wall0_ms) * self.factor)

    def seconds_until(self, at_ms: int) -> float:
        """Wall seconds, not below zero."""
        return max(0.0, (at_ms - self.now_ms()) / self.factor / 1000)


def run(settings: Settings, stop: threading.Event) -> None:
    """Work until `stop` is set."""
    floor = Floor(settings.warehouse, settings.runtime.seed)
    common = client_config(settings.kafka)
    clock = _read_clock(common, stop)
    if clock is None:
        return
    with Book(settings.runtime.run_dir / LEDGER) as book:
        producer = Producer(
            {
                **common,
                "client.id": f"warehouse-{settings.runtime.instance}",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
            }
        )
        warehouse = Warehouse(floor, book, clock, producer)
        consumer = Consumer(
            {
                **common,
                "client.id": f"warehouse-{settings.runtime.instance}",
                "group.id": "warehouse",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "topic.metadata.refresh.interval.ms": 1_000,
            }
        )
        try:
            consumer.subscribe([RELEASED])
            _work(warehouse, consumer, stop)
        finally:
            consumer.close()
            producer.flush(5)


def _work(warehouse: Warehouse, consumer: Consumer, stop: threading.Event) -> None:
    while not stop.is_set():
        first = consumer.poll(min(_POLL_S, warehouse.seconds_to_next()))
        messages = [first, *consumer.consume(499, 0)] if first is not None else []
        released = [message for message in messages if message.error() is None]
        for message in released:
            headers: Any = message.headers() or ()  # of the client's stubs' many forms it has but one
            warehouse.receive(message.value(), headers)
        if released:
            _commit(consumer)
        warehouse.answer_due()


def _commit(consumer: Consumer) -> None:
    """What cannot be committed is read again, and known by its id."""
    try:
        consumer.commit(asynchronous=True)
    except KafkaException:
        return


@dataclass
class Warehouse:
    """The floor, the book, and the answers to come, the earliest first."""

    floor: Floor
    book: Book
    clock: DomainClock
    producer: Producer
    _to_come: list[tuple[int, int, Entry, Step]] = field(default_factory=list)
    _order: Any = field(default_factory=count)
    _open: dict[str, int] = field(default_factory=dict)  # answers still to be given, by shipment

    def __post_init__(self) -> None:
        for received in list(self.book.unfinished()):
            self._plan(received)

    def receive(self, value: bytes | None, headers: Iterable[tuple[str, bytes | None]] = ()) -> None:
        """Book a release with its W3C trace context. What is no release, and what is known, is passed over."""
        try:
            told = json.loads(value or b"")
            received: Entry = {
                "status": "received",
                "shipment_id": str(told["shipment_id"]),
                "order_id": str(told["order_id"]),
                "site_id": str(told["site_id"]),
                "lines": [{name: x[name] for name in ("line_id", "sku", "quantity")} for x in told["lines"]],
                "departure_at_ms": int(told["departure_at_ms"]),
                "arrival_at_ms": int(told["arrival_at_ms"]),
                "at_ms": self.clock.now_ms(),
                **({"to_site_id": str(told["to_site_id"])} if told.get("to_site_id") else {}),
                "trace": {name: (value or b"").decode() for name, value in headers if name in _TRACE},
            }
        except (ValueError, KeyError, TypeError):
            return
        if received["lines"] and not self.book.knows(received["shipment_id"]):
            self.book.append(received)
            self._plan(received)

    def _plan(self, received: Entry) -> None:
        told = self.book.told[received["shipment_id"]]
        steps = [step for step in self.floor.day_of(received) if step.status not in told]
        for step in steps:
            heapq.heappush(self._to_come, (step.at_ms, next(self._order), received, step))
        self._open[received["shipment_id"]] = len(steps)
        if not steps:
            self._end(received["shipment_id"])

    def seconds_to_next(self) -> float:
        return self.clock.seconds_until(self._to_come[0][0]) if self._to_come else _POLL_S

    def answer_due(self) -> None:
        now_ms = self.clock.now_ms()
        while self._to_come and self._to_come[0][0] <= now_ms:
            _, _, received, step = heapq.heappop(self._to_come)
            self._send(received, step)
        self.producer.poll(0)

    def _send(self, received: Entry, step: Step) -> None:
        value = json.dumps(_answer(received, step)).encode()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_type", b"warehouse.answered.v1"),
            ("ce_source", b"/warehouse"),
            ("ce_id", f"{received['shipment_id']}:{step.status}".encode()),
            ("ce_subject", received["order_id"].encode()),
            ("content-type", b"application/json"),
            *((name, value.encode()) for name, value in received.get("trace", {}).items()),
        ]
        for number in range(step.times):
            told = partial(self._told, received, step) if number == 0 else None
            while True:
                try:
                    self.producer.produce(
                        INBOUND, value, _teller(received, step).encode(), headers=headers, on_delivery=told
                    )
                    break
                except BufferError:
                    self.producer.poll(0.1)

    def _told(self, received: Entry, step: Step, error: object, _message: Message) -> None:
        """Book what the broker has; try again later what it has not."""
        if error is not None:
            again_ms = self.clock.now_ms() + _RETRY_MS
            heapq.heappush(self._to_come, (again_ms, next(self._order), received, step))
            return
        shipment_id = received["shipment_id"]
        self.book.append(
            {
                "status": step.status,
                "shipment_id": shipment_id,
                "order_id": received["order_id"],
                "site_id": received["site_id"],
                "lines": step.lines,
                "at_ms": step.at_ms,
            }
        )
        self._open[shipment_id] -= 1
        if not self._open[shipment_id]:
            self._end(shipment_id)

    def _end(self, shipment_id: str) -> None:
        del self._open[shipment_id]
        self.book.close_day(shipment_id)


def _teller(received: Entry, step: Step) -> str:
    """The site whose word it is: of what has arrived, the one that it was sent to."""
    return str(received["to_site_id"] if step.status == "arrived" else received["site_id"])


def _answer(received: Entry, step: Step) -> dict[str, Any]:
    answer = {
        "type": "warehouse.answered.v1",
        "shipment_id": received["shipment_id"],
        "site_id": _teller(received, step),
        "order_id": received["order_id"],
        "status": step.status,
        "at": datetime.fromtimestamp(step.at_ms / 1000, UTC).isoformat(),
    }
    if step.status == "short_picked":
        answer["missing"] = step.lines
    if step.status == "shipped":
        answer["tracking"] = f"TR-{received['shipment_id']}"[:100]
    return answer


def _read_clock(common: dict[str, Any], stop: threading.Event) -> DomainClock | None:
    """The cluster's clock, waited for; None if stopped before."""
    reader = Consumer(
        {
            **common,
            "group.id": "warehouse-clock",
            "topic.metadata.refresh.interval.ms": 1_000,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        reader.assign([TopicPartition(CLOCK, 0, OFFSET_BEGINNING)])
        while not stop.is_set():
            message = reader.poll(_POLL_S)
            if message is not None and message.error() is None and (value := message.value()):
                told = json.loads(value)
                return DomainClock(int(told["start_ms"]), int(told["wall0_ms"]), float(told["factor"]))
    finally:
        reader.close()
    return None
