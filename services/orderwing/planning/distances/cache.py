"""Answers of an engine, kept in a file: a map changes every few weeks, customers and sites hardly ever."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.distances.places import Places
from orderwing.planning.distances.points import Indices, Keys, degrees_of, keys
from orderwing.planning.distances.port import UNREACHABLE, EngineError, Matrix, RoadEngine

_UNKNOWN = -2
_BUSY_S = 1.0
# All destinations of an origin in one row: 10,201 pairs are 101 rows to read. `id` grows with every writing.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS maps (
    id INTEGER PRIMARY KEY, engine TEXT, profile TEXT, digits INTEGER, version TEXT,
    UNIQUE (engine, profile, digits, version));
CREATE TABLE IF NOT EXISTS origins (
    id INTEGER PRIMARY KEY AUTOINCREMENT, map INTEGER NOT NULL, origin INTEGER NOT NULL,
    destinations BLOB NOT NULL, metres BLOB NOT NULL, seconds BLOB NOT NULL, UNIQUE (map, origin));
"""
_NAME = "engine = ? AND profile = ? AND digits = ?"
_READ = """
SELECT origin, destinations, metres, seconds FROM origins
WHERE map = ? AND origin IN (SELECT value FROM json_each(?))"""
_WRITE = "INSERT OR REPLACE INTO origins (map, origin, destinations, metres, seconds) VALUES (?, ?, ?, ?, ?)"
_EVICT = """
DELETE FROM origins WHERE id IN
(SELECT id FROM origins ORDER BY id LIMIT max(0, (SELECT count(*) FROM origins) - ?))"""
_Row = tuple[Keys, NDArray[np.int32], NDArray[np.int32]]


