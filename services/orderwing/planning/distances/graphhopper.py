"""GraphHopper's route service: its open source has no matrix, but a route may have many legs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.haversine import pairwise_m
from orderwing.planning.distances.http import Client
from orderwing.planning.distances.places import Places
from orderwing.planning.distances.points import Distinct, Indices, distinct
from orderwing.planning.distances.port import EngineError, Matrix, unreachable, whole
from orderwing.planning.distances.trail import trails

_DIGITS = 6
_LOST = ("PointNotFoundException", "PointOutOfBoundsException")
_NO_WAY = "ConnectionNotFoundException"
_Details = list[tuple[int, int, float]]


class _Path(msgspec.Struct):
    """`details` by name: from and to which point of the line, and the value of that leg."""

    details: dict[str, _Details]
    snapped_waypoints: str
    points_encoded_multiplier: float = 1e5


class _Hint(msgspec.Struct):
    details: str = ""
    point_index: int | None = None


class _Answer(msgspec.Struct):
    """Either paths, or what is wrong."""

    paths: list[_Path] = []
    message: str = ""
    hints: Any = None


class GraphHopper:
    """Road distances of one GraphHopper server, asked as routes of at most `legs` legs, `connections` at once.

    A point farther than `snap_m` from the road that GraphHopper takes for it is unreachable; None allows any.
    """

    name = "graphhopper"

    def __init__(
        self,
        url: str,
        profile: str = "car",
        *,
        legs: int = 400,
        snap_m: float | None = 500.0,
        connections: int = 2,
        timeout_s: float = 30.0,
    ) -> None:
        self.profile = profile
        self._client = Client("GraphHopper", url, timeout_s, connections)
        self._legs = legs
        self._snap_m = snap_m

    def data_version(self) -> str:
        """Its version, when it imported the map, and the map's own date."""
        _, body = self._client.get("/info")
        told = self._client.read(dict[str, Any], body)
        return " ".join(str(told.get(name, "")) for name in ("version", "import_date", "data_date"))

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        asked = distinct(origins.degrees, destinations.degrees, _DIGITS)
        legs = _Legs(self._client, self.profile, asked, self._snap_m)
        points = len(asked.degrees)
        # A tour of all points tells for little which are off the road: later each would cut walks into pieces.
        tour = list(range(points)) if asked.rows.size * asked.columns.size > 4 * points else []
        toured = all(map(legs.known, _cut(tour, self._legs)))
        if not toured or not all(self._client.each(legs.known, self._walks(*legs.on_road()))):
            for rows, columns in legs.connected(self._legs):
                for _ in self._client.each(legs.ask, self._walks(rows, columns)):
                    pass
        return legs.matrix(self.name)

    def _walks(self, rows: Indices, columns: Indices) -> Iterator[list[int]]:
        for trail in trails(rows, columns):
            yield from _cut(trail, self._legs)

    def close(self) -> None:
        self._client.close()


def _cut(walk: list[int], legs: int) -> Iterator[list[int]]:
    """Into pieces of so many legs, each beginning where the one before ended."""
    for first in range(0, len(walk) - 1, legs):
        yield walk[first : first + legs + 1]


