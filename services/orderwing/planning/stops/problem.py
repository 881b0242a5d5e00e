"""What is to be delivered where, and by which rules deliveries share a stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from orderwing.planning.addresses import Address, AddressError, Door, completed, read
from orderwing.planning.distances import Area, BadPointError, Places

Feature = Literal["area", "district", "street", "side", "house", "unit"]
Degrees = tuple[float, float]  # latitude, longitude, WGS 84

MOST_PARCELS = 1_000_000
_IMPLIES: dict[Feature, tuple[Feature, ...]] = {"area": ("district",), "house": ("side",)}
_AREAS = {"GB": Area(south=49.8, west=-8.7, north=60.9, east=1.8)}


class ProblemError(ValueError):
    """Input that no stops can be made of. The message begins with the field's path and never repeats an address."""


class Delivery(NamedTuple):
    """An order as it comes. `point` is where its house stands; None if no more than the town is known."""

    order_id: str
    address: Address
    parcels: int = 1
    point: Degrees | None = None


class Drop(NamedTuple):
    """A delivery whose address has been read."""

    order_id: str
    door: Door
    parcels: int = 1
    point: Degrees | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """What a group of this level shares beside the country, and how large it may become.

    `further_s`: seconds for each group of the level below but the first. `max_walk_m` bounds the walk from the first
    door of a group to its last, `max_gap_m` each piece of it; None where all is under one roof. A delivery that is
    larger than a bound by itself stands alone.
    """

    name: str
    same: tuple[Feature, ...]
    further_s: int = 0
    max_orders: int = 40
    max_parcels: int = 60
    max_walk_m: int | None = None
    max_gap_m: int | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """`stop_s` for each stop (halt, find, walk back), `parcel_s` for each parcel handed over.

    `metres_per_number`: between doors without points, how far apart house numbers that differ by one are taken to be.
    """

    stop_s: int = 90
    parcel_s: int = 20
    metres_per_number: float = 4.0


LEVELS = (
    Level("address", ("area", "street", "house", "unit")),
    Level("building", ("area", "street", "house"), further_s=40),
    Level("street side", ("district", "street", "side"), further_s=25, max_walk_m=100, max_gap_m=40),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Each level's groups are made of whole groups of the level before it; the last level's groups are the stops."""

    drops: tuple[Drop, ...]
    levels: tuple[Level, ...] = LEVELS
    handling: Handling = Handling()


def problem_of(
    deliveries: Iterable[Delivery], levels: Sequence[Level] = LEVELS, handling: Handling = Handling()
) -> Problem:
    """Read the addresses, and complete them from each other. Raises ProblemError."""
    listed = tuple(deliveries)
    doors = [_door(n, delivery) for n, delivery in enumerate(listed)]
    drops = tuple(Drop(d.order_id, door, d.parcels, d.point) for d, door in zip(listed, completed(doors), strict=True))
    problem = Problem(drops, tuple(levels), handling)
    check(problem)
    return problem


def check(problem: Problem) -> None:
    """Raises ProblemError for the first field that cannot be meant."""
    for complaint in (*_of_rules(problem.levels, problem.handling), *_of_drops(problem.drops)):
        raise ProblemError(complaint)


def feature(door: Door, name: Feature) -> str:
    """`side` is the parity of the house number: British streets number one side odd, the other even."""
    match name:
        case "side":
            return "" if door.number is None else "odd" if door.number % 2 else "even"
        case "area":
            return door.area
        case "district":
            return door.district
        case "street":
            return door.street
        case "house":
            return door.house
        case "unit":
            return door.unit


def _door(n: int, delivery: Delivery) -> Door:
    try:
        return read(delivery.address)
    except AddressError as error:
        raise ProblemError(f"deliveries[{n}].address.{error}") from None


def _of_drops(drops: Sequence[Drop]) -> Iterator[str]:
    repeated = Counter(drop.order_id for drop in drops)
    points: dict[str, list[tuple[str, float, float]]] = {}
    for n, drop in enumerate(drops):
        if not drop.order_id:
            yield f"deliveries[{n}].order_id is empty"
        if repeated[drop.order_id] > 1:
            yield f"deliveries[{n}].order_id occurs {repeated[drop.order_id]} times"
        if not 0 < drop.parcels <= MOST_PARCELS:
            yield f"deliveries[{n}].parcels is {drop.parcels}, not within 1 to {MOST_PARCELS}"
        if drop.point is not None:
            points.setdefault(drop.door.country, []).append((f"{n}", *drop.point))
    for country, rows in points.items():
        try:
            Places.of(rows, _AREAS.get(country))
        except BadPointError as error:
            yield f"deliveries[{error.point}].point.{error.field} {_without_values(error)}"


def _without_values(error: BadPointError) -> str:
    """Where somebody lives is in no message."""
    hint = " (latitude and longitude seem to be swapped)" if "swapped" in str(error) else ""
    return f"cannot be meant{hint}"


def _of_rules(levels: Sequence[Level], handling: Handling) -> Iterator[str]:
    if not levels:
        yield "levels is empty"
    for n, level in enumerate(levels):
        for name in ("max_orders", "max_parcels"):
            if getattr(level, name) < 1:
                yield f"levels[{n}].{name} is less than 1"
        for name in ("further_s", "max_walk_m", "max_gap_m"):
            if (getattr(level, name) or 0) < 0:
                yield f"levels[{n}].{name} is negative"
        if (level.max_walk_m is None) != (level.max_gap_m is None):
            yield f"levels[{n}].max_gap_m goes with max_walk_m: both or neither"
        if level.max_walk_m is not None and any(f.max_walk_m is None and "house" not in f.same for f in levels[:n]):
            yield f"levels[{n}].max_walk_m comes too late: groups of a level before may span a whole street"
        if n:
            finer = {f for known in levels[n - 1].same for f in (known, *_IMPLIES.get(known, ()))}
            if strange := set(level.same) - finer:
                yield f"levels[{n}].same names {min(strange)}, which groups of levels[{n - 1}] do not share"
    if handling.stop_s < 0 or handling.parcel_s < 0:
        yield "handling.stop_s and handling.parcel_s are seconds, not negative"
    if not 0 <= handling.metres_per_number < float("inf"):
        yield "handling.metres_per_number is not a number of metres"
