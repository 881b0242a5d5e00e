"""The demo's market with steering prices and without: every stage on the simulated bus, the re-optimizer in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.shop.generator import generated_feed
from orderwing.simulation.market_day import MarketDay
from orderwing.simulation.steering import SimulatedSteering
from orderwing.simulation.world import START_MS, facts_of
from orderwing.steering.rhythm import MINUTE_MS, Rhythm

ORDERS = (300, 1_200)  # what the demo places, and two hours of the same market
QUICK_ORDERS = 20
SEEDS = 10
RATE, FACTOR = 10.0, 60.0
OPENS_MS = START_MS - 35 * MINUTE_MS  # the vans leave at nine


class Day(NamedTuple):
    """Costs in minor units. `short` are units that orders were refused or still wait for."""

    cost_minor: float
    parcels: float
    promise_kept: float
    short: int
    lists: int


def market_sheets(options: Options) -> Iterator[Sheet]:
    """Seeds 1 to 10 whatever is asked for, since that is what is promised; one of them with `--quick`."""
    if options.quick:
        yield from _sheets(QUICK_ORDERS, 1, options)
        return
    for orders in ORDERS:
        yield from _sheets(orders, SEEDS, options)


def _sheets(orders: int, seeds: int, options: Options) -> Iterator[Sheet]:
    without: list[Day] = []
    steered: list[Day] = []
    task = f"the demo's market, {orders} orders"
    for seed in range(1, seeds + 1):
        options.progress(task, seed - 1, seeds)
        without.append(day(seed, orders, None))
        steered.append(day(seed, orders, rhythm_for(orders)))
    options.progress(task, seeds, seeds)
    columns = ("prices", "cost an order", "cheaper", "dearer", "parcels", "promise kept", "units short", "lists")
    rows = [_row("without", without, without), _row("with", steered, without)]
    yield Sheet(f"Steering the demo's market: seeds 1 to {seeds}, {orders:,} orders each", columns, rows)
    told = [
        (
            str(seed),
            *(f"{one.cost_minor:.1f}" for one in pair),
            *(f"{one.parcels:.3f}" for one in pair),
            *(f"{one.promise_kept:.2%}" for one in pair),
            *(str(one.short) for one in pair),
        )
        for seed, pair in enumerate(zip(without, steered, strict=True), 1)
    ]
    each = ("seed", "cost", "steered", "parcels", "steered", "promise", "steered", "short", "steered")
    yield Sheet(f"The same by seed, {orders:,} orders", each, told)


def rhythm_for(orders: int) -> Rhythm:
    """The demo's: its stock is for as long as its stream of orders."""
    stream_ms = int(orders / RATE * 1000 * FACTOR)
    return Rhythm(every_ms=5 * MINUTE_MS, orders=100, half_life_ms=60 * MINUTE_MS, horizon_ms=stream_ms)


def day(seed: int, orders: int, rhythm: Rhythm | None) -> Day:
    """One day of the market. Raises AssertionError for one that breaks a promise of the product."""
    feed = generated_feed(orders, seed, RATE, OPENS_MS, FACTOR, faults=False)
    until_ms = OPENS_MS + int(1.1 * orders / RATE * 1000 * FACTOR)
    lists = 0

    def steering(cluster: SimulatedCluster, clock: DomainClock) -> SimulatedSteering:
        assert rhythm is not None
        return SimulatedSteering(cluster, clock, feed.network, rhythm, until_ms)

    run = MarketDay(feed, OPENS_MS, FACTOR, None if rhythm is None else steering)
    verdict = run.run()
    if not verdict.clean:
        raise AssertionError(f"seed {seed}: {len(verdict.violations)} violations, the first: {verdict.violations[0]}")
    if isinstance(run.beside, SimulatedSteering):
        lists = run.beside.lists
    return Day(
        verdict.cost_minor_per_order, verdict.parcels_per_order, verdict.promise_kept, short_units(run.cluster), lists
    )


def short_units(cluster: SimulatedCluster) -> int:
    """By each order's last word from reservation."""
    short: Counter[str] = Counter()
    for fact in facts_of(cluster):
        if fact.type == "reservation.recorded.v1":
            lines = (*fact.body["waiting"], *fact.body["declined"])
            short[fact.body["order_id"]] = sum(line["quantity"] for line in lines)
    return short.total()


def _row(name: str, days: Sequence[Day], plain: Sequence[Day]) -> tuple[str, ...]:
    pairs = [(one.cost_minor, other.cost_minor) for one, other in zip(days, plain, strict=True)]
    return (
        name,
        f"{np.mean([day.cost_minor for day in days]):.2f}",
        f"{sum(one < other for one, other in pairs)}",
        f"{sum(one > other for one, other in pairs)}",
        f"{np.mean([day.parcels for day in days]):.4f}",
        f"{np.mean([day.promise_kept for day in days]):.2%}",
        f"{sum(day.short for day in days)}",
        f"{sum(day.lists for day in days)}",
    )
