"""Online sourcing of multi-item orders: prices that follow the day, against none, fixed ones and hindsight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter, process_time

import numpy as np

from orderwing.bench.decisions.jasin_sinha import ARRIVALS, Instance, instance
from orderwing.bench.decisions.main import Options
from orderwing.bench.decisions.steering_market import market_sheets
from orderwing.bench.report import Sheet
from orderwing.planning.steering.checks import verify, verify_outcome
from orderwing.planning.steering.choice import Chooser, nearest
from orderwing.planning.steering.classes import alike, merged, spread
from orderwing.planning.steering.configurations import Configurations, Optimum
from orderwing.planning.steering.line_program import line_program
from orderwing.planning.steering.planning import plan
from orderwing.planning.steering.problem import Floats, Ints, Problem
from orderwing.planning.steering.replay import replay
from orderwing.planning.steering.resolving import Rhythm, Steering

QUICK_ARRIVALS = 200
CLASSES = 10
EXPECTED = Rhythm(samples=0, share=1, least=1_000, most=1_000)
STEERED = Rhythm(total_known=True)  # how many orders come belongs to the instance, as it does to Z
QUICK = Rhythm(total_known=True, share=4, first=2, samples=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One policy on one instance, beside Z and H."""

    cost_z: float
    cost_h: float
    shipments: float
    lost: int
    decision_us: Sequence[float] = ()
    solve_ms: Sequence[float] = ()


@dataclass(slots=True)
class Timed:
    """What decides and what solves in a replay, with the time that each call takes."""

    problem: Problem
    chooser: Chooser
    prices: Floats
    decision_us: list[float] = field(default_factory=list)
    solve_ms: list[float] = field(default_factory=list)

    def exact(self, basket: int, locality: int, stock: Floats) -> Ints:
        start = perf_counter()
        skus, units = self.problem.lines[basket]
        sites = self.chooser.choose(skus, units, locality, self.prices, stock)
        self.decision_us.append((perf_counter() - start) * 1e6)
        return sites

    def nearest(self, basket: int, locality: int, stock: Floats) -> Ints:
        start = perf_counter()
        sites = nearest(self.problem, basket, locality, stock)
        self.decision_us.append((perf_counter() - start) * 1e6)
        return sites

    def following(self, steering: Steering, arrivals: int) -> Callable[[int, Floats], None]:
        """Solves the prices again whenever it is time."""
        due = 0

        def watch(number: int, stock: Floats) -> None:
            nonlocal due
            if number < due:
                return
            left = arrivals - number
            start = process_time()
            self.prices = steering.solve(stock, self.problem.demand * (left / arrivals))
            self.solve_ms.append((process_time() - start) * 1e3)
            due = number + steering.orders_until_next(left)

        return watch


def run(options: Options) -> Iterator[Sheet]:
    arrivals = QUICK_ARRIVALS if options.quick else ARRIVALS
    seeds = 1 if options.quick else options.seeds
    results: dict[str, list[Run]] = {}
    for seed in range(seeds):
        options.progress("steering", seed, seeds)
        for name, result in _policies(instance(seed, arrivals), seed, QUICK if options.quick else STEERED):
            results.setdefault(name, []).append(result)
    options.progress("steering", seeds, seeds)
    title = f"Steering: instances 0 to {seeds - 1}, {arrivals:,} arrivals each"
    costs = ("policy", "cost/Z", "cost/H", "worst", "shipments", "lost")
    yield Sheet(title, costs, [_costs(name, runs) for name, runs in results.items()])
    effort = ("policy", "µs a decision", "p99", "solves", "CPU ms each")
    rows = [_effort(name, runs) for name, runs in results.items() if runs[0].decision_us]
    yield Sheet("Steering: what decisions and solves take", effort, rows)
    yield from market_sheets(options)


def _policies(of: Instance, seed: int, rhythm: Rhythm) -> Iterator[tuple[str, Run]]:
    problem = of.problem
    z, line_prices = line_program(problem)
    hindsight = Configurations(problem).solve(problem.stock, of.came())
    found = plan(problem)
    _sound(verify(problem, found))
    classes = alike(problem, CLASSES, seed)
    by_class = spread(plan(merged(problem, classes)).prices, classes)
    zero = np.zeros_like(problem.stock)

    def measured(prices: Floats, solved: Rhythm | None = None, by_distance: bool = False) -> Run:
        timed = Timed(problem, Chooser(problem.parcel, problem.unit), prices)
        watch = None
        if solved is not None:
            watch = timed.following(Steering(problem, solved, seed), len(of.arrivals))
        done = replay(problem, of.arrivals, timed.nearest if by_distance else timed.exact, watch)
        _sound(verify_outcome(problem, of.arrivals, done))
        shipments = done.parcels / done.orders
        ratios = (done.cost / z, done.cost / hindsight.cost)
        return Run(*ratios, shipments, done.unlimited_units, timed.decision_us, timed.solve_ms)

    yield "nearest site", measured(zero, by_distance=True)
    yield "exact, no prices", measured(zero)
    yield "fixed, LP by line", measured(line_prices)
    yield f"fixed, {CLASSES} classes", measured(by_class)
    yield "fixed, configuration LP", measured(found.prices)
    yield "solved every 1,000", measured(zero, EXPECTED)
    yield "steered", measured(zero, rhythm)
    yield "hindsight", _bound(hindsight, problem, z)


def _bound(hindsight: Optimum, problem: Problem, z: float) -> Run:
    orders = sum(flow.orders for flow in hindsight.flows)
    parcels = sum(flow.orders * len(set(flow.sites)) for flow in hindsight.flows)
    lost = len(problem.site_ids) - 1
    units = sum(flow.orders * flow.sites.count(lost) for flow in hindsight.flows)
    return Run(hindsight.cost / z, 1.0, parcels / orders, round(units))


def _sound(wrong: list[str]) -> None:
    if wrong:
        raise AssertionError(f"{len(wrong)} faults, the first: {wrong[0]}")


def _costs(name: str, runs: Sequence[Run]) -> tuple[str, ...]:
    return (
        name,
        f"{np.mean([run.cost_z for run in runs]):.4f}",
        f"{np.mean([run.cost_h for run in runs]):.4f}",
        f"{max(run.cost_h for run in runs):.4f}",
        f"{np.mean([run.shipments for run in runs]):.3f}",
        f"{np.mean([run.lost for run in runs]):,.0f}",
    )


def _effort(name: str, runs: Sequence[Run]) -> tuple[str, ...]:
    decisions = np.concatenate([run.decision_us for run in runs])
    solves = np.concatenate([run.solve_ms for run in runs])
    told = (f"{len(solves) / len(runs):.0f}", f"{solves.mean():.0f}") if len(solves) else ("", "")
    return (name, f"{np.median(decisions):.0f}", f"{np.percentile(decisions, 99):.0f}", *told)
