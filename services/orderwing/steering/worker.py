"""The service: it follows the log, makes prices anew as the day goes, and publishes them as an operator would.

It keeps nothing: what it knows it has read from the log. While it is away the last list runs out, and nothing steers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from orderwing.kernel.ports import Record
from orderwing.runtime import metric_defs as metric
from orderwing.runtime.awaiting import once_there
from orderwing.runtime.clock import DomainClock, clock_of
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.following import Following
from orderwing.runtime.health import process_health
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import process_metrics
from orderwing.runtime.publish_prices import publish_prices
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.settings import Settings
from orderwing.steering.market import MINUTE_MS, Market
from orderwing.steering.rhythm import Rhythm
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.steering import PriceList
from orderwing_schemas.topics import CLOCK, ORDERS_ACCEPTED, REFERENCE, STOCK_MOVED

NAME = "steering"
_POLL_S = 0.2
_AWAY_S = 1.0  # of wall time, before a list that could not be published is tried again
_log = get_logger("orderwing.steering")


def run(settings: Settings, stop: threading.Event) -> None:
    """Publish prices until `stop`; wait while topics are missing. Raises OperatorError where the log cannot be read."""
    given = settings.steering
    rhythm = Rhythm(
        every_ms=given.every_minutes * MINUTE_MS,
        orders=given.every_orders,
        half_life_ms=given.half_life_minutes * MINUTE_MS,
        horizon_ms=given.horizon_minutes * MINUTE_MS,
    )
    topics = [topic.name for topic in (CLOCK, REFERENCE, ORDERS_ACCEPTED, STOCK_MOVED)]

    def follow() -> None:
        with Following(settings.kafka, topics) as log:
            _Worker(settings, log, rhythm).run(stop)

    once_there(follow, stop)


class _Worker:
    def __init__(self, settings: Settings, log: Following, rhythm: Rhythm) -> None:
        self._settings = settings
        self._log = log
        self._rhythm = rhythm
        self._reference = ReferenceTable()
        self._market = Market(rhythm.half_life_ms, rhythm.horizon_ms)
        self._clock: DomainClock | None = None
        self._last: tuple[int, int] | None = None
        self._listed_s: float | None = None  # monotonic
        self._metrics = process_metrics(NAME)

    def run(self, stop: threading.Event) -> None:
        process_health().set(False, message="reading the log, or waiting for the network: run `orderwing network load`")
        while not stop.is_set():
            self._learn(self._log.poll(_POLL_S))
            if self._listed_s is not None:
                self._metrics.set(metric.STEERING_AGE, time.monotonic() - self._listed_s)
            if self._clock is None or not self._log.caught_up or not self._reference.ready:
                continue
            process_health().set(True)
            now_ms = self._clock.domain_ms(time.time_ns() // 1_000_000)
            if self._rhythm.due(self._last, now_ms, self._market.orders):
                self._make(now_ms, stop)

    def _make(self, now_ms: int, stop: threading.Event) -> None:
        """One list. Where another writes at this moment, or the network has just changed, the next one is soon."""
        began_s = time.monotonic()
        network = self._reference.network
        prices = PriceList(
            version=1,
            currency=network.currency,
            valid_from_ms=now_ms,
            valid_until_ms=now_ms + self._rhythm.valid_ms,
            prices=tuple(p for p in self._market.prices(network, now_ms) if self._reference.item(p.sku) is not None),
        )
        self._metrics.observe(metric.STEERING_SECONDS, time.monotonic() - began_s)
        try:
            publish_prices(self._settings.kafka, prices, renumber=True)
        except OperatorError as error:
            self._metrics.add(metric.STEERING_REFUSED, 1)
            _log.warning("prices not published", reason=str(error))
            stop.wait(_AWAY_S)
            return
        self._last = (now_ms, self._market.orders)
        self._listed_s = time.monotonic()
        self._metrics.set(metric.STEERING_PRICES, len(prices.prices))
        self._metrics.set(metric.STEERING_AGE, 0)

    def _learn(self, records: Iterable[Record]) -> None:
        for record in records:
            self._metrics.add(metric.RECORDS_IN, 1)
            try:
                self._take(record)
            except UndecodableError as error:  # of a later version: what is known stays
                self._metrics.add(metric.DEAD_LETTERS, 1)
                place = f"{record.topic}/{record.partition}/{record.offset}"
                _log.error("undecodable", record=place, reason=error.reason, detail=error.detail)

    def _take(self, record: Record) -> None:
        if record.topic == CLOCK.name:
            self._clock = self._clock or clock_of([record])
        elif record.topic == REFERENCE.name:
            if record.partition == 0:  # each has all
                self._reference.apply(record)
        elif record.value is not None:
            self._market.learn(decode(record.value, header_map(record.headers).get("ce_type")))
