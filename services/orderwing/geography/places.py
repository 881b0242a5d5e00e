"""Cities to points: British places of more than 1,000 people, and the other countries by their capitals."""

from __future__ import annotations

import csv
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files
from itertools import accumulate
from typing import NamedTuple

from orderwing.geography.distance import nearest_region
from orderwing_schemas.domain import Point
from orderwing_schemas.network import Network

DOMESTIC = "GB"
TOWN_POPULATION = 15_000  # customers without a known address are drawn from places above this size


@dataclass(frozen=True, slots=True)
class Place:
    """`zone` is `europe` or `world`, or None at home, where the nearest region is the zone."""

    name: str
    country: str
    point: Point
    population: int
    zone: str | None


class Destination(NamedTuple):
    """A place in a network: its nearest region, and the zone that lanes serve (at home the region itself)."""

    place: Place
    region_id: str
    zone: str


def destination(place: Place, network: Network) -> Destination:
    region_id = nearest_region(place.point, network)
    return Destination(place, region_id, place.zone or region_id)


@lru_cache(maxsize=16_384)
def locate(city: str, country: str) -> Place | None:
    """The place of an address, whatever its case, spaces, accents and punctuation; None if there is no such place.

    Of British places with one name the most populous is meant. Abroad every city of a known country is taken to be at
    its capital: lanes abroad serve a whole zone, so nothing finer is needed.
    """
    wanted = _normalised(city)
    if not wanted:
        return None
    return _domestic().get(wanted) if country == DOMESTIC else _abroad().get(country)


def domestic_place(seed: str) -> Place:
    """A British town for `seed`, always the same one, drawn with the towns' populations as weights."""
    towns, ends = _towns()
    share = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest()) / 2**64
    return towns[bisect_right(ends, share * ends[-1])]


def _normalised(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in parts if letter.isalnum())


def _rows(name: str) -> list[dict[str, str]]:
    with (files("orderwing.geography") / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _point(row: dict[str, str]) -> Point:
    return Point(latitude=float(row["latitude"]), longitude=float(row["longitude"]))


@cache
def _domestic() -> dict[str, Place]:
    places: dict[str, Place] = {}
    for row in _rows("places.csv"):  # the most populous first
        place = Place(row["name"], DOMESTIC, _point(row), int(row["population"]), None)
        places.setdefault(_normalised(place.name), place)
    return places


@cache
def _abroad() -> dict[str, Place]:
    return {
        row["iso"]: Place(row["capital"], row["iso"], _point(row), 0, row["zone"])
        for row in _rows("countries.csv")
        if row["iso"] != DOMESTIC
    }


@cache
def _towns() -> tuple[tuple[Place, ...], tuple[int, ...]]:
    towns = tuple(place for place in _domestic().values() if place.population > TOWN_POPULATION)
    return towns, tuple(accumulate(town.population for town in towns))
