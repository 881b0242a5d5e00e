"""The product's own processes, from orders placed to orders allocated."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orderwing.bench.log import Arrivals, fresh_topics, mean_bytes
from orderwing.bench.market import Market
from orderwing.bench.measure import PATIENCE_S, Road
from orderwing.bench.options import Options, Result
from orderwing.bench.profiling import profiled
from orderwing.bench.usage import usage_of
from orderwing.composition import SERVICES
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.embedded.redis import EmbeddedRedis
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.settings import Kafka, Log, Payments, Redis, Runtime, Settings
from orderwing.runtime.supervisor import ServiceSpec, Supervisor
from orderwing.shop.produce import ShopProducer
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import PartAllocated
from orderwing_schemas.events.fraud import OrderCleared
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.payments import OrderAuthorised, PaymentAnswered, PaymentRequested
from orderwing_schemas.events.public import OrderPlaced
from orderwing_schemas.events.reservation import StockReserved

WARM_UP = 300  # orders before anything is measured
TO_ALLOCATED = (
    "gate", "intake", "payment_hold", "payment_gateway", "psp", "fraud", "reservation", "allocation",
)  # fmt: skip
_HOPS = (
    (topics.ORDERS_PLACED, OrderPlaced),
    (topics.ORDERS_ACCEPTED, OrderAccepted),
    (topics.PAYMENTS_REQUESTED, PaymentRequested),
    (topics.PAYMENTS_ANSWERED, PaymentAnswered),
    (topics.ORDERS_AUTHORISED, OrderAuthorised),
    (topics.FRAUD_BY_REGION, OrderCleared),
    (topics.STOCK_RESERVED, StockReserved),
    (topics.PARTS_PLANNED, PartAllocated),
)
_READY_S = 90.0
_QUICK = {"ORDERWING_PSP_LATENCY_MS": "0"}
_MORNING_HOUR = 8


@dataclass
class Servers:
    """Where everything runs: one broker for the whole run, one directory for each part."""

    broker: EmbeddedBroker
    redis: EmbeddedRedis
    directory: Path
    progress: Progress

    def settings(self, part: str) -> Settings:
        return Settings(
            kafka=Kafka(bootstrap=self.broker.bootstrap),
            redis=Redis(url=self.redis.url),
            payments=Payments(url="http://127.0.0.1:0"),
            runtime=Runtime(run_dir=self.directory / part),
            log=Log(level="warning"),
        )


def morning_ms() -> int:
    """Domain time begins at eight, so that every site is open, and runs as fast as the wall's."""
    today = datetime.now(UTC).replace(hour=_MORNING_HOUR, minute=0, second=0, microsecond=0)
    return int(today.timestamp() * 1000)


def run_pipeline(
    servers: Servers, part: str, title: str, market: Market, options: Options, names: Sequence[str], paced: bool = True
) -> Result:
    """Raises OperatorError."""
    bootstrap = servers.broker.bootstrap
    fresh_topics(bootstrap, options.partitions)
    fix_clock(bootstrap, 1.0, time.time_ns() // 1_000_000, morning_ms())
    publish_reference(bootstrap, market.network, market.items)
    with _services(servers, part, names, options.profile) as supervisor:

        def pids() -> Mapping[str, int]:
            redis = {"redis": servers.redis.pid or 0} if "views" in names else {}
            return {**supervisor.pids(), **redis, "broker": servers.broker.pid or 0}

        _stock(servers, part, market)
        arrivals = Arrivals(bootstrap, topics.PARTS_PLANNED.name, PartAllocated.EVENT_TYPE.encode())
        road = Road(bootstrap, topics.ORDERS_INBOUND.name, arrivals, pids, servers.progress)
        try:
            many = WARM_UP + options.orders_of(part)
            road.feed(f"{part}: warm up", market.orders[:WARM_UP], None)
            full = road.feed(f"{part}: at once", market.orders[WARM_UP:many], None)
            rest = market.orders[many:]
            steady = road.feed(f"{part}: {options.rate:g} a second", rest, options.rate) if paced and rest else None
            memory_mib = usage_of(pids()).memory_mib()
        finally:
            arrivals.close()
        if supervisor.failures or any(supervisor.restarts.values()):
            raise OperatorError(f"A service died while it was measured: see {servers.directory / part}.")
    hop_bytes = tuple(mean_bytes(bootstrap, topic.name, event.EVENT_TYPE) for topic, event in _HOPS)
    return Result(part, title, market.mean_lines, full, steady, memory_mib, hop_bytes)


@contextmanager
def _services(servers: Servers, part: str, names: Sequence[str], profile: str | None) -> Iterator[Supervisor]:
    settings = servers.settings(part)
    specs = [
        ServiceSpec(
            name, environment=_QUICK, command=profiled(name, settings.runtime.run_dir) if name == profile else ()
        )
        for name in SERVICES
        if name in names
    ]
    with Supervisor(settings, specs) as supervisor:
        supervisor.wait_ready(_READY_S)
        yield supervisor


def _stock(servers: Servers, part: str, market: Market) -> None:
    """Send the opening stock and wait until reservation has told of each movement."""
    ShopProducer(servers.broker.bootstrap).send_all(market.opening)
    moved = Arrivals(servers.broker.bootstrap, topics.STOCK_MOVED.name, None)
    heard_s = time.monotonic()
    try:
        while moved.seen < len(market.opening):
            if moved.look(0.5):
                heard_s = time.monotonic()
            elif time.monotonic() - heard_s > PATIENCE_S:
                raise OperatorError(f"Stock does not arrive: see {servers.directory / part}.")
            servers.progress(f"{part}: stock", moved.seen, len(market.opening))
    finally:
        moved.close()
