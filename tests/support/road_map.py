"""A small town for routing engines, and how far it is there by our own count.

A grid of streets, some one-way; a one-way street out of town that ends in a field; an island of streets without a
bridge; and a point in the wild. All streets are of one class, so that the shortest way is the fastest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from orderwing.geography.distance import haversine_km
from orderwing.planning.distances import Places
from orderwing_schemas.domain import Point

SIDE = 12
_SOUTH, _WEST = 52.0, 13.0
_LATITUDE_STEP, _LONGITUDE_STEP = 0.0009, 0.0015  # about 100 m
_ONE_WAY = (2, 5, 8)  # rows of the grid that lead east only


@dataclass(frozen=True)
class Town:
    """`streets` are chains of node numbers, with whether they lead one way only."""

    nodes: tuple[tuple[float, float], ...]
    streets: tuple[tuple[tuple[int, ...], bool], ...]
    grid: tuple[int, ...]
    spur: int
    island: tuple[int, ...]
    wild: tuple[float, float]

    def places(self, nodes: list[int]) -> Places:
        return Places.of((f"node-{n}", *self.nodes[n]) for n in nodes)

    def metres(self) -> NDArray[np.float64]:
        """Between all nodes, infinite where there is no way."""
        ways = [
            (start, end)
            for street, one_way in self.streets
            for a, b in pairwise(street)
            for start, end in ([(a, b)] if one_way else [(a, b), (b, a)])
        ]
        points = [Point(latitude=latitude, longitude=longitude) for latitude, longitude in self.nodes]
        lengths = [haversine_km(points[a], points[b]) * 1000 for a, b in ways]
        starts, ends = zip(*ways, strict=True)
        found: NDArray[np.float64] = dijkstra(csr_array((lengths, (starts, ends)), shape=(len(points),) * 2))
        return found

    def write(self, path: Path) -> Path:
        """As OpenStreetMap XML."""
        nodes = [f'<node id="{n + 1}" lat="{a:.6f}" lon="{o:.6f}" version="1"/>' for n, (a, o) in enumerate(self.nodes)]
        ways = [_way(number, street, one_way) for number, (street, one_way) in enumerate(self.streets, 1)]
        path.write_text("\n".join(['<?xml version="1.0"?>', '<osm version="0.6">', *nodes, *ways, "</osm>"]), "utf-8")
        return path


def _way(number: int, street: tuple[int, ...], one_way: bool) -> str:
    tags = {"highway": "residential"} | ({"oneway": "yes"} if one_way else {})
    inner = "".join(f'<nd ref="{n + 1}"/>' for n in street)
    inner += "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())
    return f'<way id="{number}" version="1">{inner}</way>'


def _position(row: float, column: float) -> tuple[float, float]:
    return round(_SOUTH + row * _LATITUDE_STEP, 6), round(_WEST + column * _LONGITUDE_STEP, 6)


def town() -> Town:
    nodes = [_position(row, column) for row in range(SIDE) for column in range(SIDE)]
    streets = [(tuple(range(row * SIDE, (row + 1) * SIDE)), row in _ONE_WAY) for row in range(SIDE)]
    streets += [(tuple(range(column, SIDE * SIDE, SIDE)), False) for column in range(SIDE)]
    grid = tuple(range(len(nodes)))
    nodes += [_position(-3, 0), _position(-6, 0)]
    spur = len(nodes) - 1
    streets.append(((0, spur - 1, spur), True))
    island = tuple(range(len(nodes), len(nodes) + 4))
    nodes += [_position(30 + row, 30 + column) for row in range(2) for column in range(2)]
    # One street a side: GraphHopper takes only ends of streets for the bounds of the map.
    streets += [((island[a], island[b]), False) for a, b in ((0, 1), (1, 3), (3, 2), (2, 0))]
    return Town(tuple(nodes), tuple(streets), grid, spur, island, _position(30, 0))
