"""Cache and fallback over a real OSRM that goes away, comes back, and gets another map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from integration.conftest import Engines
from orderwing.commands.road import road_distances
from orderwing.planning.distances import EngineError, Matrix, Places, RoadEngine
from orderwing.planning.distances.cache import Cached
from orderwing.planning.distances.detour import fit
from orderwing.planning.distances.fallback import Breaker, guarded
from orderwing.planning.distances.haversine import Haversine
from orderwing.planning.distances.osrm import Osrm
from orderwing.runtime.distance_alarm import DistanceAlarm
from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
from orderwing.runtime.health import Health
from orderwing.runtime.metrics import Metrics
from orderwing.runtime.settings.tree import Distances as Wanted


@dataclass
class Watched:
    """Passes everything on to the real engine and remembers the sizes that were asked."""

    engine: RoadEngine
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def profile(self) -> str:
        return self.engine.profile

    def data_version(self) -> str:
        return self.engine.data_version()

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        self.asked.append((len(origins), len(destinations)))
        return self.engine.matrix(origins, destinations)


@pytest.fixture
def server(engines: Engines, tmp_path: Path) -> Iterator[EmbeddedOsrm]:
    """One that may be stopped; another map than that of the session, so that it is prepared here."""
    osm = engines.town.write(tmp_path / "own.osm")
    with EmbeddedOsrm(tmp_path / "osrm", osm) as osrm:
        yield osrm


def fail(reason: str) -> None:
    pytest.fail(reason)


def told(metrics: Metrics) -> str:
    return metrics.exposition(Health())[1].decode()


def test_only_what_is_not_known_is_asked(engines: Engines, tmp_path: Path) -> None:
    osrm = Watched(Osrm(engines.osrm.url))
    cached = Cached(osrm, tmp_path / "deep" / "distances.sqlite", trouble=fail)
    town = engines.town
    some, more = town.places([*range(20), town.spur]), town.places([*range(25, 5, -1), town.spur])
    first = cached.matrix(some, some)
    assert osrm.asked == [(21, 21)]
    again = Cached(osrm, tmp_path / "deep" / "distances.sqlite", trouble=fail).matrix(some, some)
    assert osrm.asked == [(21, 21)], "another process reads the file"
    truth = Osrm(engines.osrm.url).matrix(some, some)
    for found in (first, again):
        assert (found.metres == truth.metres).all()
        assert (found.seconds == truth.seconds).all()
        assert (found.source, found.estimated) == ("osrm", False)
    assert not truth.reachable.all(), "what cannot be reached is known too"
    # Six points are new: from them to all, then from the others to them, and nothing twice.
    assert (cached.matrix(more, more).metres == Osrm(engines.osrm.url).matrix(more, more).metres).all()
    assert osrm.asked[1:] == [(6, 21), (15, 6)]
    # Two origins twice and in another order, of which all is known.
    swapped = cached.matrix(some[[7, 6, 7]], more[[20, 3]])
    assert (swapped.metres == Osrm(engines.osrm.url).matrix(some[[7, 6, 7]], more[[20, 3]]).metres).all()
    assert len(osrm.asked) == 3


def test_limits_of_the_file_are_kept(engines: Engines, tmp_path: Path) -> None:
    osrm = Watched(Osrm(engines.osrm.url))
    town = engines.town
    cached = Cached(osrm, tmp_path / "small.sqlite", most_origins=3, most_destinations=4, trouble=fail)
    cached.matrix(town.places([0, 1, 2]), town.places([3, 4]))
    cached.matrix(town.places([7]), town.places([3, 4]))  # the first written goes
    cached.matrix(town.places([2, 7]), town.places([3, 4]))
    assert osrm.asked == [(3, 2), (1, 2)]
    cached.matrix(town.places([0]), town.places([3, 4]))
    cached.matrix(town.places([7]), town.places([5, 6]))  # four destinations: as many as may be
    cached.matrix(town.places([7]), town.places([3, 4, 5, 6]))
    assert osrm.asked[2:] == [(1, 2), (1, 2)]
    cached.matrix(town.places([7]), town.places([8]))  # begins anew
    cached.matrix(town.places([7]), town.places([8, 3]))
    assert osrm.asked[4:] == [(1, 1), (1, 1)]


def test_a_file_that_is_none_is_told_once_and_costs_nothing_but_time(engines: Engines, tmp_path: Path) -> None:
    file, troubles = tmp_path / "broken.sqlite", list[str]()
    file.write_bytes(b"this is not a database, but long enough to be taken for one " * 20)
    cached = Cached(Osrm(engines.osrm.url), file, trouble=troubles.append)
    pair = engines.town.places([0, 5])
    for _ in range(2):
        assert (cached.matrix(pair, pair).metres == Osrm(engines.osrm.url).matrix(pair, pair).metres).all()
    assert troubles == [f"Distances are not cached: {file} cannot be used (file is not a database)."]
    unnamed = Cached(Osrm(engines.osrm.url), tmp_path / "good.sqlite", version="", trouble=troubles.append)
    assert (unnamed.matrix(pair, pair).metres == cached.matrix(pair, pair).metres).all()
    assert troubles[1:] == ["Distances are not cached: osrm does not tell the version of its map, so name one."]


def test_another_map_makes_old_answers_worthless(engines: Engines, server: EmbeddedOsrm, tmp_path: Path) -> None:
    osrm = Watched(Osrm(server.url))
    town = engines.town
    cached = Cached(osrm, tmp_path / "distances.sqlite", trouble=fail)
    three = town.places([0, 1, 13])
    before = cached.matrix(three, three)
    server.stop()
    assert (cached.matrix(three, three).metres == before.metres).all()
    restarted = Cached(osrm, tmp_path / "distances.sqlite", trouble=fail)
    assert (restarted.matrix(three, three).metres == before.metres).all(), "the last version is good while it is down"
    with pytest.raises(EngineError):
        cached.matrix(three, town.places([0, 2]))
    (tmp_path / "own.osm").write_text(
        (tmp_path / "own.osm").read_text("utf-8").replace('v="residential"', 'v="primary"')
    )
    server.start()
    four = town.places([0, 1, 13, 2])
    after = cached.matrix(four, four)  # one point is new, so it is asked which map it has
    assert osrm.asked[-1] == (4, 4)
    assert (after.metres[:3, :3] == before.metres).all()
    assert (after.seconds[:3, :3] < before.seconds)[~np.eye(3, dtype=bool)].all(), "a primary road is faster"


def test_while_it_is_down_answers_are_estimates_that_say_so(
    engines: Engines, server: EmbeddedOsrm, tmp_path: Path
) -> None:
    town, metrics, now_s = engines.town, Metrics("solver"), [0.0]
    many = town.places(list(range(0, 144, 7)))
    detour = fit(Osrm(server.url).matrix(many, many), many, many)
    assert 1 < detour.factor < 1.5
    alarm = DistanceAlarm(metrics, "osrm")
    distances = guarded(
        Osrm(server.url), detour, alarm, lambda: now_s[0], cache=tmp_path / "distances.sqlite", retry_s=10
    )
    assert 'orderwing_distances_estimated_total{engine="osrm",service="solver"} 0.0' in told(metrics)
    known, new = town.places([0, 50]), town.places([0, 50, 99])
    truth = distances.matrix(known, known)
    assert not truth.estimated
    server.stop()
    with capture_logs() as logs:
        estimate = distances.matrix(new, new)
        assert (estimate.estimated, estimate.source) == (True, "haversine")
        assert (estimate.metres[:2, :2] == detour.straight().matrix(known, known).metres).all()
        assert (distances.matrix(known, known).metres == truth.metres).all(), "what is in the file is no estimate"
        assert not distances.matrix(known, known).estimated
        server.start()
        assert distances.matrix(new, new).estimated, "it is left alone for ten seconds"
        now_s[0] = 11.0
        assert not distances.matrix(new, new).estimated
    assert [(line["log_level"], line["engine"]) for line in logs] == [("error", "osrm"), ("info", "osrm")]
    assert f"{server.url} does not answer" in logs[0]["reason"]
    assert 'orderwing_distances_estimated_total{engine="osrm",service="solver"} 18.0' in told(metrics)


def test_a_breaker_alone_passes_the_error_on(engines: Engines) -> None:
    metrics, pair = Metrics("solver"), engines.town.places([0, 5])
    wrong = Breaker(Osrm(engines.graphhopper.url), DistanceAlarm(metrics, "osrm"), lambda: 0.0)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(EngineError, match="is no OSRM"):
                wrong.matrix(pair, pair)
    assert len(logs) == 1


def test_the_settings_choose_the_engine(engines: Engines, tmp_path: Path) -> None:
    metrics, town = Metrics("solver"), engines.town
    assert road_distances(Wanted(), metrics) is None
    places = Places.of([*((str(n), *town.nodes[n]) for n in (0, 40)), ("far", town.nodes[0][0] - 0.001, 13.02)])
    for engine, url in (("osrm", engines.osrm.url), ("graphhopper", engines.graphhopper.url)):
        wanted = Wanted.model_validate({"engine": engine, "url": url, "snap_m": 60, "cache": tmp_path / "all.sqlite"})
        distances = road_distances(wanted, metrics)
        assert distances is not None
        for _ in range(2):
            found = distances.matrix(places, places)
            assert (found.source, found.estimated) == (engine, False)
            assert found.reachable.tolist() == [[True, True, False], [True, True, False], [False, False, False]]
    away = road_distances(Wanted(engine="osrm", url="http://127.0.0.1:1", detour_factor=1.5, speed_kmh=36), metrics)
    assert away is not None
    guess = away.matrix(places, places)
    straight = Haversine(10.0, 1.5).matrix(places, places)
    assert guess.estimated
    assert (guess.metres == straight.metres).all()
    assert (guess.seconds == straight.seconds).all()
