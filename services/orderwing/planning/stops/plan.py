"""Fewest stops, level by level: deliveries that share what a level names are joined along the street."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import asin, cos, inf, radians, sin, sqrt
from operator import attrgetter

from orderwing.planning.addresses import Door
from orderwing.planning.stops.problem import Degrees, Drop, Handling, Level, Problem, check, feature

EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class Group:
    """Orders in the sequence in which they are walked. `at` is the order at whose door the van halts.

    `service_s` is for the whole group as one stop, `walk_m` from the first door to the last.
    """

    orders: tuple[str, ...]
    at: str
    doors: int
    parcels: int
    service_s: int
    walk_m: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`groups` by level, in the problem's order of levels. `alone`: (order, why) of those too large for any company."""

    groups: tuple[tuple[Group, ...], ...]
    alone: tuple[tuple[str, str], ...]

    @property
    def stops(self) -> tuple[Group, ...]:
        return self.groups[-1]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A group in the making: its drops in walking order, the seconds spent inside, the metres walked."""

    drops: tuple[Drop, ...]
    parcels: int
    inside_s: int
    walk_m: float

    @property
    def place(self) -> tuple[float, str, str, str, str]:
        first = self.drops[0]
        door, number = first.door, first.door.number
        return (inf if number is None else number, door.house, door.area, door.unit, first.order_id)


def plan(problem: Problem) -> Plan:
    """The stops. Raises ProblemError.

    Along a street, of all ways to cut it into groups within the bounds, this one has the fewest: as a part of a
    feasible group is feasible, to fill each group before the next is begun is optimal. So neither time nor chance
    come into it.
    """
    check(problem)
    pieces = [_single(drop, problem.handling) for drop in problem.drops]
    levels = []
    for level in problem.levels:
        pieces = list(_joined(level, problem.handling, pieces))
        levels.append(tuple(_group(piece, problem.handling) for piece in pieces))
    return Plan(tuple(levels), tuple(sorted(_alone(problem))))


def _single(drop: Drop, handling: Handling) -> _Piece:
    return _Piece((drop,), drop.parcels, drop.parcels * handling.parcel_s, 0.0)


def _joined(level: Level, handling: Handling, pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    alike: dict[tuple[str, ...], list[_Piece]] = {}
    for piece in pieces:
        door = piece.drops[0].door
        alike.setdefault((door.country, *(feature(door, name) for name in level.same)), []).append(piece)
    for key in sorted(alike):
        yield from _cut(level, handling, sorted(alike[key], key=attrgetter("place")))


def _cut(level: Level, handling: Handling, row: Sequence[_Piece]) -> Iterator[_Piece]:
    """Each group as long as the bounds allow, from the first of the row on."""
    current = row[0]
    for piece in row[1:]:
        gap_m = 0.0 if level.max_gap_m is None else _gap_m(current.drops[-1], piece.drops[0], handling)
        joined = _Piece(
            current.drops + piece.drops,
            current.parcels + piece.parcels,
            current.inside_s + piece.inside_s + level.further_s,
            current.walk_m + piece.walk_m + gap_m,
        )
        if _fits(level, joined, gap_m):
            current = joined
        else:
            yield current
            current = piece
    yield current


def _fits(level: Level, piece: _Piece, gap_m: float) -> bool:
    if len(piece.drops) > level.max_orders or piece.parcels > level.max_parcels:
        return False
    if level.max_walk_m is None or level.max_gap_m is None:
        return True
    return gap_m <= level.max_gap_m and piece.walk_m <= level.max_walk_m


def _gap_m(a: Drop, b: Drop, handling: Handling) -> float:
    """Between neighbours: as the crow flies, else by their numbers within one postcode; else they are no neighbours.

    Without a postcode nothing says that it is one street: cities have several of one name.
    """
    if a.door.key[:-1] == b.door.key[:-1]:  # one house
        return 0.0
    if a.point is not None and b.point is not None:
        return _metres(a.point, b.point)
    if a.door.number is None or b.door.number is None or not _one_postcode(a.door, b.door):
        return inf
    return abs(a.door.number - b.door.number) * handling.metres_per_number


def _one_postcode(a: Door, b: Door) -> bool:
    return bool(a.postcode) and a.area == b.area


def _metres(a: Degrees, b: Degrees) -> float:
    north, east = radians(b[0] - a[0]) / 2, radians(b[1] - a[1]) / 2
    chord = sin(north) ** 2 + cos(radians(a[0])) * cos(radians(b[0])) * sin(east) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _group(piece: _Piece, handling: Handling) -> Group:
    drops = piece.drops
    return Group(
        orders=tuple(drop.order_id for drop in drops),
        at=_halt(drops),
        doors=len({drop.door.key for drop in drops}),
        parcels=piece.parcels,
        service_s=handling.stop_s + piece.inside_s,
        walk_m=round(piece.walk_m),
    )


def _halt(drops: Sequence[Drop]) -> str:
    """The door with half of the parcels before it and half behind: the least carrying, were all doors as far apart."""
    left = sum(drop.parcels for drop in drops) / 2
    for drop in drops:
        left -= drop.parcels
        if left <= 0:
            return drop.order_id
    return drops[-1].order_id


def _alone(problem: Problem) -> Iterator[tuple[str, str]]:
    most = max(level.max_parcels for level in problem.levels)
    for drop in problem.drops:
        if drop.parcels > most:
            yield drop.order_id, f"{drop.parcels} parcels, and a stop takes {most}"
