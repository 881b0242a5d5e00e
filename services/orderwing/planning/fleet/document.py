"""A fleet's problem as JSON, in files and over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from orderwing_schemas.base import Id, Model
from orderwing_schemas.domain import Point

MOST_ORDERS, MOST_DRIVERS, MOST_DEPOTS = 1_000, 200, 50
_MOST_PLACES = MOST_ORDERS + MOST_DEPOTS
T = TypeVar("T")
Many = Annotated[tuple[T, ...], Field(strict=False)]  # JSON has lists only
Seconds = Annotated[int, Field(ge=0, le=7 * 86_400)]  # since the day's midnight, or a duration
Units = Annotated[int, Field(ge=0, le=10**9)]
Metres = Annotated[int, Field(ge=0, le=10**8)]  # more than two thirds round the earth
Loads = Annotated[Many[Units], Field(min_length=1, max_length=5)]
Skills = Annotated[Many[Id], Field(max_length=20)]


class Hours(Model):
    """Both ends included."""

    start_s: Seconds
    end_s: Seconds


class Break(Model):
    """Begins between `earliest_s` and `latest_s`; may interrupt a drive, never a stop."""

    duration_s: Annotated[int, Field(gt=0, le=86_400)]
    earliest_s: Seconds
    latest_s: Seconds


class Place(Model):
    """Where something is: `place` names a row of the matrix; without a matrix `point` is wanted."""

    point: Point | None = None
    place: Id | None = None


class DepotIn(Place):
    """Where vans leave and return, within `hours` (none: at any time)."""

    depot_id: Id
    hours: Hours | None = None


class OrderIn(Place):
    """One stop. `load`: an amount for each of the problem's dimensions, 1 of each if absent.

    `priority` weighs orders that are not EXPRESS against each other. Service, of `service_s`, begins within one of
    `windows`. `depot_id`: the only depot that has the goods.
    """

    order_id: Id
    load: Loads | None = None
    service_level: Literal["EXPRESS", "STANDARD"] = "STANDARD"
    priority: Annotated[int, Field(ge=1, le=1_000)] = 1
    windows: Annotated[Many[Hours], Field(max_length=10)] = ()
    service_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    skills: Skills = ()
    depot_id: Id | None = None


class DriverIn(Model):
    """`capacity` is the most a driver carries and `minimum_load` the least, of each dimension.

    The least, of load and of stops, binds only who leaves at all, and yields to EXPRESS. `end_depot_id`: where the
    route ends, the start if absent.
    """

    driver_id: Id
    depot_id: Id
    end_depot_id: Id | None = None
    capacity: Loads
    minimum_load: Loads | None = None
    max_stops: Annotated[int, Field(ge=1, le=MOST_ORDERS)] | None = None
    min_stops: Annotated[int, Field(ge=0, le=MOST_ORDERS)] = 0
    shift: Hours = Hours(start_s=0, end_s=86_400)
    breaks: Annotated[Many[Break], Field(max_length=5)] = ()
    skills: Skills = ()


class MatrixIn(Model):
    """`metres` and `seconds` from each of `places` (row) to each (column); null where no road leads."""

    places: Annotated[Many[Id], Field(min_length=1, max_length=_MOST_PLACES)]
    metres: Annotated[Many[Many[Metres | None]], Field(max_length=_MOST_PLACES)]
    seconds: Annotated[Many[Many[Seconds | None]], Field(max_length=_MOST_PLACES)]


class TravelIn(Model):
    """How straight lines become ways where there is no matrix."""

    speed_kmh: Annotated[float, Field(ge=1, le=200, allow_inf_nan=False)] = 30.0
    detour_factor: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)] = 1.3


class FleetProblem(Model):
    """Orders to allocate to drivers. `dimensions` names what loads and capacities count, each in a unit of its own."""

    dimensions: Annotated[Many[Id], Field(min_length=1, max_length=5)] = ("load",)
    depots: Annotated[Many[DepotIn], Field(min_length=1, max_length=MOST_DEPOTS)]
    orders: Annotated[Many[OrderIn], Field(min_length=1, max_length=MOST_ORDERS)]
    drivers: Annotated[Many[DriverIn], Field(min_length=1, max_length=MOST_DRIVERS)]
    matrix: MatrixIn | None = None
    travel: TravelIn = TravelIn()


class ScoreOut(Model):
    """What is made least, the first first. `shortfall`: units and stops missing to minimums."""

    express_left_out: int
    shortfall: int
    priority_left_out: int
    distance_m: int


class StopOut(Model):
    """Service from `start_s` to `leave_s`; `leg_m` from the stop before."""

    order_id: str
    arrive_s: int
    start_s: int
    leave_s: int
    leg_m: int


class RouteOut(Model):
    """`shortfall`: missing to the driver's minimum, by dimension and then in stops."""

    driver_id: str
    leave_s: int
    stops: Many[StopOut]
    back_s: int
    breaks: Many[Hours]
    distance_m: int
    load: Many[int]
    shortfall: Many[int]


class UnservedOut(Model):
    order_id: str
    reason: str
    detail: str


class Allocation(Model):
    """`bound`: no plan leaves out less, and none that serves the same orders drives less. `proven`: nor is any better.

    `distances`: `matrix` as given, or who answered: `haversine`, `osrm`, `graphhopper`. `estimated`: a road engine was
    wanted and did not answer, so these are straight lines times a factor. `method`: how the routes were found.
    """

    routes: Many[RouteOut]
    unserved: Many[UnservedOut]
    score: ScoreOut
    bound: ScoreOut
    proven: bool
    method: str
    distances: str
    estimated: bool = False
    notes: Many[str]
