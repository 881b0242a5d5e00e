"""A bench run from its first line to its last."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from orderwing.bench.chain import run_chain
from orderwing.bench.market import Market, generated_market, retail_market
from orderwing.bench.options import BASKETS, CHAIN, EVERYTHING, RETAIL, Options, Restored, Result
from orderwing.bench.pipeline import TO_ALLOCATED, WARM_UP, Servers, morning_ms, run_pipeline
from orderwing.bench.profiling import hot_functions
from orderwing.bench.restoring import measure_restore
from orderwing.composition import OPTIONAL, SERVICES
from orderwing.runtime.embedded.broker import EmbeddedBroker
from orderwing.runtime.embedded.progress import Progress
from orderwing.runtime.embedded.redis import EmbeddedRedis

TITLES = {
    CHAIN: "bare chain of copies",
    BASKETS: "placed to allocated, generator's baskets",
    RETAIL: "placed to allocated, baskets of the real file",
    EVERYTHING: "everything on, generator's baskets",
}
_WARM = 2_000  # orders that warm the broker's Java and tell the bytes a hop
_SKIPPED = "Part c is skipped: no Online Retail file is there; set ORDERWING_BENCH_DATA to a directory that has it."

Say = Callable[[str], None]


def bench(options: Options, progress: Progress, say: Say) -> tuple[list[Result], Restored | None]:
    """All parts asked for, in the order of their letters. Raises OperatorError and EmbeddedError."""
    with _servers(progress) as servers:
        market = generated_market(_needed(options, BASKETS), morning_ms())
        warm = replace(options, orders=min(options.orders, _WARM), profile=None)
        first = run_pipeline(servers, "warm-up", TITLES[BASKETS], market, warm, TO_ALLOCATED, paced=False)
        results = list(_parts(options, servers, market, first.hop_bytes, say))
        restored = measure_restore(servers, options.restored_rows) if options.restored_rows else None
        if options.profile is not None:
            for result in results:
                if result.part != CHAIN:
                    say(hot_functions(options.profile, servers.directory / result.part))
    return results, restored


def _needed(options: Options, part: str) -> int:
    return WARM_UP + options.orders_of(part) + int(options.rate * options.seconds)


def _parts(
    options: Options, servers: Servers, market: Market, hop_bytes: tuple[int, ...], say: Say
) -> Iterator[Result]:
    if CHAIN in options.parts:
        yield run_chain(servers, TITLES[CHAIN], market.orders, options, hop_bytes)
    if BASKETS in options.parts:
        yield run_pipeline(servers, BASKETS, TITLES[BASKETS], market, options, TO_ALLOCATED)
    if RETAIL in options.parts:
        if options.retail is None:
            say(_SKIPPED)
        else:
            real = retail_market(options.retail, _needed(options, RETAIL))
            yield run_pipeline(servers, RETAIL, TITLES[RETAIL], real, options, TO_ALLOCATED)
    if EVERYTHING in options.parts:
        needed = tuple(name for name in SERVICES if name not in OPTIONAL)
        yield run_pipeline(servers, EVERYTHING, TITLES[EVERYTHING], market, options, needed)


@contextmanager
def _servers(progress: Progress) -> Iterator[Servers]:
    with tempfile.TemporaryDirectory(prefix="orderwing-bench-") as name:
        directory = Path(name)
        with (
            EmbeddedRedis(directory / "redis", progress=progress) as redis,
            EmbeddedBroker(directory / "kafka", progress=progress) as broker,
        ):
            yield Servers(broker, redis, directory, progress)
