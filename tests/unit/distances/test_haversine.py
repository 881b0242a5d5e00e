"""Straight lines, against the sphere's own rules and against the scalar formula of the geography module."""

from math import pi, radians

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.geography.distance import haversine_km
from orderwing.planning.distances import Places
from orderwing.planning.distances.haversine import EARTH_RADIUS_M, Haversine, great_circle_m
from orderwing_schemas.domain import Point

POINTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180)).filter(any)
PLACES = st.lists(POINTS, max_size=6)
FEW_METRES_PER_SECOND = 5.0


def places(points: list[tuple[float, float]]) -> Places:
    return Places.of((str(n), *point) for n, point in enumerate(points))


@given(PLACES, PLACES)
def test_it_is_the_scalar_formula(origins: list[tuple[float, float]], destinations: list[tuple[float, float]]) -> None:
    found = great_circle_m(places(origins).degrees, places(destinations).degrees)
    assert found.shape == (len(origins), len(destinations))
    for row, origin in zip(found, origins, strict=True):
        for metres, destination in zip(row, destinations, strict=True):
            a, b = (Point(latitude=latitude, longitude=longitude) for latitude, longitude in (origin, destination))
            # Half a metre: both formulas are bad near antipodes, in opposite ways.
            assert metres == pytest.approx(haversine_km(a, b) * 1000, rel=1e-9, abs=0.5 if metres > 1.9e7 else 1e-6)


@pytest.mark.parametrize("latitude", [0.3, 48.1, -37.8, 89.0])
@pytest.mark.parametrize("step_degrees", [1e-8, 1e-7, 1e-6, 1e-4])
def test_millimetres_are_right_near_zero(latitude: float, step_degrees: float) -> None:
    here, there = (latitude, 11.5), (latitude + step_degrees, 11.5)
    metres = great_circle_m(np.array([here]), np.array([here, there]))
    moved = (there[0]) - latitude  # what is left of the step after rounding
    assert metres[0, 0] == 0.0
    assert metres[0, 1] == pytest.approx(EARTH_RADIUS_M * radians(moved), abs=1e-7)


def test_antipodes_are_half_the_circumference() -> None:
    metres = great_circle_m(np.array([[90.0, 0.0], [30.0, 20.0]]), np.array([[-90.0, 0.0], [-30.0, -160.0]]))
    assert np.diag(metres) == pytest.approx([pi * EARTH_RADIUS_M] * 2)


def test_more_pairs_than_one_block_are_all_filled() -> None:
    drawn = np.random.default_rng(7).random((260, 2)) + np.array([48.0, 11.0])
    metres = great_circle_m(drawn, drawn)
    assert (np.diag(metres) == 0).all()
    assert (metres == metres.T).all()
    one = great_circle_m(drawn[255:256], drawn)
    assert (metres[255] == one[0]).all()


def test_metres_and_seconds_follow_factor_and_speed() -> None:
    pair = places([(48.0, 11.0), (48.1, 11.0)])
    metres, seconds = Haversine(FEW_METRES_PER_SECOND, factor=1.3).matrix(pair, pair)
    straight = EARTH_RADIUS_M * radians(0.1)
    assert metres.dtype == seconds.dtype == np.int32
    assert metres.tolist() == [[0, round(1.3 * straight)], [round(1.3 * straight), 0]]
    assert seconds[0, 1] == round(1.3 * straight / FEW_METRES_PER_SECOND)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 2), (2, 0)])
def test_none_is_no_error(rows: int, columns: int) -> None:
    some = places([(48.0, 11.0), (48.1, 11.0)])
    found = Haversine(FEW_METRES_PER_SECOND).matrix(some[range(rows)], some[range(columns)])
    assert found.metres.shape == found.seconds.shape == (rows, columns)
