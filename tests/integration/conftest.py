"""Real routing engines on a town that the tests make, shared by the session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from orderwing.runtime.embedded.broker import JVM
from orderwing.runtime.embedded.engines.graphhopper import EmbeddedGraphHopper
from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
from support.road_map import Town, town


@dataclass(frozen=True)
class Engines:
    """Neither may be stopped by a test: start another for that."""

    town: Town
    osrm: EmbeddedOsrm
    graphhopper: EmbeddedGraphHopper


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    directory = tmp_path_factory.mktemp("engines")
    made = town()
    osm = made.write(directory / "town.osm")
    osrm = EmbeddedOsrm(directory / "osrm", osm, keepalive_s=1)
    graphhopper = EmbeddedGraphHopper(directory / "graphhopper", osm, min_network_size=0, heap_mb=256, java_options=JVM)
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        stack.callback(osrm.stop)
        stack.callback(graphhopper.stop)
        for started in [pool.submit(engine.start) for engine in (graphhopper, osrm)]:
            started.result()
        yield Engines(made, osrm, graphhopper)
