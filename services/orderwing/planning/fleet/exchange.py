"""From a document to a problem, and from a plan to its document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from orderwing.planning.distances import Distances, Places
from orderwing.planning.distances.haversine import Haversine
from orderwing.planning.fleet.answer import Plan, Score
from orderwing.planning.fleet.checks import BadProblemError, Issue, issues
from orderwing.planning.fleet.document import (
    Allocation,
    DriverIn,
    FleetProblem,
    Hours,
    MatrixIn,
    OrderIn,
    RouteOut,
    ScoreOut,
    StopOut,
    UnservedOut,
)
from orderwing.planning.fleet.problem import ALWAYS, UNREACHABLE, Depot, Driver, Matrix, Order, Pause, Problem, Window


def parse(text: str | bytes) -> FleetProblem:
    """Raises BadProblemError."""
    try:
        found = FleetProblem.model_validate_json(text)
    except ValidationError as error:
        raise BadProblemError(told(error.errors(include_url=False, include_context=False))) from None
    json.loads(text, object_pairs_hook=once)
    return found


def once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, of which the last of two fields would silently win. Raises BadProblemError."""
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        twice = [name for name in found if names.count(name) > 1]
        raise BadProblemError([Issue((), f"{name} is given twice in one object") for name in twice])
    return found


def told(errors: Iterable[object]) -> list[Issue]:
    """What pydantic found, without the values that were sent."""
    found = []
    for error in errors:
        assert isinstance(error, dict)
        path, text = tuple(error["loc"]), str(error["msg"])
        if path[-1:] == ("latitude",) and "than or equal" in text:
            text += " (are latitude and longitude swapped?)"
        found.append(Issue(path, text))
    # A list of which one item is wrong is told to be too short, too.
    return [one for one in found if not any(other.path[: len(one.path)] == one.path != other.path for other in found)]


class Prepared(NamedTuple):
    """A problem with its distances. `source` is `matrix` or who answered; `estimated` as in `Allocation`."""

    problem: Problem
    source: str
    estimated: bool = False


def problem_of(asked: FleetProblem) -> Problem:
    """With straight lines where the document has no matrix. Raises BadProblemError."""
    return prepared(asked).problem


def prepared(asked: FleetProblem, distances: Distances | None = None) -> Prepared:
    """`distances` answers where the document has no matrix; none: straight lines. Raises BadProblemError."""
    found = list(issues(asked))
    if found:
        raise BadProblemError(found)
    if asked.matrix is not None:
        index = {place: n for n, place in enumerate(asked.matrix.places)}
        of_depots = [index[depot.place or ""] for depot in asked.depots]
        of_orders = [index[order.place or ""] for order in asked.orders]
        metres, seconds = _given(asked.matrix)
        source, estimated = "matrix", False
    else:
        of_depots = list(range(len(asked.depots)))
        of_orders = list(range(len(asked.depots), len(asked.depots) + len(asked.orders)))
        places = Places.at([one.point for one in (*asked.depots, *asked.orders) if one.point is not None])
        travel = asked.travel
        port = distances or Haversine(travel.speed_kmh / 3.6, travel.detour_factor)
        ways = port.matrix(places, places)
        metres, seconds = (values.astype(np.int64) for values in ways)
        source, estimated = ways.source, ways.estimated
    depots = zip(asked.depots, of_depots, strict=True)
    problem = Problem(
        tuple(Depot(depot.depot_id, place, _window(depot.hours)) for depot, place in depots),
        tuple(_order(asked, order, place) for order, place in zip(asked.orders, of_orders, strict=True)),
        tuple(_driver(driver) for driver in asked.drivers),
        metres,
        seconds,
        asked.dimensions,
    )
    return Prepared(problem, source, estimated)


def _given(matrix: MatrixIn) -> tuple[Matrix, Matrix]:
    """A way is only one that has both."""
    both = [
        np.asarray([[UNREACHABLE if value is None else value for value in row] for row in rows], np.int64)
        for rows in (matrix.metres, matrix.seconds)
    ]
    blocked = (both[0] == UNREACHABLE) | (both[1] == UNREACHABLE)
    for values in both:
        values[blocked] = UNREACHABLE
        np.fill_diagonal(values, 0)
    return both[0], both[1]


def _window(hours: Hours | None) -> Window:
    return ALWAYS if hours is None else Window(hours.start_s, hours.end_s)


def _order(asked: FleetProblem, order: OrderIn, place: int) -> Order:
    return Order(
        order.order_id,
        place,
        order.load or (1,) * len(asked.dimensions),
        order.service_level == "EXPRESS",
        order.priority,
        tuple(_window(window) for window in order.windows),
        order.service_s,
        frozenset(order.skills),
        order.depot_id,
    )


def _driver(driver: DriverIn) -> Driver:
    return Driver(
        driver.driver_id,
        driver.depot_id,
        driver.end_depot_id or driver.depot_id,
        driver.capacity,
        driver.minimum_load or (0,) * len(driver.capacity),
        driver.max_stops,
        driver.min_stops,
        _window(driver.shift),
        tuple(Pause(pause.duration_s, pause.earliest_s, pause.latest_s) for pause in driver.breaks),
        frozenset(driver.skills),
    )


def allocation(plan: Plan, bound: Score, asked: Prepared) -> Allocation:
    return Allocation(
        routes=tuple(
            RouteOut(
                driver_id=route.driver_id,
                leave_s=route.leave_s,
                stops=tuple(StopOut(**stop._asdict()) for stop in route.stops),
                back_s=route.back_s,
                breaks=tuple(Hours(start_s=begin_s, end_s=end_s) for begin_s, end_s in route.breaks),
                distance_m=route.distance_m,
                load=route.load,
                shortfall=route.shortfall,
            )
            for route in plan.routes
        ),
        unserved=tuple(UnservedOut(**one._asdict()) for one in plan.unserved),
        score=_score(plan.score),
        bound=_score(bound),
        proven=plan.proven,
        method=plan.method,
        distances=asked.source,
        estimated=asked.estimated,
        notes=plan.notes,
    )


def _score(score: Score) -> ScoreOut:
    return ScoreOut(**score._asdict())
