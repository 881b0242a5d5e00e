"""The bare chain: as many hops and bytes as the road, no decisions, no rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from orderwing.bench.log import Arrivals, fresh_topics
from orderwing.bench.measure import Road
from orderwing.bench.options import CHAIN, Options, Result
from orderwing.bench.pipeline import WARM_UP, Servers
from orderwing.bench.usage import usage_of
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.shop.feed import TimedRecord


def run_chain(
    servers: Servers, title: str, orders: Sequence[TimedRecord], options: Options, hop_bytes: Sequence[int]
) -> Result:
    """The same orders through `len(hop_bytes)` copies, each of which writes records of so many bytes."""
    names = [f"bench.chain.{number}" for number in range(len(hop_bytes) + 1)]
    bootstrap = servers.broker.bootstrap
    fresh_topics(bootstrap, options.partitions, names)
    fed = [record._replace(topic=names[0]) for record in orders]
    with _copies(servers, names, hop_bytes) as copies:

        def pids() -> Mapping[str, int]:
            return {**{name: process.pid for name, process in copies.items()}, "broker": servers.broker.pid or 0}

        arrivals = Arrivals(bootstrap, names[-1], None)
        road = Road(bootstrap, names[0], arrivals, pids, servers.progress)
        try:
            many = WARM_UP + options.orders_of(CHAIN)
            road.feed("a: warm up", fed[:WARM_UP], None)
            full = road.feed("a: at once", fed[WARM_UP:many], None)
            steady = road.feed(f"a: {options.rate:g} a second", fed[many:], options.rate) if fed[many:] else None
            memory_mib = usage_of(pids()).memory_mib()
        finally:
            arrivals.close()
    return Result(CHAIN, title, None, full, steady, memory_mib, tuple(hop_bytes))


@contextmanager
def _copies(servers: Servers, names: Sequence[str], hop_bytes: Sequence[int]) -> Iterator[dict[str, ChildProcess]]:
    copies: dict[str, ChildProcess] = {}
    try:
        for number, size in enumerate(hop_bytes, 1):
            source, target = names[number - 1], names[number]
            argv = [
                sys.executable,
                "-m",
                "orderwing.bench.copying",
                servers.broker.bootstrap,
                source,
                target,
                str(size),
            ]
            copies[f"copy {number}"] = ChildProcess(argv, log=servers.directory / f"chain.{number}.log")
        yield copies
    finally:
        for process in copies.values():
            process.stop()
