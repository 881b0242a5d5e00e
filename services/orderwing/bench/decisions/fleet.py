"""Hundreds of orders on a fleet: cheapest insertion, OR-Tools as its guides use it, and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import mean
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np

from orderwing.bench.decisions.fleet_plain import PENALTY, solve_plainly
from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning.budget import Budget
from orderwing.planning.fleet.answer import Plan
from orderwing.planning.fleet.problem import Depot, Driver, Order, Pause, Problem, Window
from orderwing.planning.fleet.solve import plan, plan_greedily
from orderwing.planning.fleet.verify import verify

_HOUR_S = 3_600
_SPREAD_M, _METRES_PER_S = 6_000, 8
_SIZES = ((100, 7), (300, 20), (800, 53))
_ROOM = (1.15, 0.97)  # capacity over load: where all can be served distances compare, elsewhere who is left out
_COLUMNS = (
    "orders",
    "drivers",
    "room",
    "by",
    "EXPRESS left out",
    "others left out",
    "below minimum",
    "km",
    "s",
    "CPU s",
)


class _Outcome(NamedTuple):
    """`below`: routes below their minimum."""

    express: float
    others: float
    below: float
    km: float
    seconds: float
    cpu_s: float


def run(options: Options) -> Iterator[Sheet]:
    sizes = ((30, 2),) if options.quick else _SIZES
    seconds = 0.2 if options.quick else options.seconds
    seeds = 1 if options.quick else options.seeds
    methods: dict[str, Callable[[Problem, int], Plan]] = {
        "cheapest insertion": lambda problem, seed: plan_greedily(problem),
        "OR-Tools, plainly": lambda problem, seed: solve_plainly(problem, seconds),
        "ours": lambda problem, seed: plan(problem, Budget(seconds), seed),
    }
    rows: list[Sequence[str]] = []
    done = 0
    cases = [(*size, room) for room in _ROOM for size in sizes]
    for orders, drivers, room in cases:
        outcomes: dict[str, list[_Outcome]] = {name: [] for name in methods}
        for seed in range(seeds):
            problem = a_city(orders, drivers, room, seed)
            for name, method in methods.items():
                outcomes[name].append(_measured(problem, method, seed))
                done += 1
                options.progress("fleet", done, len(cases) * seeds * len(methods))
        rows += [
            (str(orders), str(drivers), f"{room:.0%}", name, *_means(of_seeds)) for name, of_seeds in outcomes.items()
        ]
    yield Sheet(
        f"Fleet: {seconds:g} s a search, mean of {seeds} seeds; plainly: EXPRESS left out costs {PENALTY * 10**6:.0e} "
        f"m, others {PENALTY:.0e} m",
        _COLUMNS,
        rows,
    )


def a_city(orders: int, drivers: int, room: float, seed: int) -> Problem:
    """A depot at the edge of a town, a tenth of the orders EXPRESS, half with a window. `room`: capacity over load."""
    chance = Random(seed)
    points = [(0.0, -1.5 * _SPREAD_M)]
    points += [(chance.gauss(0, _SPREAD_M), chance.gauss(0, _SPREAD_M)) for _ in range(orders)]
    at = np.asarray(points)
    metres = np.rint(np.abs(at[:, None] - at[None]).sum(-1)).astype(np.int64)  # along a grid of streets
    made = tuple(_order(chance, n) for n in range(orders))
    capacity = round(room * sum(order.load[0] for order in made) / drivers)
    shift, lunch = Window(8 * _HOUR_S, 17 * _HOUR_S), Pause(1_800, 11 * _HOUR_S, 13 * _HOUR_S)
    return Problem(
        (Depot("depot", 0),),
        made,
        tuple(
            Driver(
                f"d{n}", "depot", "depot", (capacity,), (capacity // 2,), None, 0, shift, (lunch,), _skills(n % 3 == 0)
            )
            for n in range(drivers)
        ),
        metres,
        metres // _METRES_PER_S,
    )


def _order(chance: Random, number: int) -> Order:
    windows: tuple[Window, ...] = ()
    if chance.random() < 0.5:
        opens_s = chance.randrange(8, 15) * _HOUR_S
        windows = (Window(opens_s, opens_s + chance.choice((1, 2, 4)) * _HOUR_S),)
    express, cold = chance.random() < 0.1, chance.random() < 0.1
    return Order(f"o{number}", number + 1, (chance.randint(1, 10),), express, 1, windows, 240, _skills(cold))


def _skills(cold: bool) -> frozenset[str]:
    return frozenset({"cold"} if cold else ())


def _measured(problem: Problem, method: Callable[[Problem, int], Plan], seed: int) -> _Outcome:
    began_s, began_cpu_s = perf_counter(), process_time()
    found = method(problem, seed)
    seconds, cpu_s = perf_counter() - began_s, process_time() - began_cpu_s
    broken = [text for text in verify(problem, found) if "below its minimum" not in text]
    assert not broken, broken[0]
    below = sum(any(route.shortfall) for route in found.routes)
    out = found.score
    return _Outcome(out.express_left_out, out.priority_left_out, below, out.distance_m / 1_000, seconds, cpu_s)


def _means(outcomes: Sequence[_Outcome]) -> list[str]:
    return [f"{mean(values):,.1f}" for values in zip(*outcomes, strict=True)]
