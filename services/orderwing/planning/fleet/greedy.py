"""The baseline: cheapest insertion, EXPRESS before the others, then whoever weighs more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from orderwing.planning.fleet.answer import Routes, score, shortfall
from orderwing.planning.fleet.eligibility import Eligibility, feasible, fits
from orderwing.planning.fleet.gaps import Gaps, in_time
from orderwing.planning.fleet.problem import UNREACHABLE, Problem
from orderwing.planning.fleet.timing import times

_SWAPS = 50  # tried for each EXPRESS order
_TRIES = 5  # to make room for EXPRESS in vain, which takes long
_FAR = np.iinfo(np.int64).max // 4
_NONE = Gaps(*[np.zeros(0, np.int64)] * 4)
Place = tuple[int, int, int]  # metres more, driver, position in the route


def greedy(able: Eligibility) -> Routes:
    """Routes that are feasible; those below the minimum carry EXPRESS that nobody else can."""
    problem = able.problem
    routes: Routes = [[] for _ in problem.drivers]
    insert(able, routes, in_turn(problem, able.servable))
    settle_minimums(able, routes)
    complete(able, routes)
    return routes


def in_turn(problem: Problem, orders: Sequence[int]) -> list[int]:
    """EXPRESS, then by priority, then the farthest from every depot, round which others are added at little cost."""

    def turn(number: int) -> tuple[bool, int, int, int]:
        order = problem.orders[number]
        far_m = min(int(problem.metres[depot.place, order.place]) for depot in problem.depots)
        return not order.express, -order.priority, -far_m, number

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
    owners, positions, gaps = _gaps(able, routes, number, used_only)
    if not owners:
        return
    here = problem.orders[number].place
    there, on = problem.metres[gaps.before, here], problem.metres[here, gaps.after]
    direct = problem.metres[gaps.before, gaps.after]
    stays = np.asarray([not route for route in routes])[owners]  # and costs nothing so far
    more = there + on - np.where(stays | (direct == UNREACHABLE), 0, direct)
    more[(there == UNREACHABLE) | (on == UNREACHABLE) | ~in_time(problem, number, gaps)] = _FAR
    full: set[int] = set()
    for arc in np.argsort(more, kind="stable"):
        driver, at = owners[arc], positions[arc]
        if more[arc] == _FAR:
            return
        if driver in full:
            continue
        route = routes[driver]
        if not fits(problem, driver, [*route, number]):
            full.add(driver)
        elif times(problem, problem.drivers[driver], [*route[:at], number, *route[at:]]) is not None:
            yield int(more[arc]), driver, at


def _gaps(able: Eligibility, routes: Routes, number: int, used_only: bool) -> tuple[list[int], list[int], Gaps]:
    """Of all routes that the order may join: driver, position, gap. Of drivers alike who stay one is enough."""
    owners: list[int] = []
    positions: list[int] = []
    found: list[Gaps] = []
    staying: set[int] = set()
    for driver, route in enumerate(routes):
        kind = able.kind_of[driver]
        if not able.able[number, driver] or (not route and (used_only or kind in staying)):
            continue
        if not route:
            staying.add(kind)
        found.append(able.gaps.of(driver, route))
        owners += [driver] * (len(route) + 1)
        positions += range(len(route) + 1)
    return owners, positions, Gaps(*map(np.concatenate, zip(*found, strict=True))) if found else _NONE


def settle_minimums(able: Eligibility, routes: Routes) -> None:
    """Routes below their minimum are given up, in place, unless that would leave EXPRESS out."""
    while _give_up(able, routes):
        pass


def _give_up(able: Eligibility, routes: Routes) -> bool:
    problem = able.problem
    short = [driver for driver, route in enumerate(routes) if any(shortfall(problem, driver, route))]
    before = score(problem, routes)
    for driver in sorted(short, key=lambda n: len(routes[n])):
        trial = [list(route) for route in routes]
        given_up, trial[driver] = trial[driver], []
        insert(able, trial, in_turn(problem, given_up), used_only=True)
        if score(problem, trial) < before:
            routes[:] = trial
            return True
    return False


def complete(able: Eligibility, routes: Routes) -> None:
    """Whoever still fits is served, in place: EXPRESS anywhere, others where nobody's shortfall grows by it."""
    problem = able.problem
    for number in _left(able, routes):
        for _, driver, at in places(able, routes, number):
            route = routes[driver]
            longer = [*route[:at], number, *route[at:]]
            grows = sum(shortfall(problem, driver, longer)) > sum(shortfall(problem, driver, route))
            if problem.orders[number].express or not grows:
                routes[driver] = longer
                break
    for driver, route in enumerate(routes):
        if not route and (left := _left(able, routes)):
            _fill(able, routes, driver, left)
    failed = 0
    for number in _left(able, routes):
        if problem.orders[number].express and failed < _TRIES:
            failed += not (_swap_in(able, routes, number) or _make_room(able, routes, number))


def _left(able: Eligibility, routes: Routes) -> list[int]:
    served = {number for route in routes for number in route}
    return in_turn(able.problem, [number for number in able.servable if number not in served])


def _swap_in(able: Eligibility, routes: Routes, number: int) -> bool:
    """Serve EXPRESS in the place of one other order, of little priority and near it."""
    problem = able.problem
    here = problem.orders[number].place
    rivals = [
        (order.priority, int(problem.metres[order.place, here]), driver, at)
        for driver, route in enumerate(routes)
        if able.able[number, driver]
        for at, order in enumerate(problem.orders[other] for other in route)
        if not order.express
    ]
    for _, _, driver, at in sorted(rivals)[:_SWAPS]:
        route = [*routes[driver][:at], number, *routes[driver][at + 1 :]]
        if feasible(able, driver, route) and not any(shortfall(problem, driver, route)):
            given_up, routes[driver] = routes[driver][at], route
            insert(able, routes, [given_up], used_only=True)
            return True
    return False


def _make_room(able: Eligibility, routes: Routes, number: int) -> bool:
    """Serve EXPRESS where only others leave it no room; who gives way for it is served elsewhere if that fits."""
    problem = able.problem
    best, before = score(problem, routes), routes
    for driver, route in enumerate(routes):
        if not able.able[number, driver]:
            continue
        trial = [list(other) for other in routes]
        others = [order for order in route if not problem.orders[order].express]
        trial[driver] = [order for order in route if problem.orders[order].express]
        alone = able.only(driver)
        if not feasible(able, driver, trial[driver]) or insert(alone, trial, [number]):
            continue
        insert(able, trial, insert(alone, trial, in_turn(problem, others)), used_only=True)
        if score(problem, trial) < best:
            best, before = score(problem, trial), trial
    made = before is not routes
    routes[:] = before
    return made


def _fill(able: Eligibility, routes: Routes, driver: int, left: Sequence[int]) -> None:
    """Send a free driver, if enough of what is left fits for the minimum."""
    problem = able.problem
    trial: Routes = [[] for _ in routes]
    alone = able.only(driver)
    insert(alone, trial, left)
    if not any(shortfall(problem, driver, trial[driver])):
        routes[driver] = trial[driver]
