"""The demo's market by the plain rule and by the engine: every stage on the simulated bus, the re-optimizer in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from orderwing.bench.decisions.main import Options
from orderwing.bench.decisions.steering_market import FACTOR, OPENS_MS, RATE, SEEDS, short_units
from orderwing.bench.report import Sheet
from orderwing.shop.generator import generated_feed
from orderwing.simulation.market_day import MarketDay
from orderwing_schemas.policy import First, Policy, Strategy

ORDERS, QUICK_ORDERS = 300, 20  # the demo places 300
BROKEN = ("lost", "duplicated", "stuck")
# As in deploy/policies/plain-rule.yaml.
PLAIN = Policy(
    policy="plain-rule",
    version=2,
    currency="GBP",
    strategies=(Strategy(name="fewest-sites", first=First.SITES, home_first=True, gather="never"),),
)


class Day(NamedTuple):
    """What the demo would report. `broken`: orders lost, doubled or stuck, and units oversold."""

    cost_minor: float
    parcels: float
    promise_kept: float
    delivered: int
    short: int
    saved_minor: int
    broken: int


def run(options: Options) -> Iterator[Sheet]:
    """Seeds 1 to 10 whatever is asked for, since that is what is promised; one of them with `--quick`."""
    seeds, orders = (1, QUICK_ORDERS) if options.quick else (SEEDS, ORDERS)
    plain: list[Day] = []
    ours: list[Day] = []
    task = "the demo's market by both rules"
    for seed in range(1, seeds + 1):
        options.progress(task, seed - 1, seeds)
        plain.append(day(seed, orders, PLAIN))
        ours.append(day(seed, orders, None))
    options.progress(task, seeds, seeds)
    columns = (
        *("rule", "cost", "cheaper on", "parcels", "promise", "no worse on"),
        *("delivered", "short", "saved", "broken"),
    )
    rows = [_sums("plain", plain), _sums("in use", ours, plain)]
    yield Sheet(f"The demo's market, pence an order: seeds 1 to {seeds}, {orders:,} orders each", columns, rows)
    each = ("seed", "plain", "in use", "less", "parcels", "in use", "promise", "in use", "saved", "in use")
    told = [_seed(seed, *pair) for seed, pair in enumerate(zip(plain, ours, strict=True), 1)]
    yield Sheet("The same by seed", each, told)


def day(seed: int, orders: int, policy: Policy | None) -> Day:
    """The demo's day, faults of the shop included. Raises AssertionError for one that the auditor finds at fault."""
    feed = generated_feed(orders, seed, RATE, OPENS_MS, FACTOR)
    market = MarketDay(feed, OPENS_MS, FACTOR, policy=policy)
    verdict = market.run()
    if not verdict.clean:
        raise AssertionError(f"seed {seed}: {len(verdict.violations)} violations, the first: {verdict.violations[0]}")
    return Day(
        verdict.cost_minor_per_order,
        verdict.parcels_per_order,
        verdict.promise_kept,
        verdict.states["delivered"],
        short_units(market.cluster),
        verdict.savings.saved_minor,
        sum(map(verdict.count, BROKEN)) + verdict.oversold_units,
    )


def _sums(name: str, days: Sequence[Day], plain: Sequence[Day] = ()) -> tuple[str, ...]:
    pairs = list(zip(days, plain, strict=False))
    cheaper = sum(one.cost_minor < other.cost_minor for one, other in pairs)
    kept = sum(one.promise_kept >= other.promise_kept for one, other in pairs)
    return (
        name,
        f"{fmean(one.cost_minor for one in days):.1f}",
        f"{cheaper} of {len(pairs)}" if pairs else "",
        f"{fmean(one.parcels for one in days):.3f}",
        f"{fmean(one.promise_kept for one in days):.2%}",
        f"{kept} of {len(pairs)}" if pairs else "",
        f"{sum(one.delivered for one in days):,}",
        f"{sum(one.short for one in days):,}",
        f"{sum(one.saved_minor for one in days):,}",
        f"{sum(one.broken for one in days)}",
    )


def _seed(seed: int, plain: Day, ours: Day) -> tuple[str, ...]:
    return (
        str(seed),
        f"{plain.cost_minor:.1f}",
        f"{ours.cost_minor:.1f}",
        f"{1 - ours.cost_minor / plain.cost_minor:.1%}",
        *(f"{one.parcels:.3f}" for one in (plain, ours)),
        *(f"{one.promise_kept:.2%}" for one in (plain, ours)),
        *(f"{one.saved_minor:,}" for one in (plain, ours)),
    )
