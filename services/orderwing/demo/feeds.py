"""Where a run's orders come from, and the copy of everything sent that the auditor's count is made from."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from orderwing.audit.input_count import count_input
from orderwing.demo.options import Options
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.errors import OperatorError
from orderwing.shop.feed import Feed, TimedRecord
from orderwing.shop.generator import generated_feed
from orderwing.shop.online_retail import retail_feed
from orderwing.shop.produce import ShopProducer
from orderwing_schemas.topics import ORDERS_INBOUND


def feed_for(options: Options, clock: DomainClock, wall_ms: int, import_report: Path) -> Feed:
    """The market and the records of a run that begins at `wall_ms`. Raises OperatorError."""
    rate, orders = options.orders_a_second, options.orders_wanted
    if options.retail is not None:
        return retail_feed(options.retail, orders, rate, options.speed, import_report)
    return generated_feed(orders or 0, options.seed, rate, clock.domain_ms(wall_ms), options.speed)


class Stream(threading.Thread):
    """Sends a feed: the opening stock at once, everything else by its time. `done` is set at the end, failed or not."""

    def __init__(self, feed: Feed, bootstrap: str, copy: Path, duration_s: float | None) -> None:
        super().__init__(name="stream", daemon=True)
        self.shop = ShopProducer(bootstrap)
        self.done = threading.Event()
        self.placed = count_input(copy).placed if copy.exists() else 0  # orders' records, in earlier runs too
        self.failure: BaseException | None = None
        self._feed = feed
        self._copy = copy
        self._duration_s = duration_s
        self._halt = threading.Event()

    def open_stock(self) -> None:
        with self._copy.open("a", encoding="utf-8") as copy:
            self.shop.send_all(self._copied(iter(self._feed.opening), copy))

    def run(self) -> None:
        try:
            with self._copy.open("a", encoding="utf-8") as copy:
                self.shop.play(self._copied(self._records(), copy), self._halt)
        except BaseException as error:
            self.failure = error
        finally:
            self.done.set()

    def stop(self) -> None:
        """Send nothing more, and wait for the answers to what was sent."""
        self._halt.set()
        with suppress(RuntimeError):  # it was never started
            self.join()

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

    def _records(self) -> Iterator[TimedRecord]:
        for record in self._feed.records:
            if self._duration_s is not None and record.offset_ms > self._duration_s * 1000:
                return
            yield record

    def _copied(self, records: Iterator[TimedRecord], copy: IO[str]) -> Iterator[TimedRecord]:
        """Each record is on disk before it is sent. Bytes that are no text are kept as lone surrogates."""
        for record in records:
            told = {
                "topic": record.topic,
                "key": record.key.decode("utf-8", "surrogateescape"),
                "value": record.value.decode("utf-8", "surrogateescape"),
            }
            copy.write(json.dumps(told) + "\n")
            copy.flush()
            self.placed += record.topic == ORDERS_INBOUND.name
            yield record
