"""How questions to engines are cut, and their answers read, without an engine."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.planning.distances import UNREACHABLE, EngineError, Matrix, Places
from orderwing.planning.distances.detour import fit
from orderwing.planning.distances.graphhopper import decode
from orderwing.planning.distances.haversine import Haversine
from orderwing.planning.distances.osrm import blocks
from orderwing.planning.distances.points import degrees_of, distinct, keys
from orderwing.planning.distances.trail import trails

POINTS = st.lists(st.integers(0, 7), max_size=6)
DEGREES = st.tuples(st.integers(-90_00000, 90_00000), st.integers(-180_00000, 180_00000))


@given(POINTS, POINTS)
def test_walks_take_every_wanted_leg_once_and_no_more_than_needed(rows: list[int], columns: list[int]) -> None:
    walks = list(trails(np.array(rows, np.intp), np.array(columns, np.intp)))
    taken = Counter(leg for walk in walks for leg in pairwise(walk))
    wanted = {(a, b) for a in rows for b in columns if a != b}
    assert wanted <= taken.keys()
    leaving, reaching = Counter(a for a, _ in wanted), Counter(b for _, b in wanted)
    unpaired = sum(max(0, reaching[point] - leaving[point]) for point in range(8))
    assert taken.total() == len(wanted) + unpaired, "a closed walk can have no fewer"
    assert all(walk[0] == walk[-1] for walk in walks)


def test_a_square_needs_no_leg_that_nobody_asked_for() -> None:
    points = np.arange(101)
    (walk,) = trails(points, points)
    assert len(walk) - 1 == 101 * 100


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 50), st.integers(2, 100))
def test_tables_cover_all_pairs_once_within_both_limits(rows: int, columns: int, limit: int, points: int) -> None:
    covered = np.zeros((rows, columns), np.int64)
    for some_rows, some_columns in blocks(rows, columns, limit**2, points):
        assert 0 < len(some_rows) * len(some_columns) <= limit**2
        assert len(some_rows) + len(some_columns) <= points
        covered[np.ix_(some_rows, some_columns)] += 1
    assert (covered == 1).all()


def test_a_warehouse_and_100_stops_are_two_tables() -> None:
    assert [(len(a), len(b)) for a, b in blocks(101, 101, 100**2, 290)] == [(51, 101), (50, 101)]


def test_the_example_of_the_polyline_format() -> None:
    found = decode("_p~iF~ps|U_ulLnnqC_mqNvxq`@", 1e5)
    assert found.tolist() == [[38.5, -120.2], [40.7, -120.95], [43.252, -126.453]]


@given(st.lists(DEGREES, min_size=1, max_size=5, unique=True))
def test_keys_are_the_rounded_points_and_one_for_each(whole: list[tuple[int, int]]) -> None:
    degrees = np.array(whole) / 1e5
    found = keys(degrees + 3e-6, 5)
    assert len(set(found.tolist())) == len(whole)
    assert np.abs(degrees_of(found, 5) - degrees).max() < 1e-9


def test_equal_points_are_asked_once() -> None:
    found = distinct(np.array([[48.0, 11.0], [48.1, 11.0]]), np.array([[48.1, 11.0], [48.0000001, 11.0]]), 6)
    assert len(found.degrees) == 2
    assert found.rows.tolist() == found.columns[::-1].tolist()


def test_the_detour_is_that_of_the_sums_and_says_how_wrong_it_is() -> None:
    places = Places.of([("a", 48.0, 11.0), ("b", 48.01, 11.0), ("c", 48.03, 11.0), ("near a", 48.0005, 11.0)])
    straight, _ = Haversine(10.0).matrix(places, places)
    metres, seconds = straight * 2, straight // 5
    metres[0, 2] = seconds[0, 2] = UNREACHABLE
    metres[1, 2] = straight[1, 2]  # the only one that is straight
    detour = fit(Matrix(metres, seconds, "test"), places, places)
    used = (metres > 0) & (straight > 100)
    assert detour.factor == pytest.approx(metres[used].sum() / straight[used].sum(), rel=1e-4)
    assert 1 < detour.factor < 2
    assert detour.metres_per_second == pytest.approx(metres[used].sum() / seconds[used].sum())
    assert detour.error is not None
    assert 0.05 < detour.error < 0.3
    estimate = detour.straight().matrix(places, places)
    assert int(estimate.metres[used].sum()) == pytest.approx(int(metres[used].sum()), rel=1e-4)


def test_no_way_at_all_gives_no_detour() -> None:
    places = Places.of([("a", 48.0, 11.0), ("b", 48.01, 11.0)])
    none = np.full((2, 2), UNREACHABLE, np.int32)
    with pytest.raises(EngineError, match="test knows no way between points"):
        fit(Matrix(none, none, "test"), places, places)
