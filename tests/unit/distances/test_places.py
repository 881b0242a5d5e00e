"""Coordinates that cannot be meant are refused by name."""

from math import inf, nan

import numpy as np
import pytest

from orderwing.planning.distances import UNREACHABLE, Area, BadPointError, Matrix, Places
from orderwing_schemas.domain import Point

BAVARIA = Area(south=47.2, west=8.9, north=50.6, east=13.9)


@pytest.mark.parametrize(
    ("latitude", "longitude", "field", "says"),
    [
        (nan, 11.5, "latitude", "is nan, not a number of degrees"),
        (48.1, inf, "longitude", "is inf"),
        (91.0, 11.5, "latitude", "91 is beyond ±90 degrees"),
        (-481.0, 11.5, "latitude", "beyond ±90"),
        (48.1, -180.5, "longitude", "-180.5 is beyond ±180 degrees"),
        (139.7, 35.7, "latitude", "seem to be swapped"),
        (0.0, 0.0, "latitude", "both 0"),
        (-48.1, 11.5, "latitude", "-48.1 is not within 47.2 to 50.6"),
        (48.1, -11.5, "longitude", "-11.5 is not within 8.9 to 13.9"),
        (11.5, 48.1, "latitude", "seem to be swapped"),
    ],
)
def test_a_bad_point_is_named(latitude: float, longitude: float, field: str, says: str) -> None:
    with pytest.raises(BadPointError) as caught:
        Places.of([("good", 48.1, 11.5), ("ORD-7", latitude, longitude)], BAVARIA)
    assert (caught.value.point, caught.value.field) == ("ORD-7", field)
    assert str(caught.value).startswith(f"point ORD-7: {field} ")
    assert says in str(caught.value)


def test_beyond_the_limits_is_refused_without_an_area_too() -> None:
    with pytest.raises(BadPointError, match="point X: longitude 181 is beyond"):
        Places.of([("X", 48.1, 181.0)])


def test_negative_is_good_where_the_south_and_west_are() -> None:
    assert len(Places.of([("Lima", -12.05, -77.04)])) == 1


def test_points_of_the_schemas_are_called_by_position() -> None:
    made = Places.at([Point(latitude=48.1, longitude=11.5), Point(latitude=48.2, longitude=11.6)], BAVARIA)
    assert made.ids == ("0", "1")
    assert made[[1]].ids == ("1",)
    assert made[[1]].degrees.tolist() == [[48.2, 11.6]]


def test_a_matrix_says_what_cannot_be_reached() -> None:
    metres = np.array([[0, 5], [UNREACHABLE, 0]], np.int32)
    matrix = Matrix(metres, metres.copy(), "test")
    assert matrix.reachable.tolist() == [[True, True], [False, True]]
    far, long = matrix.filled(1_000_000, 99)
    assert far.tolist() == [[0, 5], [1_000_000, 0]]
    assert long.tolist() == [[0, 5], [99, 0]]
    assert far.dtype == long.dtype == np.int64
