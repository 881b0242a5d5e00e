"""Where an order may go into a route as far as time without breaks tells: quickly, for all gaps at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.fleet.problem import Matrix, Problem

Seconds = NDArray[np.int64]
_KEPT = 5_000  # routes


class Gaps(NamedTuple):
    """Of one route: places before and after, when the driver can leave the one and must be at the other."""

    before: Matrix
    after: Matrix
    leave_s: Seconds
    due_s: Seconds


@dataclass(frozen=True)
class GapsOfRoutes:
    """Computed once a route."""

    problem: Problem
    _known: dict[tuple[int, tuple[int, ...]], Gaps] = field(default_factory=dict)

    def of(self, driver: int, route: Sequence[int]) -> Gaps:
        key = driver, tuple(route)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key] = _gaps(self.problem, driver, route)
        return found


def _gaps(problem: Problem, driver: int, route: Sequence[int]) -> Gaps:
    one = problem.drivers[driver]
    hours, seconds = problem.hours(one), problem.seconds
    orders = [problem.orders[number] for number in route]
    places = [problem.depot[one.start].place, *(order.place for order in orders), problem.depot[one.end].place]
    leave_s = [hours.start_s]
    for n, order in enumerate(orders):
        opens_s = order.windows[0].start_s if order.windows else 0
        leave_s.append(max(leave_s[-1] + int(seconds[places[n], order.place]), opens_s) + order.service_s)
    due_s = [hours.end_s]
    for n, order in reversed(list(enumerate(orders, 1))):
        latest_s = due_s[-1] - int(seconds[order.place, places[n + 1]]) - order.service_s
        due_s.append(min(latest_s, order.windows[-1].end_s) if order.windows else latest_s)
    return Gaps(np.asarray(places[:-1]), np.asarray(places[1:]), np.asarray(leave_s), np.asarray(due_s[::-1]))


def in_time(problem: Problem, number: int, gaps: Gaps) -> NDArray[np.bool_]:
    """Where the order can be served, and the driver still be where the route goes on, if there were no breaks."""
    order = problem.orders[number]
    start_s = gaps.leave_s + problem.seconds[gaps.before, order.place]
    possible: NDArray[np.bool_] = np.ones(len(start_s), bool)
    if order.windows:
        start_s = np.maximum(start_s, order.windows[0].start_s)
        possible = start_s <= order.windows[-1].end_s
    possible &= start_s + order.service_s + problem.seconds[order.place, gaps.after] <= gaps.due_s
    return possible
