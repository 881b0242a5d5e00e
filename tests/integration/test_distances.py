"""OSRM and GraphHopper themselves, on a town whose distances we count too."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
from numpy.typing import NDArray

from integration.conftest import Engines
from orderwing.planning.distances import UNREACHABLE, EngineError, Places, RoadEngine
from orderwing.planning.distances.graphhopper import GraphHopper
from orderwing.planning.distances.osrm import Osrm

SNAP_M = 60
DEADLINE_S = 60.0
Maker = Callable[[Engines], RoadEngine]
BOTH = pytest.mark.parametrize(
    "connect",
    [lambda e: Osrm(e.osrm.url, snap_m=SNAP_M), lambda e: GraphHopper(e.graphhopper.url, snap_m=SNAP_M)],
    ids=["osrm", "graphhopper"],
)


def expected(engines: Engines, origins: list[int], destinations: list[int]) -> NDArray[np.float64]:
    return engines.town.metres()[np.ix_(origins, destinations)]


def check(found: NDArray[np.int32], wanted: NDArray[np.float64]) -> None:
    """Ways exist where they should. Turns cost time: now and then a way with fewer of them is somewhat longer."""
    assert (found == UNREACHABLE).tolist() == np.isinf(wanted).tolist()
    there = np.isfinite(wanted)
    assert (found[there] >= wanted[there] * 0.995 - 1).all()
    assert (found[there] <= wanted[there] * 1.005 + 1).mean() > 0.97
    assert (found[there] <= wanted[there] + 500).all()


@BOTH
def test_all_ways_of_the_town(connect: Maker, engines: Engines) -> None:
    engine, town = connect(engines), engines.town
    nodes = [*town.grid[::5], town.spur, *town.island[:2]]
    places = town.places(nodes)
    matrix = engine.matrix(places, places)
    check(matrix.metres, expected(engines, nodes, nodes))
    assert (matrix.source, matrix.estimated) == (engine.name, False)
    apart = matrix.metres > 0
    speeds = matrix.metres[apart] / matrix.seconds[apart]
    assert 2 < speeds.min() < speeds.max() < 20, "metres a second"
    assert (matrix.seconds[matrix.metres == UNREACHABLE] == UNREACHABLE).all()
    # The street out of town leads one way, and those east-bound are longer back.
    home, spur = 0, nodes.index(town.spur)
    assert matrix.metres[home, spur] > 0
    assert matrix.metres[spur, home] == UNREACHABLE
    assert (matrix.metres != matrix.metres.T).any()


@BOTH
def test_few_origins_and_other_destinations_in_any_order_and_twice(connect: Maker, engines: Engines) -> None:
    origins, destinations = [77, 3, 77], [90, 3, 41, 12, 90]
    metres, _ = connect(engines).matrix(engines.town.places(origins), engines.town.places(destinations))
    check(metres, expected(engines, origins, destinations))
    assert metres[1, 1] == 0
    assert (metres[0] == metres[2]).all()


@BOTH
def test_a_point_without_a_road_near_it_is_unreachable_and_the_others_are_not(connect: Maker, engines: Engines) -> None:
    nodes = list(engines.town.grid[:6])
    wild = engines.town.wild
    places = Places.of([*((str(n), *engines.town.nodes[n]) for n in nodes[:3]), ("wild", *wild)])
    metres, seconds = connect(engines).matrix(places, places)
    assert (metres[3] == UNREACHABLE).all()
    assert (metres[:, 3] == UNREACHABLE).all()
    assert (seconds == UNREACHABLE).tolist() == (metres == UNREACHABLE).tolist()
    check(metres[:3, :3], expected(engines, nodes[:3], nodes[:3]))


@BOTH
def test_none_asks_nothing(connect: Maker, engines: Engines) -> None:
    none, some = engines.town.places([]), engines.town.places([1, 2])
    assert connect(engines).matrix(none, some).metres.shape == (0, 2)
    assert connect(engines).matrix(some, none).metres.shape == (2, 0)
    assert connect(engines).matrix(none, none).metres.shape == (0, 0)


@BOTH
def test_the_version_of_the_map_is_told_and_stays(connect: Maker, engines: Engines) -> None:
    versions = {connect(engines).data_version() for _ in range(2)}
    assert len(versions) == 1
    assert len(versions.pop()) >= 16


@BOTH
def test_where_nothing_listens_one_sentence_says_so(connect: Maker, engines: Engines) -> None:
    kind = Osrm if connect(engines).name == "osrm" else GraphHopper
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EngineError, match=rf"at {url} does not answer \(\w+\): start it"):
            kind(url).matrix(engines.town.places([1]), engines.town.places([2]))


def test_more_pairs_than_a_table_may_have(engines: Engines) -> None:
    nodes = list(engines.town.grid[:101])
    places = engines.town.places(nodes)
    metres, _ = Osrm(engines.osrm.url, snap_m=SNAP_M).matrix(places, places)
    check(metres, expected(engines, nodes, nodes))
    tight = Osrm(engines.osrm.url, snap_m=SNAP_M, limit=7, max_url=900)
    assert (tight.matrix(places[range(30)], places).metres == metres[:30]).all()
    with pytest.raises(EngineError, match=r"refuses a table of 101 x 101: start it with --max-table-size 1000, or set"):
        Osrm(engines.osrm.url, limit=1000).matrix(places, places)


def test_connections_that_osrm_closes_are_no_errors(engines: Engines) -> None:
    engine = Osrm(engines.osrm.url)
    pair = engines.town.places([0, 1])
    first = engine.matrix(pair, pair)
    for _ in range(520):  # it takes 512 on one connection
        assert (engine.matrix(pair, pair).metres == first.metres).all()
    # One that rests is closed after a second: watch it happen, on a connection of our own that was opened later.
    with socket.create_connection(("127.0.0.1", engines.osrm.port)) as resting:
        resting.sendall(b"GET /nearest/v1/driving/13,52 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while select.select([resting], [], [], DEADLINE_S)[0] and resting.recv(65536):
            pass
    assert (engine.matrix(pair, pair).metres == first.metres).all()


def test_an_answer_of_somebody_else_is_refused(engines: Engines) -> None:
    pair = engines.town.places([0, 1])
    with pytest.raises(EngineError, match="is no OSRM that can be used: it says"):
        Osrm(engines.graphhopper.url).matrix(pair, pair)
    with pytest.raises(EngineError, match="is no GraphHopper that can be used: it says"):
        GraphHopper(engines.graphhopper.url, "hovercraft").matrix(pair, pair)
    with pytest.raises(EngineError, match="is no GraphHopper that can be used: it says"):
        GraphHopper(engines.osrm.url).matrix(pair, pair)
