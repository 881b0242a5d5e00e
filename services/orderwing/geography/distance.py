"""Distances on a sphere."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from orderwing_schemas.domain import Point
from orderwing_schemas.network import Network

EARTH_RADIUS_KM = 6371.0088


def haversine_km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres."""
    half_latitude = radians(b.latitude - a.latitude) / 2
    half_longitude = radians(b.longitude - a.longitude) / 2
    chord = sin(half_latitude) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def nearest_region(point: Point, network: Network) -> str:
    """The id of the region whose centre is nearest; among equals the earlier in the file."""
    return min(network.regions, key=lambda region: haversine_km(point, region.centre)).region_id
