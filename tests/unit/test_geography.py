"""Places, distances and regions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.geography import destination, domestic_place, haversine_km, locate
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.domain import Point

POINTS = st.builds(Point, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))


@pytest.mark.parametrize("city", ["Leeds", " leeds ", "LEEDS", "Léeds", "Lee-ds"])
def test_spelling_does_not_matter(city: str) -> None:
    place = locate(city, "GB")
    assert place is not None
    assert place.name == "Leeds"


@pytest.mark.parametrize(("city", "country"), [("Nowhereville", "GB"), ("", "GB"), ("...", "FR"), ("Paris", "ZZ")])
def test_an_unknown_place_is_none(city: str, country: str) -> None:
    assert locate(city, country) is None


def test_of_places_with_one_name_the_largest_is_meant() -> None:
    place = locate("Newport", "GB")
    assert place is not None
    assert place.population > 100_000


def test_london_to_edinburgh() -> None:
    london, edinburgh = locate("London", "GB"), locate("Edinburgh", "GB")
    assert london is not None
    assert edinburgh is not None
    assert haversine_km(london.point, edinburgh.point) == pytest.approx(534, abs=3)


@given(a=POINTS, b=POINTS)
def test_distance_is_symmetric_and_bounded(a: Point, b: Point) -> None:
    assert haversine_km(a, b) == haversine_km(b, a)
    assert 0 <= haversine_km(a, b) <= 20_016


@given(text=st.text(), country=st.text(max_size=3))
def test_any_text_is_located_or_not(text: str, country: str) -> None:
    locate(text, country)


@pytest.mark.parametrize(
    ("city", "country", "region", "zone"),
    [
        ("Glasgow", "GB", "north", "north"),
        ("Exeter", "GB", "south-west", "south-west"),
        ("Dublin", "IE", "north", "europe"),
        ("Sydney", "AU", "north", "world"),
    ],
)
def test_every_place_has_a_region_and_a_zone(city: str, country: str, region: str, zone: str) -> None:
    place = locate(city, country)
    assert place is not None
    to = destination(place, demo_network())
    assert (to.region_id, to.zone) == (region, zone)


def test_places_are_drawn_by_population_and_stay() -> None:
    drawn = [domestic_place(f"customer-{n}") for n in range(5_000)]
    assert drawn == [domestic_place(f"customer-{n}") for n in range(5_000)]
    london = sum(place.name == "London" for place in drawn) / len(drawn)
    assert london == pytest.approx(8_961_989 / 57_800_000, abs=0.02)
