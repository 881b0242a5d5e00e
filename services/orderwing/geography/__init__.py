"""Where a city is, and which part of the network is nearest. Pure; the facts are GeoNames' (see NOTICE)."""

from orderwing.geography.distance import haversine_km, nearest_region
from orderwing.geography.places import DOMESTIC, Destination, Place, destination, domestic_place, locate

__all__ = [
    "DOMESTIC",
    "Destination",
    "Place",
    "destination",
    "domestic_place",
    "haversine_km",
    "locate",
    "nearest_region",
]
