"""The answer: routes with times, who is not served and why, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from orderwing.planning.fleet.problem import Problem, Window

Routes = list[list[int]]  # for each driver the orders in turn, by their place in the problem


class Score(NamedTuple):
    """What is made least, the first first. `shortfall`: units and stops by which those who leave miss their minimum."""

    express_left_out: int
    shortfall: int
    priority_left_out: int
    distance_m: int


class Reason(StrEnum):
    """Why an order is not served."""

    NO_SKILL = "no_skill"  # no driver has all its skills
    WRONG_DEPOT = "wrong_depot"  # no driver leaves from where its goods are
    TOO_HEAVY = "too_heavy"  # for every driver's empty van
    UNREACHABLE = "unreachable"  # no road leads there and back
    WINDOW_UNREACHABLE = "window_unreachable"  # even for a driver who serves nothing else
    BELOW_MINIMUM = "below_minimum"  # a free driver would leave with less than the minimum
    NO_CAPACITY_LEFT = "no_capacity_left"
    NO_STOPS_LEFT = "no_stops_left"
    NO_TIME_LEFT = "no_time_left"


class Stop(NamedTuple):
    """Service from `start_s` to `leave_s`; `leg_m` metres from the stop before."""

    order_id: str
    arrive_s: int
    start_s: int
    leave_s: int
    leg_m: int


@dataclass(frozen=True, slots=True)
class Route:
    """`shortfall`: what is missing to the driver's minimum, by dimension and then in stops."""

    driver_id: str
    leave_s: int
    stops: tuple[Stop, ...]
    back_s: int
    breaks: tuple[Window, ...]
    distance_m: int
    load: tuple[int, ...]
    shortfall: tuple[int, ...]


class Unserved(NamedTuple):
    order_id: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Drivers without a route stay. `method`: whose routes these are. `notes` tell what a dispatcher must know.

    `proven`: no plan has a better score.
    """

    routes: tuple[Route, ...]
    unserved: tuple[Unserved, ...]
    score: Score
    method: str
    proven: bool = False
    notes: tuple[str, ...] = ()


def shortfall(problem: Problem, driver: int, orders: Sequence[int]) -> tuple[int, ...]:
    """By dimension, then in stops; nothing of a driver who stays."""
    one = problem.drivers[driver]
    if not orders:
        return (0,) * (len(problem.dimensions) + 1)
    load, least = problem.load_of(orders), one.minimum or (0,) * len(problem.dimensions)
    missing = [max(0, m - units) for m, units in zip(least, load, strict=True)]
    return (*missing, max(0, one.min_stops - len(orders)))


def score(problem: Problem, routes: Routes) -> Score:
    """Of routes that are feasible."""
    served = {order for route in routes for order in route}
    out = [order for n, order in enumerate(problem.orders) if n not in served]
    return Score(
        sum(order.express for order in out),
        sum(sum(shortfall(problem, n, route)) for n, route in enumerate(routes)),
        sum(order.priority for order in out if not order.express),
        sum(problem.distance_m(driver, route) for driver, route in zip(problem.drivers, routes, strict=True)),
    )
