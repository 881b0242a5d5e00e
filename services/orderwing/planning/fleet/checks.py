"""What no schema can say of a problem: every mistake, with the field it is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from orderwing.planning.distances.haversine import Haversine
from orderwing.planning.distances.places import Places
from orderwing.planning.fleet.document import DepotIn, DriverIn, FleetProblem, Hours, OrderIn
from orderwing.planning.fleet.problem import ALWAYS
from orderwing_schemas.domain import Point

_FAR_M, _NEAR_M = 1_000_000, 300_000  # of every depot as it stands, and of one if swapped
_ALWAYS = Hours(start_s=ALWAYS.start_s, end_s=ALWAYS.end_s)
Path = tuple[str | int, ...]


class Issue(NamedTuple):
    """One mistake; `path` leads to the field."""

    path: Path
    detail: str

    @property
    def field(self) -> str:
        """`orders[3].windows[0].end_s`"""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")

    @property
    def sentence(self) -> str:
        """With its field, if it is not the whole that is wrong."""
        return f"{self.field}: {self.detail}" if self.path else self.detail

    @property
    def pointer(self) -> str:
        """The same as a JSON pointer."""
        return "#" + "".join(f"/{part}" for part in self.path)


class BadProblemError(ValueError):
    """A problem that cannot be meant."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(issue.sentence for issue in issues))
        self.issues = tuple(issues)


def issues(asked: FleetProblem) -> Iterator[Issue]:
    yield from _doubles(asked)
    depots = {depot.depot_id: depot for depot in asked.depots}
    for n, depot in enumerate(asked.depots):
        yield from _hours(depot.hours or _ALWAYS, ("depots", n, "hours"))
    for n, order in enumerate(asked.orders):
        yield from _order(asked, order, ("orders", n), depots)
    for n, driver in enumerate(asked.drivers):
        yield from _driver(asked, driver, ("drivers", n), depots)
    yield from _points(asked) if asked.matrix is None else _matrix(asked)


def _doubles(asked: FleetProblem) -> Iterator[Issue]:
    named = {
        ("dimensions", ""): asked.dimensions,
        ("depots", "depot_id"): [depot.depot_id for depot in asked.depots],
        ("orders", "order_id"): [order.order_id for order in asked.orders],
        ("drivers", "driver_id"): [driver.driver_id for driver in asked.drivers],
    }
    for (where, field), ids in named.items():
        seen: dict[str, int] = {}
        for n, name in enumerate(ids):
            first = seen.setdefault(name, n)
            if first != n:
                yield Issue((where, n, field) if field else (where, n), f"{name} is already {where}[{first}]")


def _hours(hours: Hours, path: Path) -> Iterator[Issue]:
    if hours.end_s < hours.start_s:
        yield Issue((*path, "end_s"), f"{hours.end_s} is before start_s, {hours.start_s}")


def _amounts(asked: FleetProblem, amounts: Sequence[int] | None, path: Path) -> Iterator[Issue]:
    if amounts is not None and len(amounts) != len(asked.dimensions):
        yield Issue(path, f"has {len(amounts)} amounts for {len(asked.dimensions)} dimensions")


def _order(asked: FleetProblem, order: OrderIn, path: Path, depots: dict[str, DepotIn]) -> Iterator[Issue]:
    yield from _amounts(asked, order.load, (*path, "load"))
    if order.depot_id is not None and order.depot_id not in depots:
        yield Issue((*path, "depot_id"), f"there is no depot {order.depot_id}")
    for n, window in enumerate(order.windows):
        yield from _hours(window, (*path, "windows", n))
    for n, (first, second) in enumerate(pairwise(order.windows), 1):
        if second.start_s <= first.end_s:
            yield Issue((*path, "windows", n, "start_s"), "is not after the window before")


