"""Which driver could serve which order if nothing else were to be done, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.fleet.answer import Reason
from orderwing.planning.fleet.problem import UNREACHABLE, Driver, Order, Problem
from orderwing.planning.fleet.timing import times


def refused(problem: Problem, number: int, driver: Driver) -> Reason | None:
    """Why this driver cannot serve the order even alone; None if it is possible. The minimum does not count here."""
    order = problem.orders[number]
    if not order.skills <= driver.skills:
        return Reason.NO_SKILL
    if order.depot_id is not None and order.depot_id != driver.start:
        return Reason.WRONG_DEPOT
    if any(units > most for units, most in zip(order.load, driver.capacity, strict=True)) or driver.max_stops == 0:
        return Reason.TOO_HEAVY
    if _cut_off(problem, order, driver):
        return Reason.UNREACHABLE
    return Reason.WINDOW_UNREACHABLE if times(problem, driver, (number,)) is None else None


def _cut_off(problem: Problem, order: Order, driver: Driver) -> bool:
    start, end = problem.depot[driver.start].place, problem.depot[driver.end].place
    legs = ((start, order.place), (order.place, end))
    return any(UNREACHABLE in (problem.metres[leg], problem.seconds[leg]) for leg in legs)


@dataclass(frozen=True)
class Eligibility:
    """`able`: [order, driver]. `refusals` of those orders that no driver can serve, by driver."""

    problem: Problem
    able: NDArray[np.bool_]
    refusals: dict[int, tuple[Reason, ...]]

    @cached_property
    def servable(self) -> tuple[int, ...]:
        return tuple(int(order) for order in np.flatnonzero(self.able.any(axis=1)))


def eligibility(problem: Problem) -> Eligibility:
    """Of every order and driver; drivers who differ only in name are asked once."""
    able = np.zeros((len(problem.orders), len(problem.drivers)), bool)
    kinds: dict[Driver, int] = {}
    kind_of = [kinds.setdefault(_nameless(driver), len(kinds)) for driver in problem.drivers]
    refusals: dict[int, tuple[Reason, ...]] = {}
    for number in range(len(problem.orders)):
        by_kind = [refused(problem, number, driver) for driver in kinds]
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


def fits(problem: Problem, driver: int, orders: Sequence[int]) -> bool:
    """Whether load and number of stops are within the most the driver takes."""
    one = problem.drivers[driver]
    if one.max_stops is not None and len(orders) > one.max_stops:
        return False
    return all(units <= most for units, most in zip(problem.load_of(orders), one.capacity, strict=True))
