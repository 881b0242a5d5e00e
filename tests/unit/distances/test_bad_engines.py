"""Servers that answer what no engine should, and files that somebody else wrote: one clear error, or an answer."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from orderwing.planning.distances import EngineError, Matrix, Places
from orderwing.planning.distances.cache import Cached
from orderwing.planning.distances.graphhopper import GraphHopper
from orderwing.planning.distances.haversine import Haversine
from orderwing.planning.distances.osrm import Osrm

PAIR = Places.of([("a", 60.17, 24.94), ("b", 60.172, 24.945)])
MOST_DRIPS = 5_000_000  # so that a client without a deadline fails instead of waiting for ever


@contextmanager
def serving(body: bytes, drips: int = 0) -> Iterator[str]:
    """A server that answers this to everything, then so many bytes one by one."""

    class Answering(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + drips))
            self.end_headers()
            try:
                self.wfile.write(body)
                for _ in range(drips):
                    self.wfile.write(b" ")
            except OSError:
                self.close_connection = True

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def table(distances: object, durations: object = ((0, 1), (1, 0))) -> bytes:
    return json.dumps({"code": "Ok", "distances": distances, "durations": durations}).encode()


@pytest.mark.parametrize(
    "body",
    [
        table([[0, 1], [1]]),
        table([[0, 1], [1]], [[0, 1], [1]]),
        table([[0]]),
        table([[0, -5], [1, 0]]),
        table([[0, 1e300], [1, 0]]),
        table([[0, 2**31], [1, 0]]),
        table([[0, None], [1, 0]]),
        table([None, None]),
    ],
)
def test_a_table_that_is_none_is_refused(body: bytes) -> None:
    with serving(body) as url, closing(Osrm(url)) as engine, pytest.raises(EngineError, match="no OSRM that can be"):
        engine.matrix(PAIR, PAIR)


def test_a_little_less_than_nothing_is_nothing() -> None:
    with serving(table([[0, -0.7], [1, 0]])) as url, closing(Osrm(url)) as engine:
        assert engine.matrix(PAIR, PAIR).metres.tolist() == [[0, 0], [1, 0]]


def test_a_table_with_a_gap_in_both_is_read() -> None:
    gap = ((0, None), (2147483647, 0))
    with serving(table(gap, gap)) as url, closing(Osrm(url)) as engine:
        metres, seconds = engine.matrix(PAIR, PAIR)
    assert metres.tolist() == seconds.tolist() == [[0, -1], [2147483647, 0]]


@pytest.mark.parametrize(
    ("metres", "milliseconds", "line", "told"),
    [
        (-5, 1000, "_p~iF~ps|U_ulLnnqC_mqNvxq`@", "a leg's time or length"),
        (1e300, 1000, "_p~iF~ps|U_ulLnnqC_mqNvxq`@", "a leg's time or length"),
        (5, 1e300, "_p~iF~ps|U_ulLnnqC_mqNvxq`@", "a leg's time or length"),
        (5, 1000, "_p~iF~ps|U", "the points on the road"),
        (5, 1000, "_uybQ_c`|@????", "the points on the road"),
        (5, 1000, "_p~iF", "the points on the road"),
        (5, 1000, "", "the points on the road"),
        (5, 1000, "é", "the points on the road"),
    ],
)
def test_a_route_that_cannot_be_is_refused(metres: float, milliseconds: float, line: str, told: str) -> None:
    legs = {"leg_distance": [(0, 1, metres)] * 2, "leg_time": [(0, 1, milliseconds)] * 2}
    body = json.dumps({"paths": [{"details": legs, "snapped_waypoints": line}]}).encode()
    with serving(body) as url, closing(GraphHopper(url)) as engine, pytest.raises(EngineError, match=told):
        engine.matrix(PAIR, PAIR)


def test_an_answer_that_never_ends_is_given_up() -> None:
    late = pytest.raises(EngineError, match="ReadTimeoutError")
    with serving(b"{", MOST_DRIPS) as url, closing(Osrm(url, timeout_s=0.1)) as engine, late:
        engine.matrix(PAIR, PAIR)


class Straight:
    """Straight lines as an engine."""

    name, profile = "straight", "crow"

    def data_version(self) -> str:
        return "1"

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        return Haversine(10.0).matrix(origins, destinations)


@pytest.mark.parametrize(
    "rot",
    [
        "metres = x'00'",
        "seconds = ''",
        "metres = x'', seconds = x'', destinations = x''",
        "destinations = 'text'",
        "destinations = 7",
        "metres = seconds, seconds = x'0000008000000080'",
    ],
)
def test_rows_that_somebody_spoilt_are_asked_again(tmp_path: Path, rot: str) -> None:
    file, troubles = tmp_path / "kept.sqlite", list[str]()
    truth = Straight().matrix(PAIR, PAIR)
    for _ in range(2):
        with closing(Cached(Straight(), file, trouble=troubles.append)) as cached:
            found = cached.matrix(PAIR, PAIR)
            assert np.array_equal(found.metres, truth.metres)
            assert np.array_equal(found.seconds, truth.seconds)
            with closing(sqlite3.connect(file)) as database, database:
                database.execute(f"UPDATE origins SET {rot}")
            assert np.array_equal(cached.matrix(PAIR, PAIR).seconds, truth.seconds)
    assert set(troubles) <= {f"{file} has rows that cannot be read: they are asked again."}
    with closing(Cached(Straight(), file, trouble=pytest.fail)) as cached:
        assert np.array_equal(cached.matrix(PAIR, PAIR).metres, truth.metres), "they are written again"
