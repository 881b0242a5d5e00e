"""Sourcing one order: is it exact, how long does it take, and what do plainer ways cost?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean, median
from time import thread_time
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from orderwing.bench.decisions import sourcing_days
from orderwing.bench.decisions.main import Options
from orderwing.bench.decisions.sourcing_cases import Units, best_direct, site_cost, small_case, speed_case
from orderwing.bench.report import Sheet
from orderwing.planning.pricing import Handling, Tariff
from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.engine import greedy, plan, verify
from orderwing.planning.sourcing.plan import Kind
from orderwing.planning.sourcing.problem import Budget, Problem, Rules, Run, Source, Want

SITES = 10
LARGER = ((5, 10), (8, 10), (12, 10), (20, 10), (5, 30), (5, 175))  # lines, sites
Case = TypeVar("Case")
Answer = TypeVar("Answer")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Additive = tuple[Floats, Floats, Floats, Ints, Ints]  # fixed, line, unit, stock, quantity


def run(options: Options) -> Iterator[Sheet]:
    yield _exactness(50 if options.quick else 10_000, options)
    yield _additive(30 if options.quick else 1_000)
    yield _breaks(30 if options.quick else 1_000)
    yield _larger(1, ((5, 10),)) if options.quick else _larger(30, LARGER)
    yield sourcing_days.sheet(options)


def _exactness(cases: int, options: Options) -> Sheet:
    """Against the enumeration of every assignment and quantity split, sites used freely."""
    equal = sound = splits = docked = waits = 0
    for seed in range(cases):
        if seed % 500 == 0:
            options.progress("sourcing against every assignment", seed, cases)
        case = small_case(seed)
        rules = replace(case.rules, single_site="when_cheapest", may_split=True, consolidates=False)
        problem = replace(case, rules=rules)
        answer = plan(problem)
        chosen = answer.chosen
        short = 0 if rules.backorder_unit_minor is not None else chosen.short_units
        equal += (short, chosen.cost_minor) == best_direct(problem)
        sound += not verify(problem, answer)
        splits += chosen.kind is Kind.SPLIT
        docked += any(one.cross_docked for one in chosen.shipments)
        waits += bool(chosen.short)
    columns = ("cases", "as good as any", "sound", "split", "cross-docked", "with units short")
    row = tuple(f"{count:,}" for count in (cases, equal, sound, splits, docked, waits))
    return Sheet(
        "Exactness: weight breaks, cartons, quantity splits, at most 4 sites, every way enumerated", columns, [row]
    )


def _additive(cases: int) -> Sheet:
    columns = ("10 sites", "cases", "median µs", "p99 µs", "plain µs", "`plan` µs", "equal")
    rows = []
    for lines in (5, 20):
        for parted in (False, True):
            drawn = [_additive_case(seed, lines, parted) for seed in range(cases)]
            ours, found = _timed(lambda case: subsets.cheapest(*case), drawn)
            plain, known = _timed(_plain, drawn)
            whole, _ = _timed(plan, [_as_problem(case) for case in drawn[:200]])
            title = f"{lines} lines, to be split" if parted else f"{lines} lines"
            same = "" if parted else f"{sum(a.cost == b.cost for a, b in zip(found, known, strict=True)):,}"
            base = "no splits" if parted else f"{median(plain) * 1e6:.0f}"
            figures = (f"{median(ours) * 1e6:.0f}", f"{_p99(ours) * 1e6:.0f}", base, f"{median(whole) * 1e6:.0f}", same)
            rows.append((title, f"{cases:,}", *figures))
    return Sheet(
        "Additive costs, CPU of a decision; plain: every subset by one masked minimum; `plan`: all of it, median",
        columns,
        rows,
    )


def _breaks(cases: int) -> Sheet:
    columns = ("5 lines, 10 sites", "cases", "median ms", "p99 ms", "optimal", "dearer by", "if dearer")
    problems = [speed_case(seed) for seed in range(cases)]
    for seed in range(min(cases, 200)):
        plan(speed_case(-1 - seed))
    ours, answers = _timed(plan, problems)
    best = [answer.chosen.cost_minor for answer in answers]
    enumerated, relaxed = _timed(_by_subsets, problems)
    plain, rule = _timed(lambda problem: greedy(problem).cost_minor, problems)
    rows = [
        _row("exact", ours, best, best),
        _row("subsets, linear prices", enumerated, relaxed, best),
        _row("fullest first", plain, rule, best),
    ]
    return Sheet("Weight breaks and cartons, CPU of a decision", columns, rows)


def _row(title: str, times: Sequence[float], costs: Sequence[int], best: Sequence[int]) -> tuple[str, ...]:
    over = [cost / least - 1 for cost, least in zip(costs, best, strict=True)]
    missed = [one for one in over if one > 0]
    return (
        title,
        f"{len(times):,}",
        f"{median(times) * 1e3:.2f}",
        f"{_p99(times) * 1e3:.2f}",
        f"{1 - len(missed) / len(over):.1%}",
        f"{fmean(over):.2%}",
        f"{fmean(missed):.2%}" if missed else "",
    )


def _larger(cases: int, sizes: Sequence[tuple[int, int]]) -> Sheet:
    columns = ("orders", "cases", "proved", "gap", "truly", "ms", "greedy")
    rows: list[tuple[str, ...]] = []
    for lines, sites in sizes:
        problems = [speed_case(seed, lines, sites) for seed in range(cases)]
        times, answers = _timed(lambda problem: plan(problem, Budget(nodes=60)), problems)
        rule = [greedy(p).cost_minor / a.chosen.cost_minor - 1 for p, a in zip(problems, answers, strict=True)]
        proved = sum(answer.exact for answer in answers)
        gap = fmean(answer.gap for answer in answers)
        figures = (f"{proved:,}", f"{gap:.1%}", "", f"{fmean(times) * 1e3:.0f}", f"+{fmean(rule):.0%}")
        rows.append((f"{lines} lines, {sites} sites", f"{cases:,}", *figures))
    rows += [_searched(lines, cases) for lines in (4, 6)]
    return Sheet(
        "Larger orders: tables where they fit, else search (60 steps); mean gap stated, mean CPU, greedy dearer",
        columns,
        rows,
    )


def _searched(lines: int, cases: int) -> tuple[str, ...]:
    """The search alone where the optimum is known: the gap it states, and the true one."""
    problems = [speed_case(seed, lines) for seed in range(cases)]
    times, answers = _timed(lambda problem: plan(problem, Budget(nodes=60, loads=1)), problems)
    best = [plan(p).chosen.cost_minor for p in problems]
    true = fmean(a.chosen.cost_minor / least - 1 for a, least in zip(answers, best, strict=True))
    proved = sum(answer.bound_minor == answer.chosen.cost_minor for answer in answers)
    gap = f"{fmean(answer.gap for answer in answers):.1%}"
    return (
        f"{lines} lines, 10 sites, search alone",
        f"{cases:,}",
        f"{proved:,}",
        gap,
        f"{true:.1%}",
        f"{fmean(times) * 1e3:.0f}",
        "",
    )


def _timed(decide: Callable[[Case], Answer], cases: Sequence[Case]) -> tuple[list[float], list[Answer]]:
    """CPU seconds of each case, after twenty to warm up."""
    for case in cases[:20]:
        decide(case)
    times, answers = [], []
    for case in cases:
        started = thread_time()
        answer = decide(case)
        times.append(thread_time() - started)
        answers.append(answer)
    return times, answers


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


def _additive_case(seed: int, lines: int, parted: bool) -> Additive:
    draw = np.random.default_rng([seed, lines, parted])
    quantity = draw.integers(1, 4, lines) if parted else np.ones(lines, np.int64)
    most = draw.integers(1, 5, (lines, SITES)) if parted else quantity[:, None]
    stock = (draw.random((lines, SITES)) < 0.5) * most
    stock[:, 0] = np.maximum(stock[:, 0], quantity)
    fixed, line = draw.integers(300, 900, SITES), draw.integers(10, 50, SITES)
    unit = draw.integers(10, 90, (lines, SITES))
    return fixed.astype(float), line.astype(float), unit.astype(float), stock.astype(np.int64), quantity


def _plain(case: Additive) -> subsets.Additive:
    """Every subset of sites at once by one masked minimum; lines are not split."""
    fixed, line, unit, stock, quantity = case
    costs = np.where(stock >= quantity[:, None], line + unit * quantity[:, None], np.inf)
    inside = subsets.members(len(fixed))
    totals = np.where(inside[:, None, :], costs, np.inf).min(axis=2).sum(axis=1) + inside @ fixed
    best = int(totals.argmin())
    units = np.zeros(stock.shape, np.int64)
    units[np.arange(len(quantity)), np.where(inside[best], costs, np.inf).argmin(axis=1)] = quantity
    return subsets.Additive(float(totals[best]), units)


def _as_problem(case: Additive) -> Problem:
    fixed, line, unit, stock, quantity = case
    wants = tuple(Want(f"sku-{n}", int(units)) for n, units in enumerate(quantity))
    sources = tuple(
        Source(
            f"site-{site}",
            {want.sku: int(stock[n, site]) for n, want in enumerate(wants)},
            (Run(f"lane-{site}", Tariff((0,), (int(fixed[site]),)), 0),),
            Handling(int(line[site]), 0),
            {want.sku: int(unit[n, site]) for n, want in enumerate(wants)},
        )
        for site in range(SITES)
    )
    return Problem(wants, sources, rules=Rules(single_site="when_cheapest"))


def _by_subsets(problem: Problem) -> int:
    """The optimum as if a parcel cost its first break and then so much a gram; priced truly."""
    whole = sum(want.grams * want.quantity for want in problem.wants)
    fixed, line, rise = [], [], []
    for source in problem.sources:
        tariff = source.runs[0].tariff
        rise.append((sum(tariff.charge(whole, 0)) - tariff.minor[0]) / max(whole, 1))
        fixed.append(float(tariff.minor[0] + source.handling.parcel_minor))
        line.append(float(source.handling.line_minor))
    stock = [[source.stock[want.sku] for source in problem.sources] for want in problem.wants]
    supply = [sum(row) for row in stock]
    quantity = [min(want.quantity, have) for want, have in zip(problem.wants, supply, strict=True)]
    unit = np.outer([want.grams for want in problem.wants], rise)
    found = subsets.cheapest(np.array(fixed), np.array(line), unit, np.array(stock), np.array(quantity))
    loads: list[Units] = [tuple(load) for load in found.units.T.tolist()]
    costs = [site_cost(problem, problem.sources[site], load) for site, load in enumerate(loads) if any(load)]
    return sum(cost for cost in costs if cost is not None)
