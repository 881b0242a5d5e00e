"""OSRM's table service (project-osrm.org, HTTP API v1)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.http import Client
from orderwing.planning.distances.places import Places
from orderwing.planning.distances.points import Indices, distinct
from orderwing.planning.distances.port import UNREACHABLE, EngineError, Matrix, unreachable, whole

_DIGITS = 6  # as OSRM keeps them
_SLIP = 2.0  # below nought: seen are 0.7 m, between two points of one street
_Values = list[list[float | None]]


class _Answer(msgspec.Struct):
    """`code` is Ok, NoSegment (a point is far from every road), TooBig, ..."""

    code: str
    message: str = ""
    data_version: str = ""
    distances: _Values = []
    durations: _Values = []


class _OffRoadError(EngineError):
    """All of a table is refused for one such point."""


class Osrm:
    """Road distances of one `osrm-routed`, asked in tables that it accepts.

    `limit` is its --max-table-size: a table may have limit² pairs. A point farther than `snap_m` from every road is
    unreachable; None takes the nearest road, however far. Requests are at most `max_url` characters long,
    and `connections` of them are under way at once.
    """

    name = "osrm"

    def __init__(
        self,
        url: str,
        profile: str = "driving",
        *,
        limit: int = 100,
        snap_m: int | None = 500,
        max_url: int = 8_000,
        connections: int = 2,
        timeout_s: float = 10.0,
    ) -> None:
        self.profile = profile
        self._client = Client("OSRM", url, timeout_s, connections)
        self._limit = limit
        self._snap = None if snap_m is None else str(snap_m)
        longest = len("-123.123456,-12.123456;") + len("1234;") * 2 + len(self._snap or "") + 1
        self._most_points = max(2, (max_url - 200) // longest)

    def data_version(self) -> str:
        """What `osrm-extract --data_version` was told; empty where it was told nothing."""
        _, body = self._client.get(f"/nearest/v1/{self.profile}/0,0?generate_hints=false")
        return self._client.read(_Answer, body).data_version

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        points, rows, columns = distinct(origins.degrees, destinations.degrees, _DIGITS)
        texts = [f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in points.tolist()]
        metres, seconds = (unreachable(len(rows), len(columns)) for _ in range(2))

        def fill(some_rows: Indices, some_columns: Indices) -> None:
            tables = [
                (some_rows[high], some_columns[wide])
                for high, wide in blocks(len(some_rows), len(some_columns), self._limit**2, self._most_points)
            ]
            found = self._client.each(lambda table: self._table(texts, rows[table[0]], columns[table[1]]), tables)
            for table, values in zip(tables, found, strict=True):
                metres[np.ix_(*table)], seconds[np.ix_(*table)] = values

        try:
            fill(np.arange(len(rows)), np.arange(len(columns)))
        except _OffRoadError:
            near = np.array([self._has_road(text) for text in texts])
            fill(np.flatnonzero(near[rows]), np.flatnonzero(near[columns]))
        return Matrix(metres, seconds, self.name)

    def _table(self, texts: list[str], rows: Indices, columns: Indices) -> tuple[NDArray[np.int32], ...]:
        """Metres and seconds. Raises _OffRoadError if one of the points has no road near it."""
        named, place = np.unique(np.concatenate([rows, columns]), return_inverse=True)
        query = ["annotations=duration,distance", "generate_hints=false", "skip_waypoints=true"]
        if self._snap is not None:
            query.append("radiuses=" + ";".join([self._snap] * len(named)))
        for name, chosen in (("sources", place[: len(rows)]), ("destinations", place[len(rows) :])):
            if len(chosen) < len(named) or (chosen != np.arange(len(named))).any():
                query.append(f"{name}=" + ";".join(map(str, chosen.tolist())))
        path = f"/table/v1/{self.profile}/{';'.join([texts[n] for n in named])}?{'&'.join(query)}"
        _, body = self._client.get(path)
        answer = self._client.read(_Answer, body)
        if answer.code == "NoSegment":
            raise _OffRoadError(f"OSRM at {self._client.url} finds no road near some point: {answer.message}.")
        if answer.code == "TooBig":
            raise EngineError(
                f"OSRM at {self._client.url} refuses a table of {len(rows)} x {len(columns)}: start it with "
                f"--max-table-size {self._limit}, or set the limit to what it has."
            )
        try:
            metres, seconds = (_whole(values) for values in (answer.distances, answer.durations))
        except ValueError:  # ragged, or no distances
            raise self._client.unexpected(body) from None
        sound = metres.shape == seconds.shape == (len(rows), len(columns))
        if answer.code != "Ok" or not sound or ((metres == UNREACHABLE) != (seconds == UNREACHABLE)).any():
            raise self._client.unexpected(body)
        return metres, seconds

    def _has_road(self, text: str) -> bool:
        radius = "" if self._snap is None else f"&radiuses={self._snap}"
        _, body = self._client.get(f"/nearest/v1/{self.profile}/{text}?generate_hints=false{radius}")
        return self._client.read(_Answer, body).code == "Ok"

    def close(self) -> None:
        self._client.close()


def _whole(values: object) -> NDArray[np.int32]:
    """Raises ValueError for what is no distance."""
    told = np.array(values, np.float64)
    return whole(np.where((told < 0) & (told > -_SLIP), 0.0, told))


def blocks(rows: int, columns: int, most_pairs: int, most_points: int) -> Iterator[tuple[Indices, Indices]]:
    """As few tables as may be, and of equal size: none with more pairs, or more rows and columns together."""
    if rows == 0 or columns == 0:
        return
    wide = min(columns, max(1, most_points // 2), most_pairs)
    if rows + columns <= most_points and columns <= most_pairs:
        wide = columns
    high = min(rows, max(1, most_points - wide), max(1, most_pairs // wide))
    for some_rows in np.array_split(np.arange(rows), -(-rows // high)):
        for some_columns in np.array_split(np.arange(columns), -(-columns // wide)):
            yield some_rows, some_columns
