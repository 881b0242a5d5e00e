"""`plan`: cheapest insertion, then OR-Tools' guided local search from there, then whoever still fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orderwing.planning.budget import Budget
from orderwing.planning.fleet.answer import Plan, Route, Routes, Score, Stop, score, shortfall
from orderwing.planning.fleet.choose import choose
from orderwing.planning.fleet.columns import Columns, all_columns, feasible, keep, kinds, singles
from orderwing.planning.fleet.eligibility import Eligibility, eligibility
from orderwing.planning.fleet.goals import LIMIT, most, stages
from orderwing.planning.fleet.greedy import complete, greedy, settle_minimums
from orderwing.planning.fleet.model import Limits, Model
from orderwing.planning.fleet.problem import Problem
from orderwing.planning.fleet.reasons import unserved
from orderwing.planning.fleet.timing import times
from orderwing.planning.fleet.verify import verify

Progress = Callable[[Score], None]
_FIRST = 0.8  # of a stage's time, for its first search
_COLUMNS = 20_000  # of which a plan is recombined, at most
_EFFORT = 2.0  # of recombining, in CP-SAT's deterministic time


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
    able = eligibility(problem)
    best = greedy(able)
    by, proven = "cheapest insertion", False
    if progress is not None:
        progress(score(problem, best))
    columns = all_columns(able, labels) if able.servable else {}
    if columns is None:
        columns = {}
        for routes in _search(able, best, budget, seed, progress, limit, columns):
            if score(problem, routes) < score(problem, best):
                best, by = routes, "guided local search"
    else:
        proven = True
    if columns:
        chosen, is_best = _recombine(able, columns, best)
        proven &= is_best
        if score(problem, chosen) < score(problem, best) or proven:
            best, by = chosen, "all routes" if proven else "recombined routes"
    found = answer(able, best, by, proven)
    broken = verify(problem, found)
    if broken:
        raise AssertionError(f"a plan that does not verify: {broken[0]}")
    return found


def _recombine(able: Eligibility, columns: Columns, best: Routes) -> tuple[Routes, bool]:
    """The best choice of known routes, and whether it is proven to be one."""
    of_kind = kinds(able.problem)
    for kind, drivers in of_kind.items():
        for driver in drivers:
            keep(columns, able.problem, kind, best[driver])
    chosen, proven = choose(able.problem, list(columns.values()), of_kind, best, _EFFORT)
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
    budget: Budget,
    seed: int,
    progress: Progress | None,
    limit: int,
    columns: Columns,
) -> Iterator[Routes]:
    """What each stage ends with, completed. Routes met on the way are added to `columns`."""
    problem = able.problem
    routes, reached = start, None
    todo = stages(most(able), limit)
    left = 1.0  # of the time
    for stage in todo:
        share = left if stage is todo[-1] else left / 4  # the last, with the distance, takes longest
        left -= share
        met = _watcher(able, columns, progress)
        # The solver's own start drives less than ours, but may serve fewer; whoever is ahead is then searched on.
        for n, part in enumerate((_FIRST, 1 - _FIRST)):
            limits = Limits(None if budget.seconds is None else budget.seconds * share * part, budget.iterations)
            begin = None if n == 0 and stage.first == 0 else routes
            found = _complete(able, Model(able, stage, reached, seed + n).solve(begin, limits, met))
            if found is not None and score(problem, found) < score(problem, routes):
                routes = found
        reached = score(problem, routes)
        yield routes


def _complete(able: Eligibility, routes: Routes | None) -> Routes | None:
    if routes is None or not all(feasible(able, driver, route) for driver, route in enumerate(routes)):
        return None
    settle_minimums(able, routes)
    complete(able, routes)
    return routes


def _watcher(able: Eligibility, columns: Columns, progress: Progress | None) -> Callable[[Routes], None]:
    problem = able.problem
    of_kind = kinds(problem)
    kind_of = {driver: kind for kind, drivers in of_kind.items() for driver in drivers}
    singles(able, columns, of_kind)
    best: list[Score] = []

    def met(routes: Routes) -> None:
        for driver, route in enumerate(routes):
            if len(columns) < _COLUMNS:
                keep(columns, problem, kind_of[driver], route)
        if progress is not None:
            now = score(problem, routes)
            if not best or now < best[-1]:
                best.append(now)
                progress(now)

    return met


def answer(able: Eligibility, routes: Routes, method: str, proven: bool) -> Plan:
    """Feasible routes with their times, and the rest with its reasons."""
    problem = able.problem
    told = tuple(_route(problem, driver, orders) for driver, orders in enumerate(routes) if orders)
    notes = tuple(_notes(problem, routes))
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
