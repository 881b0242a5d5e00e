"""The question: depots, orders, drivers, and the distances between their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64]

DAY_S = 86_400
UNREACHABLE = -1  # in both matrices


class Window(NamedTuple):
    """Seconds since the day's midnight, both ends included; may reach into later days."""

    start_s: int
    end_s: int


DAY = Window(0, DAY_S)
ALWAYS = Window(0, 7 * DAY_S)  # longer than any time may be


class Pause(NamedTuple):
    """A break of `duration_s` that begins between `earliest_s` and `latest_s`.

    It may interrupt a drive or a wait, never the service of a stop; it may also be taken at the depot.
    """

    duration_s: int
    earliest_s: int
    latest_s: int


@dataclass(frozen=True, slots=True)
class Depot:
    """`place` indexes the matrices. Vans leave and return within `hours`: shifts may reach into the next day."""

    depot_id: str
    place: int
    hours: Window = ALWAYS


@dataclass(frozen=True, slots=True)
class Order:
    """One stop. `load` has one amount for each dimension of the drivers' capacity, in that dimension's unit.

    Service, of `service_s`, begins within one of `windows` (disjoint and ascending; none: at any time). A driver must
    have all `skills`. `priority` weighs the order among those that are not EXPRESS. `depot_id`: where its goods are,
    None if at every depot.
    """

    order_id: str
    place: int
    load: tuple[int, ...]
    express: bool = False
    priority: int = 1
    windows: tuple[Window, ...] = ()
    service_s: int = 0
    skills: frozenset[str] = frozenset()
    depot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """With a van that leaves `start` full and ends at depot `end`, within `shift`.

    `minimum` (of each dimension of load) and `min_stops` bind only a driver who leaves at all. Breaks are taken in the
    order given and lie within the shift.
    """

    driver_id: str
    start: str
    end: str
    capacity: tuple[int, ...]
    minimum: tuple[int, ...] = ()
    max_stops: int | None = None
    min_stops: int = 0
    shift: Window = DAY
    breaks: tuple[Pause, ...] = ()
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Problem:
    """`metres` and `seconds`: [place, place], from row to column; UNREACHABLE where no road leads.

    `dimensions` names the amounts in loads and capacities.
    """

    depots: tuple[Depot, ...]
    orders: tuple[Order, ...]
    drivers: tuple[Driver, ...]
    metres: Matrix
    seconds: Matrix
    dimensions: tuple[str, ...] = ("load",)

    @cached_property
    def depot(self) -> dict[str, Depot]:
        return {depot.depot_id: depot for depot in self.depots}

    def hours(self, driver: Driver) -> Window:
        """When the driver may leave, and must be back: shift and both depots' hours."""
        start, end = self.depot[driver.start].hours, self.depot[driver.end].hours
        return Window(max(driver.shift.start_s, start.start_s), min(driver.shift.end_s, end.end_s))

    def load_of(self, orders: Sequence[int]) -> tuple[int, ...]:
        """Summed by dimension."""
        return tuple(sum(self.orders[order].load[k] for order in orders) for k in range(len(self.dimensions)))

    def distance_m(self, driver: Driver, orders: Sequence[int]) -> int:
        """Of the route through these orders; 0 if there are none."""
        if not orders:
            return 0
        places = [
            self.depot[driver.start].place,
            *(self.orders[o].place for o in orders),
            self.depot[driver.end].place,
        ]
        return int(sum(self.metres[a, b] for a, b in pairwise(places)))


EMPTY = Problem((), (), (), np.empty((0, 0), np.int64), np.empty((0, 0), np.int64))
