"""The views' process: from the log into Redis, resuming where Redis says that it stands."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from statistics import quantiles
from typing import Any

import msgspec

from orderwing.runtime import metric_defs as metric
from orderwing.runtime.awaiting import once_there
from orderwing.runtime.health import process_health
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import Metrics, process_metrics
from orderwing.runtime.settings import Settings
from orderwing.views.batch import Batch, Place
from orderwing.views.gauges import tell_cluster, tell_levels
from orderwing.views.log import ViewLog
from orderwing.views.milestones import parcels, reached
from orderwing.views.project import Applied, UnreadableError, project
from orderwing.views.standing import standing
from orderwing.views.store import (
    Client,
    RedisError,
    ViewStore,
    connect,
    current_prefix,
    drop,
    new_generation,
    open_generation,
    retire,
    swap,
)
from orderwing.views.tally import Count, tally_frozen

NAME = "views"
_RECORDS = 2_000  # at most in one go
_POLL_S = 0.1
_AWAY_S = 0.5  # between two tries while Redis is away
_TELL_S = 1.0
_SETTLE = 500  # orders looked at in one go
_LAGS = 2_000  # records over which the lag is told
_log = get_logger("orderwing.views")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def run(settings: Settings, stop: threading.Event) -> None:
    """Apply the log until `stop`; waits while topics are missing.

    Raises OperatorError if Kafka or Redis does not answer at the start.
    """
    client = connect(settings.redis.url)

    def follow() -> None:
        with ViewLog(settings.kafka) as log:
            _follow(log, client, stop)

    try:
        once_there(follow, stop)
    finally:
        client.close()


def _follow(log: ViewLog, client: Client, stop: threading.Event) -> None:
    name = log.name()
    applier = Applier(log, ViewStore(client, open_generation(client, name)), process_metrics(NAME))
    while not stop.is_set():
        try:
            store = ViewStore(client, open_generation(client, name))
            applier.use(store)
            process_health().set(True)
            while not stop.is_set() and current_prefix(client) == store.prefix:
                applier.run_for(_TELL_S, stop)
            retire(client, store.prefix)
        except RedisError as error:
            process_health().set(False, message="Redis is away")
            _log.warning("redis is away", error=type(error).__name__)
            stop.wait(_AWAY_S)


def rebuild(settings: Settings, progress: Callable[[int, int], None]) -> int:
    """Build a new generation from the whole log and let it be read; the number of records applied.

    `progress` is told records done and in all. Until the end the former generation is read; a running service goes
    on in the new one. Raises OperatorError, and RedisError if Redis goes away.
    """
    client = connect(settings.redis.url)
    try:
        with ViewLog(settings.kafka) as log:
            store = ViewStore(client, new_generation(client, log.name()))
            applier = Applier(log, store, process_metrics(NAME))
            try:
                lows, ends = log.lows(), log.ends()  # before the first read: ends met then lie behind these
                applier.use(store)
                size = sum(end - lows[place] for place, end in ends.items())
                while not applier.reached(ends):
                    applier.step()
                    progress(min(applier.applied, size), size)
                progress(size, size)  # what is not applied are transactions' markers
            except BaseException:
                drop(client, store.prefix)
                raise
            swap(client, store.prefix)
            return applier.applied
    finally:
        client.close()


class Applier:
    """Moves one generation forward along the log."""

    def __init__(self, log: ViewLog, store: ViewStore, metrics: Metrics) -> None:
        self.applied = 0
        self._log = log
        self._store = store
        self._metrics = metrics
        self._next: dict[Place, int] = {}
        self._lags: deque[int] = deque(maxlen=_LAGS)

    def use(self, store: ViewStore) -> None:
        """Go on in this generation, from where it stands."""
        self._store = store
        self._resume()

    def _resume(self) -> None:
        self._next = self._store.begin(self._log.lows())
        self._log.start(self._next)
        self._settle(dict.fromkeys(self._store.dirty(), frozenset()))

    def run_for(self, seconds: float, stop: threading.Event) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stop.is_set():
            self.step()
        self._tell()

    def reached(self, ends: dict[Place, int]) -> bool:
        """Whether everything below `ends` is applied; behind the last record there may be markers of transactions."""
        return all(self._next[place] >= end or self._log.at_end([place]) for place, end in ends.items())

    def step(self) -> None:
        """Apply what is there, at most some records; waits a little for the first."""
        records = self._log.poll(_RECORDS, _POLL_S)
        if not records:
            return
        batches: dict[Place, Batch] = {}
        for record, event_type in records:
            place = record.topic, record.partition
            batch = batches.get(place)
            if batch is None:
                batch = batches[place] = Batch(place, self._next[place])
            self._add(batch, record, event_type)
        if not self._store.apply(list(batches.values())):
            _log.warning("views stood elsewhere", partitions=len(batches))  # Redis lost its last second, say
            self._resume()
            return
        self._next |= {place: batch.end for place, batch in batches.items()}
        news: dict[str, set[str]] = {}
        for batch in batches.values():
            for order_id, whats in batch.orders.items():
                news.setdefault(order_id, set()).update(whats)
            self._add_all(batch.counts)
        self._settle(news)
        self._count_frozen(news)
        self._count([record for record, _ in records])

    def _add(self, batch: Batch, record: Applied, event_type: str) -> None:
        batch.end = record.offset + 1
        try:
            change = project(record, event_type)
        except UnreadableError as error:
            # The record stays in the log: a later version that can read it rebuilds the views.
            place = f"{record.topic}/{record.partition}/{record.offset}"
            _log.error("unreadable", record=place, error=str(error))
            self._metrics.add(metric.DEAD_LETTERS, 1)
            batch.add([("HINCRBY", "totals", "unreadable", 1)])
            return
        batch.add(change.commands)
        batch.counts += change.counts
        for order_id, what in change.news:
            batch.orders.setdefault(order_id, set()).add(what)

    def _settle(self, news: Mapping[str, Collection[str]]) -> None:
        """Keep where the orders stand now, and count what they have reached by their `news`."""
        orders, domain = list(news), self._log.domain
        for start in range(0, len(orders), _SETTLE):
            some = orders[start : start + _SETTLE]
            facts = dict(zip(some, self._store.facts_of(some), strict=True))
            now = {order_id: standing(found, domain.factor, domain.review_ms) for order_id, found in facts.items()}
            changed = self._store.settle(now)
            for order_id in some:
                self._add_all(reached(facts[order_id], news[order_id]))
            self._add_all(parcels(facts[order_id]) for order_id in changed if now[order_id].state == "delivered")

    def _count_frozen(self, news: Mapping[str, Collection[str]]) -> None:
        parts = [
            (o, what.removeprefix("frozen:")) for o, told in news.items() for what in told if what.startswith("frozen:")
        ]
        for plan in self._store.plans(parts) if parts else ():
            if plan is not None:  # cut from the log by retention
                self._add_all(tally_frozen(_decode(plan)))

    def _add_all(self, counts: Iterable[Count]) -> None:
        for what, n, labels in counts:
            if what.kind == "histogram":
                self._metrics.observe(what, n, *labels)
            else:
                self._metrics.add(what, n, *labels)

    def _count(self, records: list[Applied]) -> None:
        self.applied += len(records)
        now_ms = int(time.time() * 1000)
        for record in records:
            lag_ms = max(0, now_ms - record.wall_ms)
            self._lags.append(lag_ms)
            self._metrics.observe(metric.VIEWS_LAG, lag_ms / 1000)
        for topic, n in Counter(record.topic for record in records).items():
            self._metrics.add(metric.VIEWS_APPLIED, n, topic)
        self._metrics.add(metric.RECORDS_IN, len(records))

    def _tell(self) -> None:
        tell_levels(self._metrics, self._store, self._log.domain)
        if (health := self._log.health()) is not None:
            tell_cluster(self._metrics, health)
        if len(self._lags) > 1:
            cuts = quantiles(self._lags, n=100)
            self._store.tell(
                lag_ms_p50=round(cuts[49]), lag_ms_p99=round(cuts[98]), told_wall_ms=int(time.time() * 1000)
            )
