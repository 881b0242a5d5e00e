"""A made-up shop and its stock systems on any cluster: the market, and orders for as long as wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from datetime import time as time_of_day
from itertools import count
from pathlib import Path

from orderwing.demo.stream import Stream, last_movements
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.publish import fix_clock, publish_reference, read_clock, read_reference
from orderwing.shop.feed import Feed
from orderwing.shop.generator import generated_feed

INPUT = "input.jsonl"
# Orders of the first half an hour leave with the vans at nine, also from far sites, and are looked at thrice before.
_MORNING = time_of_day(7, 52)
_DAY_S = 3600.0  # wall time after which stock is delivered and other customers come
_TELL_S = 10.0


def open_market(bootstrap: Cluster, run_dir: Path, rate: float, speed: float) -> bool:
    """Fix the clock, publish network and catalogue and deliver the first stock; False if the market is open already.

    Made for `rate` orders a second of wall time at `speed` domain seconds a second. Raises OperatorError.
    """
    clock = fix_clock(bootstrap, speed, _wall_ms(), morning_ms())
    feed = _day(rate, 0, clock.domain_ms(_wall_ms()), clock.factor, run_dir / INPUT)
    if read_reference(bootstrap).network is not None:
        return False
    publish_reference(bootstrap, feed.network, feed.items)
    with closing(Stream(bootstrap, run_dir / INPUT, None)) as stream:
        stream.send(feed.opening)
        stream.require_sent()
    return True


def stream_orders(
    bootstrap: Cluster,
    run_dir: Path,
    rate: float,
    seed: int,
    stop: threading.Event,
    tell: Callable[[int], None],
    orders: int | None = None,
) -> int:
    """Send orders until `stop` is set, or so many; how many the market has seen. `tell` hears of it now and then.

    Raises OperatorError: no clock, or records that did not reach Kafka.
    """
    clock = read_clock(bootstrap)
    copy = run_dir / INPUT
    for day in count():
        feed = _day(rate, seed + day, clock.domain_ms(_wall_ms()), clock.factor, copy, orders)
        with closing(Stream(bootstrap, copy, None)) as stream:
            if stream.placed:  # else the stock that opened the market is whole
                stream.send(feed.opening)
            stream.records = feed.records
            stream.start()
            while not stream.done.is_set() and not stop.wait(_TELL_S if stream.placed else 1.0):
                tell(stream.placed)
            stream.stop()
            stream.require_sent()
            if stop.is_set() or orders is not None:
                return stream.placed
    raise AssertionError("days do not end")


def _day(rate: float, seed: int, start_ms: int, factor: float, copy: Path, orders: int | None = None) -> Feed:
    return generated_feed(
        orders or max(1, int(rate * _DAY_S)), seed, rate, start_ms, factor, sequences=last_movements(copy)
    )


def morning_ms() -> int:
    """When a market opens: today at a good hour."""
    return int(datetime.combine(datetime.now(UTC), _MORNING, UTC).timestamp() * 1000)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