class _Legs:
    """What is known of the legs of one matrix."""

    def __init__(self, client: Client, profile: str, asked: Distinct, snap_m: float | None) -> None:
        self._client = client
        self._profile = profile
        self._asked = asked
        self._snap_m = snap_m
        self._lost: set[int] = set()  # points that no road is near
        self._no_way: set[tuple[int, int]] = set()
        # By the number of the point among the different origins and among the different destinations.
        self._row, self._column = _numbers(asked.rows, asked.degrees), _numbers(asked.columns, asked.degrees)
        shape = (int(self._row.max(initial=-1)) + 1, int(self._column.max(initial=-1)) + 1)
        self._metres, self._seconds = (unreachable(*shape) for _ in range(2))
        self._longitude_first = asked.degrees[:, ::-1].tolist()  # a POST names points so, a GET the other way round

    def known(self, walk: list[int]) -> bool:
        """Learn all legs of a walk, or give up because one of them has no way."""
        return self.ask(walk, halve=False)

    def ask(self, points: list[int], *, halve: bool = True) -> bool:
        """Learn all legs of a walk. Where one has no way the walk is halved, and again, to find it."""
        walks = [points]
        while walks:
            walk = walks.pop()
            pieces = self._without_lost(walk)
            if pieces != [walk]:
                walks.extend(pieces)
                continue
            path, reason, where = self._route(walk)
            if path is not None:
                self._note(walk, path)
            elif reason == _NO_WAY and not halve:
                return False
            elif reason == _NO_WAY and len(walk) == 2:
                self._no_way.add((walk[0], walk[1]))
            elif reason == _NO_WAY:
                middle = len(walk) // 2
                walks += [walk[: middle + 1], walk[middle:]]
            elif where:
                self._lost.update(walk[n] for n in where)
                walks.append(walk)
        return True

    def on_road(self) -> tuple[Indices, Indices]:
        """Origins and destinations without those that are known to have no road near them."""
        rows, columns = (np.setdiff1d(wanted, list(self._lost)) for wanted in (self._asked.rows, self._asked.columns))
        return rows.astype(np.intp), columns.astype(np.intp)

    def connected(self, legs: int) -> Iterator[tuple[Indices, Indices]]:
        """Origins and destinations between which there are ways, so that few walks need halving.

        A hub is tried from and to all points. Those with both ways to it are connected with each other; to any other
        point they have a way if the hub has, and from it likewise. The rest gets a hub of its own.
        """
        rest = list(range(len(self._asked.degrees)))
        while rest := [point for point in rest if point not in self._lost]:
            hub, *others = rest
            for walk in _cut([hub, *(n for point in others for n in (point, hub))], legs):
                self.ask(walk)
            to = {point for point in others if (hub, point) not in self._no_way}
            back = {point for point in others if (point, hub) not in self._no_way}
            group = {hub} | (to & back)
            for starts, ends in ((group, group), (group, to - group), (back - group, group)):
                yield _both(starts, self._asked.rows), _both(ends, self._asked.columns)
            rest = [point for point in rest if point not in group]

    def _without_lost(self, walk: list[int]) -> list[list[int]]:
        if self._lost.isdisjoint(walk):
            return [walk]
        pieces: list[list[int]] = [[]]
        for point in walk:
            if point in self._lost:
                pieces.append([])
            else:
                pieces[-1].append(point)
        return [piece for piece in pieces if len(piece) > 1]

    def _route(self, walk: list[int]) -> tuple[_Path | None, str, list[int]]:
        """The path; or why there is none, and which positions of the walk are off the road."""
        request = {
            "profile": self._profile,
            "points": [self._longitude_first[n] for n in walk],
            "details": ["leg_time", "leg_distance"],
            "instructions": False,
            "way_point_max_distance": 0,  # simplifying the line, which nobody reads, takes as long as all the rest
        }
        status, body = self._client.post("/route", request)
        answer = self._client.read(_Answer, body)
        if status == 200 and answer.paths:
            return answer.paths[0], "", []
        try:
            hints = msgspec.convert(answer.hints, list[_Hint])
        except msgspec.ValidationError:
            raise self._client.unexpected(body) from None
        reasons = [hint.details.rpartition(".")[2] for hint in hints]
        lost = [hint.point_index for hint, why in zip(hints, reasons, strict=True) if why in _LOST]
        where = [n for n in lost if n is not None and 0 <= n < len(walk)]
        if not where and _NO_WAY not in reasons:
            raise self._client.unexpected(body)
        return None, _NO_WAY if not where else "", where

    def _note(self, walk: list[int], path: _Path) -> None:
        times, lengths = (path.details.get(name, []) for name in ("leg_time", "leg_distance"))
        if len(times) != len(walk) - 1 or len(lengths) != len(walk) - 1:
            raise EngineError(
                f"GraphHopper at {self._client.url} does not tell each leg's time and length: it must be version 8 or "
                "newer."
            )
        visited = np.array(walk)
        rows, columns = self._row[visited[:-1]], self._column[visited[1:]]
        wanted = (rows >= 0) & (columns >= 0)
        for values, into, unit in ((lengths, self._metres, 1.0), (times, self._seconds, 1000.0)):
            try:
                found = whole(np.array([value for _, _, value in values]) / unit)
            except ValueError as error:
                raise self._unsound("a leg's time or length", error) from None
            into[rows[wanted], columns[wanted]] = found[wanted]
        if self._snap_m is not None:
            moved_m = pairwise_m(self._asked.degrees[visited], self._snapped(path, len(walk)))
            self._lost.update(visited[moved_m > self._snap_m].tolist())

    def _snapped(self, path: _Path, count: int) -> NDArray[np.float64]:
        try:
            found = decode(path.snapped_waypoints, path.points_encoded_multiplier or 1.0)
            if found.shape != (count, 2) or not (np.abs(found) <= (90, 180)).all():
                raise ValueError(f"{len(found)} of {count} points, or one that is not on Earth")
        except (ValueError, IndexError) as error:
            raise self._unsound("the points on the road", error) from None
        return found

    def _unsound(self, what: str, error: Exception) -> EngineError:
        return EngineError(f"GraphHopper at {self._client.url} tells {what} as they cannot be ({error}).")

    def matrix(self, source: str) -> Matrix:
        rows, columns = self._row[self._asked.rows], self._column[self._asked.columns]
        metres, seconds = self._metres[np.ix_(rows, columns)], self._seconds[np.ix_(rows, columns)]
        lost = np.isin(np.arange(len(self._asked.degrees)), list(self._lost))
        same = self._asked.rows[:, None] == self._asked.columns
        for values in (metres, seconds):
            values[same] = 0
            values[lost[self._asked.rows], :] = values[:, lost[self._asked.columns]] = -1
        return Matrix(metres, seconds, source)


def _both(points: set[int], wanted: Indices) -> Indices:
    return np.intersect1d(np.array(sorted(points), np.intp), wanted)


def _numbers(used: NDArray[np.intp], degrees: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each point its number among those used, -1 if it is not used."""
    numbers = np.full(len(degrees), -1, np.intp)
    chosen = np.unique(used)
    numbers[chosen] = np.arange(len(chosen))
    return numbers


def decode(line: str, per_degree: float) -> NDArray[np.float64]:
    """Latitudes and longitudes (n, 2) of Google's encoded polyline: differences, five bits a character."""
    bits = np.frombuffer(line.encode("ascii"), np.uint8).astype(np.int64) - 63
    last = bits < 32
    starts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    within = np.arange(len(bits)) - np.repeat(starts, np.diff(np.append(starts, len(bits))))
    values = np.add.reduceat((bits & 31) << (5 * within), starts)
    steps = np.where(values & 1, ~(values >> 1), values >> 1)
    return np.cumsum(steps.reshape(-1, 2), axis=0) / per_degree
