"""Distances on a sphere."""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, radians, sin, sqrt

from orderwing_schemas.domain import Point
from orderwing_schemas.network import Network

EARTH_RADIUS_KM = 6371.0088
Centres = tuple[tuple[str, float, float], ...]  # region, latitude, longitude


def haversine_km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres."""
    half_latitude = radians(b.latitude - a.latitude) / 2
    half_longitude = radians(b.longitude - a.longitude) / 2
    chord = sin(half_latitude) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def nearest_region(point: Point, network: Network) -> str:
    """The id of the region whose centre is nearest; among equals the earlier in the file."""
    return _nearest(point.latitude, point.longitude, _centres(network))


def _centres(network: Network) -> Centres:
    return tuple([(r.region_id, r.centre.latitude, r.centre.longitude) for r in network.regions])


@lru_cache(maxsize=16_384)
def _nearest(latitude: float, longitude: float, centres: Centres) -> str:
    point = Point(latitude=latitude, longitude=longitude)
    return min(centres, key=lambda c: haversine_km(point, Point(latitude=c[1], longitude=c[2])))[0]
