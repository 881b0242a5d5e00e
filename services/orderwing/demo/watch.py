"""How a run stands, a few times a second: services by their metrics, orders by the facts on the log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from orderwing.audit.follow import TOPICS, Following
from orderwing.audit.log import Tail
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.scrape import Scraped, scrape
from orderwing.runtime.supervisor import Supervisor
from orderwing.views.read import Parcels, Views, Windows
from orderwing.views.store import RedisError

SCRAPE_EVERY_S = 1.0


@dataclass(frozen=True)
class ServiceLine:
    """One service: totals, what of it came within the last second, and seconds of its transactions."""

    name: str
    records_in: int
    records_out: int
    rejected: int
    lag: int
    rate: float
    p50_s: float | None
    p99_s: float | None
    ready: bool
    restarts: int


@dataclass(frozen=True)
class Seen:
    """What the views show."""

    states: Mapping[str, int] = field(default_factory=dict)
    parcels: Parcels = field(default_factory=lambda: Parcels(0, 0, 0, 0, 0))
    windows: Windows | None = None
    lag_ms: int = 0  # the 99th percentile, from the broker's stamp to Redis


@dataclass
class Watch:
    """`look` as often as you like; services and views are asked once a second."""

    bootstrap: Cluster
    redis_url: str
    supervisor: Supervisor
    seen: Seen = field(default_factory=Seen)
    following: Following = field(default_factory=Following)
    services: tuple[ServiceLine, ...] = ()
    scraped: Mapping[str, Scraped] = field(default_factory=dict)
    first_order_s: float | None = None  # when the views showed one; monotonic clock
    _scraped_s: float = 0.0

    def __post_init__(self) -> None:
        self._views = Views(self.redis_url)
        self._tail = Tail(self.bootstrap, TOPICS)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="scrape")

    def close(self) -> None:
        self._pool.shutdown()
        self._tail.close()
        self._views.__exit__(None, None, None)

    def look(self, timeout_s: float) -> None:
        """Take in what has happened; waits up to `timeout_s` for news."""
        self.following.take(self._tail.poll(timeout_s))
        now_s = time.monotonic()
        if self.first_order_s is None:
            self._read_views()
            if self.seen.states:
                self.first_order_s = now_s
        if now_s - self._scraped_s >= SCRAPE_EVERY_S:
            self._read_views()
            self._scrape(now_s - self._scraped_s)
            self._scraped_s = now_s

    @property
    def lag(self) -> int:
        """Records that some service has not read yet."""
        return sum(line.lag for line in self.services)

    def _read_views(self) -> None:
        """Keeps what was seen where Redis is away or holds nothing yet."""
        try:
            lag = self._views.lag()
            self.seen = Seen(
                self._views.orders_by_state(),
                self._views.parcels(),
                self._views.windows(),
                lag.p99_ms if lag is not None else self.seen.lag_ms,
            )
        except (OperatorError, RedisError):
            return

    def _scrape(self, seconds: float) -> None:
        ports = self.supervisor.ports()
        answers = dict(zip(ports, self._pool.map(scrape, ports.values()), strict=True))
        found = {name: answer for name, answer in answers.items() if answer is not None}
        restarts = self.supervisor.restarts
        self.services = tuple(
            _line(name, found.get(name), self.scraped.get(name), seconds, restarts[name]) for name in restarts
        )
        self.scraped = found


def _line(name: str, now: Scraped | None, before: Scraped | None, seconds: float, restarts: int) -> ServiceLine:
    if now is None:
        return ServiceLine(name, 0, 0, 0, 0, 0.0, None, None, False, restarts)
    taken = _taken(now)
    rate = max(0.0, taken - _taken(before)) / seconds if before is not None and seconds else 0.0
    return ServiceLine(
        name=name,
        records_in=int(taken),
        records_out=int(now.total(defs.RECORDS_OUT)),
        rejected=int(now.total(defs.RECORDS_REJECTED)),
        lag=int(now.total(defs.INPUT_LAG)),
        rate=rate,
        p50_s=_quantile(now, 0.5),
        p99_s=_quantile(now, 0.99),
        ready=bool(now.total(defs.READY)),
        restarts=restarts,
    )


def _taken(scraped: Scraped) -> float:
    return scraped.total(defs.RECORDS_IN)


def _quantile(scraped: Scraped, share: float) -> float | None:
    """Of what makes the service's speed: commits, calls to the provider, or looks at a pool."""
    for metric in (defs.COMMIT_SECONDS, defs.PROVIDER_SECONDS, defs.VIEWS_LAG, defs.SOLVE_SECONDS):
        if (found := scraped.quantile(metric, share)) is not None:
            return found
    return None
