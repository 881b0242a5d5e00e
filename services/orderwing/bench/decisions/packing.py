"""Orders into vehicles and goods into cartons; then cartons, drivers and routes together and apart."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from time import process_time
from typing import NamedTuple

import numpy as np

from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning import joint
from orderwing.planning.budget import Budget
from orderwing.planning.packing import Item, Kind, PackingProblem, greedy, plan, verify
from orderwing.planning.routing.problem import BARRED, Vehicle

_CARTONS = (Kind("S", (5_000, 4_000), 25), Kind("M", (12_000, 15_000), 45), Kind("L", (25_000, 50_000), 80))


class _Case(NamedTuple):
    title: str
    items: int
    kinds: tuple[Kind, ...]
    low: float  # of the largest bin's capacity, in each dimension
    high: float


_CASES = (
    _Case("30 orders into vans, load", 30, (Kind("van", (1_000,)),), 0.1, 0.5),
    _Case("100 orders into vans, load", 100, (Kind("van", (1_000,)),), 0.05, 0.45),
    _Case("60 orders into vans, weight and volume", 60, (Kind("van", (1_000, 1_000)),), 0.05, 0.4),
    _Case("12 goods into three cartons", 12, _CARTONS, 0.02, 0.3),
)


def run(options: Options) -> Iterator[Sheet]:
    yield _bins(options)
    yield _joint(options)


def _bins(options: Options) -> Sheet:
    seconds, cases = (0.1, _CASES[-1:]) if options.quick else (min(options.seconds, 2.0), _CASES)
    rows = []
    for n, case in enumerate(cases):
        costs, first, floors, proved, spent = [], [], [], 0, []
        for seed in range(options.seeds):
            options.progress("packing", n * options.seeds + seed, len(cases) * options.seeds)
            problem = _problem(case, seed)
            started = process_time()
            best = plan(problem, Budget(seconds=seconds, clock=process_time), seed)
            spent.append(process_time() - started)
            baseline = greedy(problem)
            if verify(problem, best) or verify(problem, baseline):
                raise AssertionError("a packing is not what it says")
            costs.append(best.cost)
            first.append(baseline.cost)
            floors.append(best.bound)
            proved += best.cost == best.bound
        shares = (f"{fmean(one):.1f}" for one in (first, costs, floors))
        rows.append((case.title, *shares, f"{proved} of {options.seeds}", f"{fmean(spent):.2f}"))
    columns = ("case", "first-fit decreasing", "ours", "bound", "proved best", "CPU s")
    return Sheet(f"Packing: mean cost, seeds 0 to {options.seeds - 1}, at most {seconds:g} s", columns, rows)


def _problem(case: _Case, seed: int) -> PackingProblem:
    draw = np.random.default_rng(seed)
    roomy = case.kinds[-1].capacity
    sizes = draw.uniform(case.low, case.high, (case.items, len(roomy))) * roomy
    items = tuple(Item(f"i{n}", tuple(int(one) for one in size)) for n, size in enumerate(sizes))
    return PackingProblem(items, case.kinds)


def _joint(options: Options) -> Sheet:
    sizes = ((6, 2),) if options.quick else ((8, 3), (30, 5), (60, 8))
    seconds = 0.2 if options.quick else min(options.seconds, 2.0)
    rows = []
    for n, (orders, drivers) in enumerate(sizes):
        together, apart = [], []
        for seed in range(options.seeds):
            options.progress("joint", n * options.seeds + seed, len(sizes) * options.seeds)
            problem = _deliveries(orders, drivers, seed)
            budget = Budget(seconds=seconds, clock=process_time)
            found = joint.plan(problem, budget, seed), joint.apart(problem, budget, seed)
            if any(joint.verify(problem, one) for one in found):
                raise AssertionError("a plan is not what it says")
            together.append(found[0].cost)
            apart.append(found[1].cost)
        saved = 1 - fmean(together) / fmean(apart)
        rows.append((f"{orders} × {drivers}", f"{fmean(apart):,.0f}", f"{fmean(together):,.0f}", f"{saved:.1%}"))
    title = f"Cartons, drivers and routes: mean cost, seeds 0 to {options.seeds - 1}, at most {seconds:g} s"
    return Sheet(title, ("orders × drivers", "apart", "together", "saved"), rows)


def _deliveries(orders: int, drivers: int, seed: int) -> joint.JointProblem:
    """A town of 10 km; vans for a little more than all; a fifth of the pairs may not be."""
    draw = np.random.default_rng(seed)
    deliveries = []
    for n in range(orders):
        goods = draw.integers((200, 300), (4_000, 9_000), (int(draw.integers(1, 4)), 2)).tolist()
        opens = int(draw.integers(0, 18_000))
        items = tuple(Item(f"g{k}", tuple(size)) for k, size in enumerate(goods))
        deliveries.append(joint.Delivery(f"o{n}", items, int(draw.integers(8_000, 16_000)), 180, opens, opens + 9_000))
    at = draw.integers(0, 10_000, (orders + 1, 2))
    metres = np.abs(at[:, None] - at[None]).sum(axis=2)
    pairs = draw.integers(0, 300, (drivers, orders))
    pairs[draw.random(pairs.shape) < 0.2] = BARRED
    room = 14 * orders // drivers * 1_000
    vans = tuple(
        Vehicle(f"d{n}", "hub", "hub", (room, 2 * room), ends_s=28_800, fixed_cost=2_000) for n in range(drivers)
    )
    return joint.JointProblem(tuple(deliveries), _CARTONS, vans, metres, metres // 8, pairs)