class Cached:
    """An engine that is asked only what the file does not know, for points rounded to `digits` of a degree.

    Kept by engine, profile and the map's version, which the engine is asked for at first and whenever it is asked
    anything: a new map is seen then. Of `most_origins` those written longest ago go; one that would have more than
    `most_destinations` begins anew; one that cannot be read is asked again. `trouble` is told of that and, once for
    each, why the file or the version is of no use; the engine then answers alone.
    """

    def __init__(
        self,
        engine: RoadEngine,
        file: Path,
        *,
        version: str | None = None,
        digits: int = 5,
        most_origins: int = 20_000,
        most_destinations: int = 5_000,
        trouble: Callable[[str], None],
    ) -> None:
        """`version` is for an engine that does not tell one: OSRM without --data_version."""
        self.name = engine.name
        self.profile = engine.profile
        self._engine = engine
        self._file = file
        self._given = version
        self._digits = digits
        self._most = (most_origins, most_destinations)
        self._trouble = trouble
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._version: str | None = None
        self._number: tuple[str | None, int] | None = None  # of a version in the file

    def data_version(self) -> str:
        return self._engine.data_version() if self._given is None else self._given

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        rows, row_of = np.unique(keys(origins.degrees, self._digits), return_inverse=True)
        columns, column_of = np.unique(keys(destinations.degrees, self._digits), return_inverse=True)
        found = self._kept(rows, columns)
        if found is None:
            return self._engine.matrix(origins, destinations)
        metres, seconds = (values[row_of[:, None], column_of] for values in found)
        return Matrix(metres, seconds, self.name)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _kept(self, rows: Keys, columns: Keys) -> NDArray[np.int32] | None:
        """Metres and seconds (2, rows, columns), what was missing asked and written; None without a usable file."""
        try:
            if self._version is None:
                self._version = self._first_version()
            known, kept = self._read(rows, columns)
            if (known == _UNKNOWN).any() and (version := self.data_version()) != self._version:
                self._version = version
                known, kept = self._read(rows, columns)
            if not self._version:
                self._useless(f"{self.name} does not tell the version of its map, so name one")
                return None
            gaps = list(_gaps(known[0] == _UNKNOWN))
            for high, wide in gaps:
                known[:, high[:, None], wide] = self._ask(rows[high], columns[wide])
            if gaps:
                self._write(rows, columns, known, np.concatenate([high for high, _ in gaps]), kept)
        except (sqlite3.Error, OSError) as error:
            self._useless(f"{self._file} cannot be used ({error})")
            return None
        return known

    def _useless(self, why: str) -> None:
        self._tell(f"Distances are not cached: {why}.")

    def _tell(self, trouble: str) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            self._trouble(trouble)

    def _database(self) -> sqlite3.Connection:
        if self._open is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            opened = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            opened.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
            self._open = opened
        return self._open

    def _first_version(self) -> str:
        """The engine's; while it is down the last that is in the file."""
        try:
            return self.data_version()
        except EngineError:
            name = (self.name, self.profile, self._digits)
            with self._lock:
                found = self._database().execute(f"SELECT version FROM maps WHERE {_NAME} ORDER BY id DESC", name)
                last = found.fetchone()
            if last is None:
                raise
            return str(last[0])

    def _map(self, database: sqlite3.Connection) -> int:
        if self._number is not None and self._number[0] == self._version:
            return self._number[1]
        name = (self.name, self.profile, self._digits, self._version)
        database.execute("INSERT OR IGNORE INTO maps (engine, profile, digits, version) VALUES (?, ?, ?, ?)", name)
        number = int(database.execute(f"SELECT id FROM maps WHERE {_NAME} AND version = ?", name).fetchone()[0])
        self._number = (self._version, number)
        return number

    def _read(self, rows: Keys, columns: Keys) -> tuple[NDArray[np.int32], dict[int, _Row]]:
        """What is known (2, rows, columns), and the whole rows it is from, by origin."""
        known = np.full((2, len(rows), len(columns)), _UNKNOWN, np.int32)
        kept: dict[int, _Row] = {}
        listed = rows.tolist()
        row_of = dict(zip(listed, range(len(listed)), strict=True))
        with self._lock:
            database = self._database()
            found = database.execute(_READ, (self._map(database), json.dumps(listed))).fetchall()
        before: bytes | None = None
        for origin, stored, *values in found:
            if not _sound(stored, *values):
                self._tell(f"{self._file} has rows that cannot be read: they are asked again.")
                continue
            if stored != before:  # origins that were asked together have the same destinations
                before, destinations = stored, np.frombuffer(stored, np.int64)
                at = np.minimum(np.searchsorted(destinations, columns), len(destinations) - 1)
                there = np.flatnonzero(destinations[at] == columns)
                at = at[there]
            metres, seconds = (np.frombuffer(value, np.int32) for value in values)
            kept[origin] = (destinations, metres, seconds)
            row = row_of[origin]
            known[0, row, there], known[1, row, there] = metres[at], seconds[at]
        known[:, (known < UNREACHABLE).any(axis=0)] = _UNKNOWN
        return known, kept

    def _ask(self, rows: Keys, columns: Keys) -> NDArray[np.int32]:
        """(2, rows, columns) from the engine."""
        matrix = self._engine.matrix(self._places(rows), self._places(columns))
        return np.stack([matrix.metres, matrix.seconds])

    def _places(self, points: Keys) -> Places:
        return Places(tuple(map(str, range(len(points)))), degrees_of(points, self._digits))

    def _write(
        self, rows: Keys, columns: Keys, known: NDArray[np.int32], changed: Indices, kept: dict[int, _Row]
    ) -> None:
        most_origins, most_destinations = self._most
        with self._lock:
            database = self._database()
            number = self._map(database)
            database.execute("BEGIN IMMEDIATE")
            with database:
                for row in changed.tolist():
                    origin = int(rows[row])
                    new: _Row = (columns, known[0, row], known[1, row])
                    if origin in kept:
                        new = _merged(new, kept[origin], most_destinations)
                    database.execute(_WRITE, (number, origin, *(values.tobytes() for values in new)))
                database.execute(_EVICT, (most_origins,))


def _sound(destinations: object, metres: object, seconds: object) -> bool:
    """Whether a row is one that `_write` may have written."""
    if not isinstance(destinations, bytes) or not isinstance(metres, bytes) or not isinstance(seconds, bytes):
        return False
    count, rest = divmod(len(destinations), 8)
    return count > 0 and rest == 0 and len(metres) == len(seconds) == 4 * count


def _merged(new: _Row, old: _Row, most: int) -> _Row:
    """By destination, the new first; without the old if they are too many together."""
    destinations, first = np.unique(np.concatenate([new[0], old[0]]), return_index=True)
    if len(destinations) > most:
        return new
    return destinations, np.concatenate([new[1], old[1]])[first], np.concatenate([new[2], old[2]])[first]


def _gaps(unknown: NDArray[np.bool_]) -> Iterator[tuple[Indices, Indices]]:
    """Rows and columns to ask for: rows of which nothing is known, then what is missing of the others.

    When some points are new this asks nothing twice.
    """
    empty = unknown.all(axis=1)
    for rows in (np.flatnonzero(empty), np.flatnonzero(unknown.any(axis=1) & ~empty)):
        columns = np.flatnonzero(unknown[rows].any(axis=0))
        if len(rows) and len(columns):
            yield rows, columns
