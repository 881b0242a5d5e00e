"""Sending a feed by its times, with a copy of everything sent: the auditor's count is made from it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from orderwing.audit.input_count import count_input
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.shop.feed import TimedRecord
from orderwing.shop.produce import ShopProducer
from orderwing_schemas.topics import ORDERS_INBOUND, STOCK_INBOUND


def last_movements(copy: Path) -> dict[str, int]:
    """The last movement by site that earlier runs on the same data have sent."""
    last: dict[str, int] = {}
    if copy.exists():
        with copy.open(encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                if told["topic"] == STOCK_INBOUND.name:
                    movement = json.loads(told["value"])
                    last[movement["site_id"]] = max(movement["sequence"], last.get(movement["site_id"], 0))
    return last


def _cut_torn_line(copy: Path) -> None:
    """What a killed run has left without its end was never sent."""
    if copy.exists():
        written = copy.read_bytes()
        with copy.open("r+b") as file:
            file.truncate(written.rfind(b"\n") + 1)


class Stream(threading.Thread):
    """Sends `records` by their times. `done` is set at the end, failed or not; `close` it."""

    def __init__(self, bootstrap: Cluster, copy: Path, duration_s: float | None) -> None:
        super().__init__(name="stream", daemon=True)
        self.done = threading.Event()
        _cut_torn_line(copy)
        self.placed = count_input(copy).placed if copy.exists() else 0  # orders' records, in earlier runs too
        self.failure: BaseException | None = None
        self.records: Iterator[TimedRecord] = iter(())
        self.shop = ShopProducer(bootstrap, self._copied)
        self._copy = copy.open("a", encoding="utf-8")
        self._duration_s = duration_s
        self._halt = threading.Event()

    def send(self, records: Iterable[TimedRecord]) -> None:
        """At once, without regard to their times."""
        self.shop.send_all(records)

    def run(self) -> None:
        try:
            self.shop.play(self._timely(), self._halt)
        except BaseException as error:
            self.failure = error
        finally:
            self.done.set()

    def stop(self) -> None:
        """Send nothing more, and wait for the answers to what was sent."""
        self._halt.set()
        if self.ident is not None:  # it was started
            self.join()

    def close(self) -> None:
        self.stop()
        self._copy.close()

    def require_sent(self) -> None:
        """Raises OperatorError unless all was sent and acknowledged."""
        if self.failure is not None:
            raise self.failure
        tally = self.shop.tally
        if tally.sent != tally.acknowledged:
            raise OperatorError(
                f"{tally.sent - tally.acknowledged} of {tally.sent} records did not reach Kafka "
                f"({tally.first_error or 'no answer'}): see the broker's log."
            )

    def _timely(self) -> Iterator[TimedRecord]:
        for record in self.records:
            if self._duration_s is not None and record.offset_ms > self._duration_s * 1000:
                return
            yield record

    def _copied(self, record: TimedRecord) -> None:
        """On disk before it is sent. Bytes that are no text are kept as lone surrogates."""
        told = {
            "topic": record.topic,
            "key": record.key.decode("utf-8", "surrogateescape"),
            "value": record.value.decode("utf-8", "surrogateescape"),
        }
        self._copy.write(json.dumps(told) + "\n")
        self._copy.flush()
        self.placed += record.topic == ORDERS_INBOUND.name
