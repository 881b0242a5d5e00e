"""`plan`: cheapest insertion, then OR-Tools' guided local search from there, then whoever still fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.fleet.answer import Plan, Route, Routes, Score, Stop, score, shortfall
from orderwing.planning.fleet.choose import choose
from orderwing.planning.fleet.columns import Columns, all_columns, keep, keep_met, singles
from orderwing.planning.fleet.eligibility import Eligibility, eligibility, feasible, kinds
from orderwing.planning.fleet.goals import LIMIT, Stage, most, stages
from orderwing.planning.fleet.greedy import complete, greedy, settle_minimums
from orderwing.planning.fleet.model import Limits, Model, Start
from orderwing.planning.fleet.problem import Problem
from orderwing.planning.fleet.reasons import unserved
from orderwing.planning.fleet.timing import times
from orderwing.planning.fleet.verify import verify

Progress = Callable[[Score], None]
_SEARCH = 0.9  # of the time; the rest is for recombining
_LEAST_S = 0.05  # of any search
_HURRY = 0.6  # of a stage's time: later no other start is tried
_COLUMNS = 5_000  # of which a plan is recombined, at most; up to half of them are orders on their own
_SINGLES = 0.3  # of the time is over: no more of those
_EFFORT = 1.0  # of recombining, in CP-SAT's deterministic time, for each goal


def plan(
    problem: Problem,
    budget: Budget,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    labels: int = 5_000,
    limit: int = LIMIT,
) -> Plan:
    """The best found within the budget; never worse than `plan_greedily`. `progress` hears of every better score.

    An iteration of the budget is a solution of the local search. `labels`: how many partial routes may be tried to
    list all routes there are, and so to prove the best plan. `limit` bounds the solver's cost; goals that together
    pass it are solved one after the other.
    """
    countdown = Countdown(budget)
    able = eligibility(problem)
    best = greedy(able)
    by, proven = "cheapest insertion", False
    if progress is not None:
        progress(score(problem, best))
    notes: tuple[str, ...] = ()
    columns = all_columns(able, labels) if able.servable else {}
    if columns is None:
        columns = {}
        if budget.seconds is not None and countdown.share() >= _SEARCH:
            notes = ("The time was up before the search began: with more, a better plan may be found",)
        for routes in _search(able, best, countdown, seed, progress, limit, columns):
            if score(problem, routes) < score(problem, best):
                best, by = routes, "guided local search"
    else:
        proven = True
    if columns:
        chosen, is_best = _recombine(able, columns, best, countdown)
        proven &= is_best
        if score(problem, chosen) < score(problem, best) or proven:
            best, by = chosen, "all routes" if proven else "recombined routes"
    found = answer(able, best, by, proven, notes)
    broken = verify(problem, found)
    if not broken:
        return found
    baseline = plan_greedily(problem)
    return replace(baseline, notes=(*baseline.notes, f"The search broke a rule, and this is the baseline: {broken[0]}"))


def _recombine(able: Eligibility, columns: Columns, best: Routes, countdown: Countdown) -> tuple[Routes, bool]:
    """The best choice of known routes, and whether it is proven to be one."""
    of_kind = kinds(able.problem)
    for kind, drivers in of_kind.items():
        for driver in drivers:
            keep(columns, able.problem, kind, best[driver])
    seconds = countdown.budget.seconds
    if seconds is not None:
        seconds = max(_LEAST_S, seconds - countdown.seconds_spent())
    chosen, proven = choose(able.problem, list(columns.values()), of_kind, best, _EFFORT, seconds)
    settle_minimums(able, chosen)
    complete(able, chosen)
    return chosen, proven


def plan_greedily(problem: Problem) -> Plan:
    """The baseline: cheapest insertion alone."""
    able = eligibility(problem)
    return answer(able, greedy(able), "cheapest insertion", False)


def _search(
    able: Eligibility,
    start: Routes,
    countdown: Countdown,
    seed: int,
    progress: Progress | None,
    limit: int,
    columns: Columns,
) -> Iterator[Routes]:
    """What each stage ends with, completed. Routes met on the way are added to `columns`.

    Nearest neighbours make the start that drives least, but may serve fewer than insertion; so the first half of the
    time is spent from there, and the second from whatever is ahead by then.
    """
    problem = able.problem
    best, reached = start, None
    singles(able, columns, _COLUMNS // 2, lambda: countdown.share() < _SINGLES)
    met = _watcher(able, columns, progress)
    budget = countdown.budget

    def search(stage: Stage, begin: Routes | Start, until: float, iterations: int | None) -> Routes | None:
        seconds = budget.seconds
        if seconds is not None:
            if countdown.over():
                return None
            seconds = max(_LEAST_S, seconds * until - countdown.seconds_spent())
        solved = Model(able, stage, reached, seed).solve(begin, Limits(seconds, iterations), met)
        return _complete(able, solved)

    def better(one: Routes | None) -> Routes:
        return best if one is None else min(best, one, key=lambda routes: score(problem, routes))

    todo = stages(most(able), limit)
    for n, stage in enumerate(todo):
        until = _SEARCH if stage is todo[-1] else _SEARCH / 3 * (n + 1) / len(todo)
        if stage.first == 0:
            nearest = search(stage, Start.NEAREST, until, 1)
            if nearest is not None:
                best = better(nearest)
                best = better(search(stage, nearest, until / 2, budget.iterations))
            if budget.seconds is None or countdown.share() < until * _HURRY:
                best = better(search(stage, Start.INSERTION, until, 1))
        best = better(search(stage, best, until, budget.iterations))
        reached = score(problem, best)
        yield best


def _complete(able: Eligibility, routes: Routes | None) -> Routes | None:
    if routes is None or not all(feasible(able, driver, route) for driver, route in enumerate(routes)):
        return None
    settle_minimums(able, routes)
    complete(able, routes)
    return routes


def _watcher(able: Eligibility, columns: Columns, progress: Progress | None) -> Callable[[Routes], None]:
    problem = able.problem
    best: list[Score] = []

    def met(routes: Routes) -> None:
        for driver, route in enumerate(routes):
            if len(columns) < _COLUMNS:
                keep_met(columns, able, able.kind_of[driver], route)
        if progress is not None:
            now = score(problem, routes)
            if not best or now < best[-1]:
                best.append(now)
                progress(now)

    return met


def answer(able: Eligibility, routes: Routes, method: str, proven: bool, notes: tuple[str, ...] = ()) -> Plan:
    """Feasible routes with their times, and the rest with its reasons."""
    problem = able.problem
    told = tuple(_route(problem, driver, orders) for driver, orders in enumerate(routes) if orders)
    notes = (*_notes(problem, routes), *notes)
    return Plan(told, tuple(unserved(able, routes)), score(problem, routes), method, proven, notes)


def _route(problem: Problem, number: int, orders: list[int]) -> Route:
    driver = problem.drivers[number]
    when = times(problem, driver, orders)
    assert when is not None
    places = [problem.depot[driver.start].place, *(problem.orders[order].place for order in orders)]
    stops = tuple(
        Stop(problem.orders[order].order_id, *visit, leg_m=int(problem.metres[a, b]))
        for order, visit, a, b in zip(orders, when.visits, places, places[1:], strict=False)
    )
    return Route(
        driver.driver_id,
        when.leave_s,
        stops,
        when.back_s,
        when.breaks,
        problem.distance_m(driver, orders),
        problem.load_of(orders),
        shortfall(problem, number, orders),
    )


def _notes(problem: Problem, routes: Routes) -> Iterator[str]:
    """Where the minimum yields to EXPRESS."""
    names = (*problem.dimensions, "stops")
    for number, route in enumerate(routes):
        driver = problem.drivers[number]
        had = (*problem.load_of(route), len(route))
        wanted = (*(driver.minimum or (0,) * len(problem.dimensions)), driver.min_stops)
        missing = shortfall(problem, number, route)
        if any(missing):
            told = [f"{h} of at least {w} {n}" for n, h, w, m in zip(names, had, wanted, missing, strict=True) if m]
            express = [problem.orders[order].order_id for order in route if problem.orders[order].express]
            yield f"{driver.driver_id} leaves with {', '.join(told)}, for EXPRESS {', '.join(express)}"
