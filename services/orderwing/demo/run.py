"""One run of the demo, from the first jar to the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from orderwing.demo.feeds import feed_for
from orderwing.demo.market import morning_ms
from orderwing.demo.options import Options
from orderwing.demo.phases import Phases
from orderwing.demo.product import READY_S, Product
from orderwing.demo.rundir import RunDirectory
from orderwing.demo.stream import Stream, last_movements
from orderwing.demo.watch import Watch
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.errors import OperatorError
from orderwing.shop.feed import Feed

LOOK_S = 0.25
SETTLE_S = 2.0  # about so long after the clock is fixed the first order comes
QUIET_S = 2.0  # so long nothing may be under way before a run counts as drained
DRAIN_DOMAIN_S = 10 * 3600  # the longest road: an hour to the next departure, hours abroad, a receipt in between
DRAIN_SPARE_S = 60.0
_MAY_COME_LATER = ("reoptimizer",)  # the slowest to load, and nobody waits for it before the first window ends


class Show(Protocol):
    """What a run tells while it runs."""

    def step(self, text: str) -> None:
        """A step begins."""
        ...

    def watched(self, phase: str, watch: Watch, stream: Stream, seconds: float) -> None:
        """A few times a second, `seconds` after the stream began."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What the report and the verdict need, once everything has stopped."""

    feed: Feed
    clock: DomainClock
    startup_s: float
    views_lag_ms: int
    drained: bool


def run_demo(options: Options, directory: RunDirectory, product: Product, show: Show, phases: Phases) -> Outcome:
    """Stream, drain, stop the services; `product`'s broker still runs. Raises OperatorError."""
    # Before the services: measured, if all ask for transactions at once their coordinator does not come up.
    kept = product.kept_clock(options.speed)
    show.step("Start the services")
    supervisor = product.start_services()  # they take the longest; the market is made meanwhile
    awaited = [name for name in supervisor.restarts if name not in _MAY_COME_LATER]
    sequences, imported = last_movements(directory.input), directory.path / "import.jsonl"
    start_ms = morning_ms() if kept is None else kept.domain_ms(_wall_ms())
    feed = feed_for(options, start_ms, sequences, imported)
    supervisor.wait_loaded(READY_S, awaited)
    phases.ended("services")
    clock = product.fix_clock(options.speed, morning_ms() - int(SETTLE_S * 1000 * options.speed))
    show.step(f"Publish {len(feed.network.sites)} sites, {len(feed.network.lanes)} lanes and {len(feed.items)} items")
    product.publish(feed.network, feed.items, options.policy)
    with closing(Stream(product.broker.bootstrap, directory.input, options.duration_s)) as stream:
        stream.send(feed.opening)
        show.step("Wait until the services are ready")
        supervisor.wait_ready(READY_S, awaited)
        if options.retail is None:  # the same shop again, with the hour at which it really opens
            feed = feed_for(options, clock.domain_ms(_wall_ms()), sequences, imported)
        stream.records = feed.records
        with closing(Watch(product.broker.bootstrap, product.redis.url, supervisor)) as watch:
            phases.ended("market")
            stream.start()
            rests = _stream_and_drain(options, stream, watch, show, phases)
    first_s = watch.first_order_s
    return Outcome(
        feed=feed,
        clock=clock,
        startup_s=(first_s or time.monotonic()) - phases.began_s,
        views_lag_ms=watch.seen.lag_ms,
        drained=rests,
    )


def _stream_and_drain(options: Options, stream: Stream, watch: Watch, show: Show, phases: Phases) -> bool:
    """Whether everything came to rest in time."""
    began_s = time.monotonic()

    def look(phase: str) -> None:
        watch.look(LOOK_S)
        if failures := watch.supervisor.failures:
            raise OperatorError(next(iter(failures.values())))
        show.watched(phase, watch, stream, time.monotonic() - began_s)

    while not stream.done.is_set():
        look("streaming")
    stream.require_sent()
    phases.ended("streaming")
    watch.supervisor.wait_ready(READY_S)
    rests = drained(stream, watch, lambda: look("draining"), DRAIN_DOMAIN_S / options.speed + DRAIN_SPARE_S)
    phases.ended("draining")
    return rests


def drained(stream: Stream, watch: Watch, look: Callable[[], None], patience_s: float) -> bool:
    """Look until nothing has been under way for a while; False if that does not come about."""
    end_s = time.monotonic() + patience_s
    rest_s = time.monotonic()
    while time.monotonic() < end_s:
        look()
        if not (watch.following.at_rest and watch.following.answered >= stream.placed and watch.lag == 0):
            rest_s = time.monotonic()
        elif time.monotonic() - rest_s > QUIET_S:
            return True
    return False


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
