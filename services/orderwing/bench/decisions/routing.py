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
        chosen, seconds = known[:1], 0.1
    seeds = range(1, 2 if options.quick else options.seeds + 1)
    yield _cold(chosen, len(known), seeds, seconds, options)
    some = chosen[:: max(1, len(chosen) // 6)]
    yield _warm(some, len(known), seeds, seconds, options)


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
            budget = _cpu(seconds)
            found = (greedy(problem), plan_plain(problem, budget, seed), plan(problem, budget, seed))
            rows.append(_Row(instance.group, tuple(instance.gap(_checked(problem, one)) for one in found)))
    title = (
        f"Prize-collecting VRPTW, 1,000 stops: mean gap to the best known after {seconds:g} s of CPU on one core, "
        f"{_listed(chosen, of)}, seeds {seeds[0]} to {seeds[-1]}"
    )
    return Sheet(title, ("class", "runs", "greedy", "PyVRP", "ours", "ours / PyVRP"), _by_group(rows, 1))


def _warm(chosen: Sequence[_Instance], of: int, seeds: range, seconds: float, options: Options) -> Sheet:
    """`seconds` is a long solve; the standing plan takes some times as much."""
    rows, standing_s = [], seconds * _STANDING_TIMES
    for n, instance in enumerate(chosen):
        options.progress("warm", n, len(chosen))
        problem = instance.problem()
        absent = set(np.random.default_rng(n).choice(len(problem.stops), _ARRIVALS, replace=False).tolist())
        standing = plan(_without(problem, absent), _cpu(standing_s), 1)
        rows += _arrived(instance, problem, absent, standing, seeds, seconds)
    return _warm_sheet(rows, chosen, of, seeds, standing_s, seconds)


def _arrived(
    instance: _Instance, problem: RoutingProblem, absent: set[int], standing: RoutePlan, seeds: range, long_s: float
) -> list[_Row]:
    """By seed: gaps of nothing done, of the best that anybody reached from this start, of PyVRP and of ours."""

    def gap(solve: Callable[..., RoutePlan], seconds: float, seed: int) -> float:
        return instance.gap(_checked(problem, solve(problem, _cpu(seconds), seed, standing)))

    nothing = instance.gap(standing.cost + sum(problem.stops[stop].prize or 0 for stop in absent))
    pairs = [(gap(plan_plain, _WARM_SECONDS, seed), gap(plan, _WARM_SECONDS, seed)) for seed in seeds]
    best = min(gap(plan, long_s, seeds[0]), *(one for pair in pairs for one in pair))
    return [_Row(instance.group, (nothing, best, *pair)) for pair in pairs]


def _warm_sheet(
    rows: Sequence[_Row], chosen: Sequence[_Instance], of: int, seeds: range, standing_s: float, long_s: float
) -> Sheet:
    title = (
        f"{_ARRIVALS} of the stops arrive when the others are planned (by us, {standing_s:g} s): mean gap to the best "
        f"known after {_WARM_SECONDS:g} s of CPU, {_listed(chosen, of)}, seeds {seeds[0]} to {seeds[-1]}"
    )
    columns = ("class", "runs", "nothing done", f"best from here, {long_s:g} s", "PyVRP", "ours", "ours / PyVRP")
    told = [(*told, _over_best(members)) for told, (_, members) in zip(_by_group(rows, 2), _grouped(rows), strict=True)]
    return Sheet(title, (*columns, "of what lacks to the best from here"), told)


def _over_best(rows: Sequence[_Row]) -> str:
    """What ours lacks to the best from the same start over what PyVRP does."""
    _, best, theirs, ours = (fmean(column) for column in zip(*(row.gaps for row in rows), strict=True))
    return f"{(ours - best) / (theirs - best):.2f}" if theirs > best else ""


def _cpu(seconds: float) -> Budget:
    return Budget(seconds=seconds, clock=process_time)


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
    for group, members in _grouped(rows):
        means = [fmean(column) for column in zip(*(row.gaps for row in members), strict=True)]
        ratio = f"{means[-1] / means[base]:.2f}" if means[base] > 0 else ""
        told.append((group, str(len(members)), *(f"{mean:.2%}" for mean in means), ratio))
    return told


def _grouped(rows: Sequence[_Row]) -> list[tuple[str, list[_Row]]]:
    """Rows by class, then all."""
    groups = [(group, [row for row in rows if group in ("all", row.group)]) for group in (*_GROUPS, "all")]
    return [(group, members) for group, members in groups if members]
