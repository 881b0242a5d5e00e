"""The baseline: cheapest insertion, EXPRESS before the others, then whoever weighs more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from orderwing.planning.fleet.answer import Routes, score, shortfall
from orderwing.planning.fleet.eligibility import Eligibility, fits
from orderwing.planning.fleet.problem import UNREACHABLE, Problem
from orderwing.planning.fleet.timing import times

_FAR = np.iinfo(np.int64).max // 4
Place = tuple[int, int, int]  # metres more, driver, position in the route


def greedy(able: Eligibility) -> Routes:
    """Routes that are feasible; those below the minimum carry EXPRESS that nobody else can."""
    problem = able.problem
    routes: Routes = [[] for _ in problem.drivers]
    insert(able, routes, in_turn(problem, able.servable))
    settle_minimums(able, routes)
    return routes


def in_turn(problem: Problem, orders: Sequence[int]) -> list[int]:
    """EXPRESS, then by priority, then those with the narrowest choice of time."""

    def turn(number: int) -> tuple[bool, int, int, int]:
        order = problem.orders[number]
        choice_s = sum(end_s - start_s for start_s, end_s in order.windows) if order.windows else 10**9
        return not order.express, -order.priority, choice_s, number

    return sorted(orders, key=turn)


def insert(able: Eligibility, routes: Routes, orders: Sequence[int], *, used_only: bool = False) -> list[int]:
    """Each order where it costs the fewest metres; those that fit nowhere are returned."""
    left = []
    for number in orders:
        place = next(places(able, routes, number, used_only=used_only), None)
        if place is None:
            left.append(number)
        else:
            _, driver, at = place
            routes[driver].insert(at, number)
    return left


def places(able: Eligibility, routes: Routes, number: int, *, used_only: bool = False) -> Iterator[Place]:
    """Where the order can be inserted, the cheapest first."""
    problem = able.problem
    owners, before, after, positions = _arcs(able, routes, number, used_only)
    if not owners.size:
        return
    here = problem.orders[number].place
    there, on, direct = problem.metres[before, here], problem.metres[here, after], problem.metres[before, after]
    more = there + on - np.where(direct == UNREACHABLE, 0, direct)
    more[(positions == 0) & (np.asarray([len(route) for route in routes])[owners] == 0)] += 0
    more[(there == UNREACHABLE) | (on == UNREACHABLE)] = _FAR
    full: set[int] = set()
    for arc in np.argsort(more, kind="stable"):
        driver, at = int(owners[arc]), int(positions[arc])
        if more[arc] == _FAR:
            return
        if driver in full:
            continue
        route = routes[driver]
        if not fits(problem, driver, [*route, number]):
            full.add(driver)
        elif times(problem, problem.drivers[driver], [*route[:at], number, *route[at:]]) is not None:
            yield int(more[arc]), driver, at


def _arcs(
    able: Eligibility, routes: Routes, number: int, used_only: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of all routes that the order may join: driver, place before, place after, position."""
    problem = able.problem
    owners: list[int] = []
    before: list[int] = []
    after: list[int] = []
    positions: list[int] = []
    for driver, route in enumerate(routes):
        if not able.able[number, driver] or (used_only and not route):
            continue
        one = problem.drivers[driver]
        stops = [problem.orders[order].place for order in route]
        owners += [driver] * (len(route) + 1)
        before += [problem.depot[one.start].place, *stops]
        after += [*stops, problem.depot[one.end].place]
        positions += range(len(route) + 1)
    return np.asarray(owners), np.asarray(before), np.asarray(after), np.asarray(positions)


def settle_minimums(able: Eligibility, routes: Routes) -> None:
    """Routes below their minimum are given up, in place, unless that would leave EXPRESS out."""
    problem = able.problem
    short = [n for n, route in enumerate(routes) if sum(shortfall(problem, n, route))]
    for driver in sorted(short, key=lambda n: len(routes[n])):
        if not sum(shortfall(problem, driver, routes[driver])):
            continue  # filled meanwhile by what others gave up
        trial = [list(route) for route in routes]
        given_up, trial[driver] = trial[driver], []
        insert(able, trial, in_turn(problem, given_up), used_only=True)
        if score(problem, trial) < score(problem, routes):
            routes[:] = trial