def _driver(asked: FleetProblem, driver: DriverIn, path: Path, depots: dict[str, DepotIn]) -> Iterator[Issue]:
    for field, name in (("depot_id", driver.depot_id), ("end_depot_id", driver.end_depot_id)):
        if name is not None and name not in depots:
            yield Issue((*path, field), f"there is no depot {name}")
    yield from _amounts(asked, driver.capacity, (*path, "capacity"))
    yield from _amounts(asked, driver.minimum_load, (*path, "minimum_load"))
    if not any(driver.capacity):
        yield Issue((*path, "capacity"), "is zero: nothing can be carried")
    for n, (least, most) in enumerate(zip(driver.minimum_load or (), driver.capacity, strict=False)):
        if least > most:
            yield Issue((*path, "minimum_load", n), f"{least} is more than the capacity, {most}")
    if driver.max_stops is not None and driver.min_stops > driver.max_stops:
        yield Issue((*path, "min_stops"), f"{driver.min_stops} is more than max_stops, {driver.max_stops}")
    yield from _hours(driver.shift, (*path, "shift"))
    for name in {driver.depot_id, driver.end_depot_id or driver.depot_id} & depots.keys():
        hours = depots[name].hours or _ALWAYS
        if max(hours.start_s, driver.shift.start_s) > min(hours.end_s, driver.shift.end_s):
            yield Issue((*path, "shift"), f"is outside the hours of depot {name}")
    yield from _breaks(driver, path)


def _breaks(driver: DriverIn, path: Path) -> Iterator[Issue]:
    free_s = driver.shift.start_s
    for n, pause in enumerate(driver.breaks):
        where = (*path, "breaks", n)
        if pause.latest_s < pause.earliest_s:
            yield Issue((*where, "latest_s"), f"{pause.latest_s} is before earliest_s, {pause.earliest_s}")
        elif pause.earliest_s < driver.shift.start_s:
            yield Issue((*where, "earliest_s"), "is before the shift begins")
        elif pause.latest_s + pause.duration_s > driver.shift.end_s:
            yield Issue((*where, "latest_s"), "is too late to end within the shift")
        elif max(free_s, pause.earliest_s) > pause.latest_s:
            yield Issue((*where, "latest_s"), "is over before the break before it can be")
        free_s = max(free_s, pause.earliest_s) + pause.duration_s


def _matrix(asked: FleetProblem) -> Iterator[Issue]:
    assert asked.matrix is not None
    size, known = len(asked.matrix.places), set(asked.matrix.places)
    if len(known) < size:
        yield Issue(("matrix", "places"), "names a place twice")
    for field, rows in (("metres", asked.matrix.metres), ("seconds", asked.matrix.seconds)):
        if len(rows) != size:
            yield Issue(("matrix", field), f"has {len(rows)} rows for {size} places")
        for n, row in enumerate(rows):
            if len(row) != size:
                yield Issue(("matrix", field, n), f"has {len(row)} columns for {size} places")
    for where, all_of in (("depots", asked.depots), ("orders", asked.orders)):
        for n, one in enumerate(all_of):
            if one.place is None:
                yield Issue((where, n, "place"), "is missing: there is a matrix")
            elif one.place not in known:
                yield Issue((where, n, "place"), f"{one.place} is not among the matrix's places")


def _points(asked: FleetProblem) -> Iterator[Issue]:
    wrong = False
    for where, all_of in (("depots", asked.depots), ("orders", asked.orders)):
        for n, one in enumerate(all_of):
            if one.point is None:
                wrong = True
                yield Issue((where, n, "point"), "is missing: there is no matrix")
            elif one.point.latitude == 0 and one.point.longitude == 0:
                wrong = True
                yield Issue((where, n, "point"), "is 0, 0, which is in the Atlantic and means not known")
    if not wrong:
        yield from _swapped(asked)


def _swapped(asked: FleetProblem) -> Iterator[Issue]:
    """Orders that are far from every depot as they stand, and near one the other way round."""
    depots = Places.at([depot.point for depot in asked.depots if depot.point is not None])
    points = [order.point for order in asked.orders if order.point is not None]
    near_m = _nearest_m(points, depots)
    for n in np.flatnonzero(near_m > _FAR_M):
        point = points[n]
        if abs(point.longitude) > 90:
            continue
        other_m = int(_nearest_m([Point(latitude=point.longitude, longitude=point.latitude)], depots)[0])
        if other_m < _NEAR_M:
            yield Issue(
                ("orders", int(n), "point"),
                f"is {near_m[n] // 1000} km from every depot, and {other_m // 1000} km from one with latitude and "
                "longitude swapped: they seem to be",
            )


def _nearest_m(points: Sequence[Point], depots: Places) -> np.ndarray:
    metres, _ = Haversine(1_000.0).matrix(Places.at(points), depots)
    nearest: np.ndarray = metres.min(axis=1)
    return nearest
