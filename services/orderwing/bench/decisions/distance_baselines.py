"""What distances are compared with: the plain way to do the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from orderwing.geography.distance import haversine_km
from orderwing.planning.distances import Matrix
from orderwing.planning.distances.haversine import EARTH_RADIUS_M
from orderwing_schemas.domain import Point

Degrees = NDArray[np.float64]


def usual_formula(degrees: Degrees) -> NDArray[np.float64]:
    latitude, longitude = np.radians(degrees).T
    a, b = (np.sin(np.subtract.outer(value, value) / 2) ** 2 for value in (latitude, longitude))
    rings = np.outer(np.cos(latitude), np.cos(latitude))
    metres: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(a + rings * b))
    return metres


def scalar_formula(degrees: Degrees) -> list[float]:
    points = [Point(latitude=latitude, longitude=longitude) for latitude, longitude in degrees.tolist()]
    return [haversine_km(a, b) for a in points for b in points]


def _connected(url: str) -> HTTPConnection:
    address = urlsplit(url)
    return HTTPConnection(address.hostname or "", address.port, timeout=30)


def _text(degrees: Degrees) -> list[str]:
    return [f"{longitude:.6f},{latitude:.6f}" for latitude, longitude in degrees.tolist()]


def bare_table(url: str, degrees: Degrees) -> int:
    """Bytes of the answers of two tables, each with half of the rows."""
    line, size, half = ";".join(_text(degrees)), 0, (len(degrees) + 1) // 2
    with closing(_connected(url)) as connection:
        for rows in (range(half), range(half, len(degrees))):
            query = f"annotations=duration,distance&generate_hints=false&sources={';'.join(map(str, rows))}"
            connection.request("GET", f"/table/v1/driving/{line}?{query}")
            size += len(connection.getresponse().read())
    return size


def snapped(url: str, degrees: Degrees) -> Degrees:
    """The points of roads that OSRM takes for these in a table, which leaves out islands without a way; each once."""
    with closing(_connected(url)) as connection:
        connection.request("GET", f"/table/v1/driving/{';'.join(_text(degrees))}?sources=0&generate_hints=false")
        taken = json.load(connection.getresponse())["destinations"]
    found = [tuple(point["location"][::-1]) for point in taken]
    return np.array(list(dict.fromkeys(found)))


def one_route_a_pair(url: str, degrees: Degrees, pairs: int) -> list[float]:
    """Metres of so many pairs from GraphHopper, each asked alone on one connection."""
    ends = [(a, b) for a in range(len(degrees)) for b in range(len(degrees)) if a != b]
    found = []
    with closing(_connected(url)) as connection:
        for start, end in ends[:: len(ends) // pairs][:pairs]:
            points = [f"point={degrees[n][0]},{degrees[n][1]}" for n in (start, end)]  # a GET has latitude first
            connection.request("GET", f"/route?profile=car&instructions=false&calc_points=false&{'&'.join(points)}")
            answer = json.load(connection.getresponse())
            found.append(answer["paths"][0]["distance"] if "paths" in answer else -1.0)
    return found


def one_pair_a_row(file: Path, road: Matrix) -> Callable[[], object]:
    """Reads all pairs from a table that has a row for each."""
    rows, columns = road.metres.shape
    values = [(a, b, int(road.metres[a, b]), int(road.seconds[a, b])) for a in range(rows) for b in range(columns)]
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE pairs (a, b, metres, seconds, PRIMARY KEY (a, b)) WITHOUT ROWID")
    with database:
        database.executemany("INSERT INTO pairs VALUES (?, ?, ?, ?)", values)

    def read() -> Matrix:
        metres, seconds = np.empty((2, rows, columns), np.int32)
        for a in range(rows):
            for b in range(columns):
                wanted = "SELECT metres, seconds FROM pairs WHERE a = ? AND b = ?"
                metres[a, b], seconds[a, b] = database.execute(wanted, (a, b)).fetchone()
        return Matrix(metres, seconds, "rows")

    return read
