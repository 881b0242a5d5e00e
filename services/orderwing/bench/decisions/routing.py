"""Routing with prizes: our search beside PyVRP alone, cold and when stops arrive; and what its port costs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import NamedTuple

import numpy as np
import pyvrp

from orderwing.bench.decisions import vrplib
from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing.checks import verify
from orderwing.planning.routing.greedy import greedy
from orderwing.planning.routing.improve import plan
from orderwing.planning.routing.plan import RoutePlan
from orderwing.planning.routing.port import Stopwatch, as_data, as_plan, everything, plan_plain
from orderwing.planning.routing.problem import RoutingProblem
from orderwing.planning.routing.tours import tours_of

_SAMPLE = 4  # with one seed, every fourth instance
_ARRIVALS, _WARM_SECONDS, _STANDING_TIMES = 50, 0.5, 6
_PORT = (("PCVRPTW", "dimacs"), ("MDVRPTW", "exact"), ("MTVRPTWR", "dimacs"))
_ROUNDINGS: dict[str, vrplib.Rounding] = {"dimacs": vrplib.dimacs, "exact": vrplib.exact}
_GROUPS = ("C1", "R1", "RC1", "C2", "R2", "RC2")


class _Instance(NamedTuple):
    name: str
    path: Path
    best_known: int  # to measure by; no solver sees it

    @property
    def group(self) -> str:
        return self.name.split("_")[0]

    def gap(self, cost: float) -> float:
        return cost / self.best_known - 1

    def problem(self) -> RoutingProblem:
        return vrplib.read(self.path, vrplib.dimacs)


class _Row(NamedTuple):
    group: str
    gaps: tuple[float, ...]


def run(options: Options) -> Iterator[Sheet]:
    yield _port(options)
    known = _instances(options.folder("pyvrp/PCVRPTW"))
    chosen = known[::_SAMPLE] if options.seeds == 1 else known
    seconds = options.seconds
    if options.quick:
        chosen, seconds = known[:1], 0.3
    yield _cold(chosen, len(known), range(1, 2 if options.quick else options.seeds + 1), seconds, options)
    yield _warm(
        chosen[:: max(1, len(chosen) // 6)], len(known), 0.1 if options.quick else seconds * _STANDING_TIMES, options
    )


def _instances(folder: Path) -> list[_Instance]:
    with (folder / "bks.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [_Instance(r["instance"], folder / f"{r['instance']}.vrp", int(r["bks_cost"])) for r in rows]


def _port(options: Options) -> Sheet:
    """The same seed and iterations through the port and directly, from the instance that is read."""
    iterations, times = (20, 1) if options.quick else (1_000, 3)
    rows = []
    for n, (kind, rounding) in enumerate(_PORT):
        options.progress("port", n, len(_PORT))
        path = min(options.folder(f"pyvrp/{kind}").glob("*.vrp"))
        data, problem = pyvrp.read(path, rounding), vrplib.read(path, _ROUNDINGS[rounding])
        ours, theirs = [], []
        for _ in range(times):  # in turns, so that other work on the machine meets both
            theirs.append(_timed(lambda data=data: _direct(data, iterations)))  # type: ignore[misc]
            ours.append(_timed(lambda problem=problem: _through(problem, iterations)))  # type: ignore[misc]
        direct_s, through_s = min(s for _, s in theirs), min(s for _, s in ours)
        same = "yes" if {cost for cost, _ in ours} == {cost for cost, _ in theirs} else "NO"
        own = _own_s(problem, iterations) / direct_s
        more = f"{through_s / direct_s - 1:+.1%}"
        rows.append((path.stem, f"{ours[0][0]:,}", same, f"{direct_s:.2f}", f"{own:.2%}", more))
    columns = ("instance", "cost", "as PyVRP alone", "PyVRP, CPU s", "port's own work", "whole run takes more")
    return Sheet(f"The port: seed 1, {iterations:,} iterations, best of {times}", columns, rows)


def _direct(data: pyvrp.ProblemData, iterations: int) -> int:
    return int(pyvrp.solve(data, pyvrp.stop.MaxIterations(iterations), seed=1, collect_stats=False).cost())


def _through(problem: RoutingProblem, iterations: int) -> int:
    return plan_plain(problem, Budget(iterations=iterations), 1).cost


def _own_s(problem: RoutingProblem, iterations: int) -> float:
    """Of the port: both translations, and asking the budget as often. Steadier than the difference of two runs."""
    found = tours_of(problem, plan_plain(problem, Budget(iterations=1), 1).routes)
    stop = Stopwatch(Countdown(Budget(iterations=iterations)))
    started = process_time()
    as_data(problem, everything(problem))
    as_plan(problem, found)
    while not stop(0.0):
        pass
    return process_time() - started


def _timed(solve: Callable[[], int]) -> tuple[int, float]:
    started = process_time()
    return solve(), process_time() - started


def _cold(chosen: Sequence[_Instance], of: int, seeds: range, seconds: float, options: Options) -> Sheet:
    rows = []
    for n, instance in enumerate(chosen):
        problem = instance.problem()
        for seed in seeds:
            options.progress("cold", n * len(seeds) + seed - 1, len(chosen) * len(seeds))
            budget = Budget(seconds=seconds, clock=process_time)
            found = (greedy(problem), plan_plain(problem, budget, seed), plan(problem, budget, seed))
            rows.append(_Row(instance.group, tuple(instance.gap(_checked(problem, one)) for one in found)))
    title = (
        f"Prize-collecting VRPTW, 1,000 stops: mean gap to the best known after {seconds:g} s of CPU on one core, "
        f"{_listed(chosen, of)}, seeds {seeds[0]} to {seeds[-1]}"
    )
    return Sheet(title, ("class", "runs", "greedy", "PyVRP", "ours", "ours / PyVRP"), _by_group(rows, 1))


def _warm(chosen: Sequence[_Instance], of: int, standing_s: float, options: Options) -> Sheet:
    rows = []
    for n, instance in enumerate(chosen):
        options.progress("warm", n, len(chosen))
        problem = instance.problem()
        absent = np.random.default_rng(n).choice(len(problem.stops), _ARRIVALS, replace=False)
        before = _without(problem, set(absent.tolist()))
        standing = plan(before, Budget(seconds=standing_s, clock=process_time), 1)
        budget = Budget(seconds=_WARM_SECONDS, clock=process_time)
        found = (plan_plain(problem, budget, 1, standing), plan(problem, budget, 1, standing))
        late = sum(problem.stops[stop].prize or 0 for stop in absent.tolist())
        costs = (standing.cost + late, *(_checked(problem, one) for one in found))
        rows.append(_Row(instance.group, tuple(map(instance.gap, costs))))
    title = (
        f"{_ARRIVALS} of the stops arrive when the others are planned (by us, {standing_s:g} s): mean gap after "
        f"{_WARM_SECONDS:g} s of CPU, {_listed(chosen, of)}, seed 1"
    )
    return Sheet(title, ("class", "runs", "nothing done", "PyVRP", "ours", "ours / PyVRP"), _by_group(rows, 1))


def _without(problem: RoutingProblem, absent: set[int]) -> RoutingProblem:
    kept = [n for n in range(len(problem.stops)) if n not in absent]
    places = [*range(len(problem.depots)), *(problem.place(n) for n in kept)]
    metres = problem.metres[np.ix_(places, places)]
    return replace(problem, stops=tuple(problem.stops[n] for n in kept), metres=metres, seconds=metres)


def _checked(problem: RoutingProblem, found: RoutePlan) -> int:
    complaints = verify(problem, found)
    if complaints:
        raise AssertionError(complaints[0])
    return found.cost


def _listed(chosen: Sequence[_Instance], of: int) -> str:
    if len(chosen) == of:
        return f"all {of} instances"
    return f"{len(chosen)} of the {of} instances ({', '.join(instance.name for instance in chosen)})"


def _by_group(rows: Sequence[_Row], base: int) -> list[tuple[str, ...]]:
    """Means by class and of all; the last arm over that at `base`."""
    told = []
    for group in (*_GROUPS, "all"):
        members = [row.gaps for row in rows if group in ("all", row.group)]
        if members:
            means = [fmean(column) for column in zip(*members, strict=True)]
            ratio = f"{means[-1] / means[base]:.2f}" if means[base] > 0 else ""
            told.append((group, str(len(members)), *(f"{mean:.2%}" for mean in means), ratio))
    return told
