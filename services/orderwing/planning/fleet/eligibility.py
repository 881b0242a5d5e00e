"""Which driver could serve which order if nothing else were to be done, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import csgraph_from_dense, dijkstra

from orderwing.planning.fleet.answer import Reason
from orderwing.planning.fleet.gaps import GapsOfRoutes
from orderwing.planning.fleet.problem import UNREACHABLE, Driver, Order, Problem
from orderwing.planning.fleet.timing import times


def _refused(order: Order, driver: Driver) -> Reason | None:
    """Why this driver can never serve the order, whatever the time. The minimum does not count here."""
    if not order.skills <= driver.skills:
        return Reason.NO_SKILL
    if order.depot_id is not None and order.depot_id != driver.start:
        return Reason.WRONG_DEPOT
    if any(units > most for units, most in zip(order.load, driver.capacity, strict=True)) or driver.max_stops == 0:
        return Reason.TOO_HEAVY
    return None


def _too_late(problem: Problem, short: Problem, number: int, driver: Driver) -> Reason | None:
    """Why the driver cannot go there and back; None if it may be possible.

    `short` is the problem with the shortest ways from and to the depots: a matrix need not have them, and then an
    order may be reached in time only by way of others.
    """
    order = problem.orders[number]
    if times(problem, driver, (number,)) is not None or times(short, driver, (number,)) is not None:
        return None
    start, end = problem.depot[driver.start].place, problem.depot[driver.end].place
    legs_s = (short.seconds[start, order.place], short.seconds[order.place, end])
    return Reason.UNREACHABLE if UNREACHABLE in legs_s else Reason.WINDOW_UNREACHABLE


def _shortest(problem: Problem) -> Problem:
    """With the least seconds, by way of any places, from and to every depot."""
    blocked = (problem.seconds == UNREACHABLE) | (problem.metres == UNREACHABLE)
    graph = csgraph_from_dense(np.where(blocked, UNREACHABLE, problem.seconds).astype(float), null_value=UNREACHABLE)
    depots = sorted({depot.place for depot in problem.depots})
    seconds = problem.seconds.copy()
    for of, ways in ((np.s_[depots, :], graph), (np.s_[:, depots], graph.T)):
        least = dijkstra(ways, indices=depots)
        least = np.where(np.isfinite(least), least, UNREACHABLE).astype(np.int64)
        seconds[of] = least if ways is graph else least.T
    return replace(problem, seconds=seconds)


@dataclass(frozen=True)
class Eligibility:
    """`able`: [order, driver]. `refusals` of those orders that no driver can serve, by driver."""

    problem: Problem
    able: NDArray[np.bool_]
    refusals: dict[int, tuple[Reason, ...]]

    def only(self, driver: int) -> Eligibility:
        """As if there were nobody else."""
        alone = Eligibility(self.problem, self.able & (np.arange(self.able.shape[1]) == driver), {})
        alone.__dict__.update(gaps=self.gaps, kind_of=self.kind_of)
        return alone

    @cached_property
    def gaps(self) -> GapsOfRoutes:
        return GapsOfRoutes(self.problem)

    @cached_property
    def kind_of(self) -> dict[int, int]:
        """Of each driver."""
        return {driver: kind for kind, drivers in kinds(self.problem).items() for driver in drivers}

    @cached_property
    def servable(self) -> tuple[int, ...]:
        return tuple(int(order) for order in np.flatnonzero(self.able.any(axis=1)))


def eligibility(problem: Problem) -> Eligibility:
    """Of every order and driver; drivers who differ only in name are asked once, and so is the same trip of several."""
    able = np.zeros((len(problem.orders), len(problem.drivers)), bool)
    kinds: dict[Driver, int] = {}
    kind_of = [kinds.setdefault(_nameless(driver), len(kinds)) for driver in problem.drivers]
    trips: dict[tuple[object, ...], int] = {}
    trip_of = [trips.setdefault((one.start, one.end, one.shift, one.breaks), len(trips)) for one in kinds]
    refusals: dict[int, tuple[Reason, ...]] = {}
    short = _shortest(problem)
    for number, order in enumerate(problem.orders):
        by_kind = [_refused(order, driver) for driver in kinds]
        of_trip: dict[int, Reason | None] = {}
        for kind, (driver, trip) in enumerate(zip(kinds, trip_of, strict=True)):
            if by_kind[kind] is None:
                if trip not in of_trip:
                    of_trip[trip] = _too_late(problem, short, number, driver)
                by_kind[kind] = of_trip[trip]
        able[number] = [by_kind[kind] is None for kind in kind_of]
        if not able[number].any():
            refusals[number] = tuple(reason for kind in kind_of if (reason := by_kind[kind]) is not None)
    return Eligibility(problem, able, refusals)


def _nameless(driver: Driver) -> Driver:
    return Driver(
        "",
        driver.start,
        driver.end,
        driver.capacity,
        (),
        driver.max_stops,
        0,
        driver.shift,
        driver.breaks,
        driver.skills,
    )


def kinds(problem: Problem) -> dict[int, list[int]]:
    """Drivers who differ only in name, under the first of them."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, driver in enumerate(problem.drivers):
        alike = (driver.start, driver.end, driver.capacity, driver.minimum, driver.max_stops, driver.min_stops)
        found.setdefault((*alike, driver.shift, driver.breaks, driver.skills), []).append(number)
    return {numbers[0]: numbers for numbers in found.values()}


def fits(problem: Problem, driver: int, orders: Sequence[int]) -> bool:
    """Whether load and number of stops are within the most the driver takes."""
    one = problem.drivers[driver]
    if one.max_stops is not None and len(orders) > one.max_stops:
        return False
    return all(units <= most for units, most in zip(problem.load_of(orders), one.capacity, strict=True))


def feasible(able: Eligibility, driver: int, orders: Sequence[int]) -> bool:
    """Whether the driver can drive this route at all."""
    problem = able.problem
    one = problem.drivers[driver]
    places = [
        problem.depot[one.start].place,
        *(problem.orders[order].place for order in orders),
        problem.depot[one.end].place,
    ]
    return not orders or (
        all(able.able[order, driver] for order in orders)
        and fits(problem, driver, orders)
        and all(problem.metres[leg] != UNREACHABLE for leg in pairwise(places))
        and times(problem, one, orders) is not None
    )
