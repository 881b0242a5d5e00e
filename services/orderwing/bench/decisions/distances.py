"""How long a distance matrix takes, by source, and how far roads are from straight lines on two maps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import psutil

from orderwing.bench.decisions.distance_baselines import (
    bare_table,
    one_pair_a_row,
    one_route_a_pair,
    scalar_formula,
    snapped,
    usual_formula,
)
from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning.distances import Places, RoadEngine
from orderwing.planning.distances.cache import Cached
from orderwing.planning.distances.detour import fit
from orderwing.planning.distances.graphhopper import GraphHopper
from orderwing.planning.distances.haversine import Haversine, great_circle_m
from orderwing.planning.distances.osrm import Osrm
from orderwing.runtime.embedded.engines.graphhopper import EmbeddedGraphHopper
from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
from orderwing.runtime.embedded.jars import cache_dir
from orderwing.runtime.errors import OperatorError

_STOPS = 101  # one warehouse and 100 stops
_MAPS = {  # south, west, north, east
    "andorra": (42.435, 1.422, 42.657, 1.780),
    "helsinki-centre": (60.164, 24.935, 60.179, 24.953),
}
_TIMES = ("matrix", "pairs", "median ms", "least ms", "CPU ms", "wanted ms", "baseline", "its median ms", "its CPU ms")
_DETOURS = ("map", "engine", "pairs", "no way", "road / straight", "km/h", "mean error", "on the other half")
Rows = list[tuple[str, ...]]


def run(options: Options) -> Iterator[Sheet]:
    """With --quick only what needs no engine."""
    times: Rows = []
    detours: Rows = []
    _straight(times, (_STOPS,) if options.quick else (_STOPS, 1001))
    if not options.quick:
        for name, box in _MAPS.items():
            with ExitStack() as stack:
                _measure(options.folder("osm") / f"{name}.osm.pbf", box, options, stack, times, detours)
    yield Sheet("Distance matrix, wall time in this process", _TIMES, times)
    if detours:
        yield Sheet("Detours (fitted on 101 stops; then on 51 of them, and tried on the others)", _DETOURS, detours)


def _straight(times: Rows, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        degrees = np.random.default_rng(size).uniform((48.0, 11.0), (48.5, 12.0), (size, 2))
        places = Places(tuple(map(str, range(size))), degrees)
        usual = _timed(partial(usual_formula, degrees), 9)
        wanted = "0.5" if size == _STOPS else "-"
        found = _timed(partial(Haversine(10.0, 1.3).matrix, places, places), 49)
        times.append(_row("haversine, metres and seconds", size, found, wanted, "sin² formula in NumPy, metres", usual))
        found = _timed(partial(great_circle_m, degrees, degrees), 49)
        scalar = _timed(partial(scalar_formula, degrees), 3) if size == _STOPS else None
        times.append(_row("haversine, metres", size, found, wanted, "a pair at a time in Python", scalar))


def _measure(
    file: Path, box: tuple[float, ...], options: Options, stack: ExitStack, times: Rows, detours: Rows
) -> None:
    name = file.name.partition(".")[0]
    kept = cache_dir() / "maps" / name
    served = stack.enter_context(EmbeddedOsrm(kept / "osrm", file, small_component=100, progress=options.progress))
    hopper = stack.enter_context(EmbeddedGraphHopper(kept / "graphhopper", file, progress=options.progress))
    osrm, graphhopper = Osrm(served.url), GraphHopper(hopper.url)
    places = _stops(served.url, box, osrm)

    bare = _timed(lambda: bare_table(served.url, places.degrees), 29, served.pid)
    found = _timed(lambda: osrm.matrix(places, places), 29, served.pid)
    times.append(_row(f"OSRM over HTTP, {name}", _STOPS, found, "15", "the same two tables, answer not read", bare))

    # Java compiles what is hot only by and by.
    found = _timed(lambda: graphhopper.matrix(places, places), 7, hopper.pid, before=4)
    one = _timed(lambda: one_route_a_pair(hopper.url, places.degrees, 200), 3, hopper.pid)
    scale = _STOPS * (_STOPS - 1) / 200
    times.append(_row(f"GraphHopper, {name}", _STOPS, found, "1200", "a request a pair (200, scaled)", one, scale))

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    road = osrm.matrix(places, places)
    rows = one_pair_a_row(folder / "rows.sqlite", road)
    cached = Cached(osrm, folder / "cache.sqlite", trouble=_fail)
    found = _timed(lambda: cached.matrix(places, places), 49)
    times.append(_row(f"cached, {name}", _STOPS, found, "2", "SQLite, a row a pair", _timed(rows, 5)))

    engines: tuple[RoadEngine, ...] = (osrm, graphhopper)
    detours.extend(_detour(name, engine, places) for engine in engines)


def _stops(url: str, box: tuple[float, ...], osrm: Osrm) -> Places:
    """The first points on roads, of random ones, that have ways to and from most others."""
    drawn = np.random.default_rng(1).uniform(box[:2], box[2:], (4 * _STOPS, 2))
    found = snapped(url, drawn)
    places = Places(tuple(map(str, range(len(found)))), found)
    reachable = osrm.matrix(places, places).reachable
    most = (reachable.mean(axis=0) > 0.5) & (reachable.mean(axis=1) > 0.5)
    return places[np.flatnonzero(most)[:_STOPS]]


def _detour(name: str, engine: RoadEngine, places: Places) -> tuple[str, ...]:
    road = engine.matrix(places, places)
    detour = fit(road, places, places)
    some, others = places[range(0, _STOPS, 2)], places[range(1, _STOPS, 2)]
    half = fit(engine.matrix(some, some), some, some)
    truth = engine.matrix(others, others)
    told = (truth.metres > 0) & (great_circle_m(others.degrees, others.degrees) > 100)
    estimate = half.straight().matrix(others, others)
    error = np.abs(estimate.metres[told] / truth.metres[told] - 1).mean()
    return (
        name,
        engine.name,
        f"{road.metres.size:,}",
        f"{np.count_nonzero(~road.reachable):,}",
        f"{detour.factor:.3f}",
        f"{detour.metres_per_second * 3.6:.1f}",
        f"{detour.error or 0:.1%}",
        f"{error:.1%}",
    )


class _Taken(NamedTuple):
    """Milliseconds of each time, and of processors on average, ours and the engine's."""

    wall: list[float]
    cpu: float


def _timed(work: Callable[[], object], times: int, engine: int | None = None, before: int = 1) -> _Taken:
    """After `before` that are not counted."""
    processes = [psutil.Process(), *([] if engine is None else [psutil.Process(engine)])]
    for _ in range(before):
        work()
    begun, taken = _cpu_s(processes), []
    for _ in range(times):
        begun_s = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun_s) * 1000)
    return _Taken(taken, (_cpu_s(processes) - begun) * 1000 / times)


def _cpu_s(processes: Iterable[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _row(
    what: str, size: int, found: _Taken, wanted: str, baseline: str, other: _Taken | None, scale: float = 1.0
) -> tuple[str, ...]:
    """`scale` is how much larger the whole work is than that of the baseline."""
    told = ("-", "-", "-")
    if other is not None:
        told = (baseline, f"{median(other.wall) * scale:,.2f}", f"{other.cpu * scale:,.1f}")
    return (
        what,
        f"{size * size:,}",
        f"{median(found.wall):,.2f}",
        f"{min(found.wall):,.2f}",
        f"{found.cpu:,.1f}",
        wanted,
        *told,
    )


def _fail(reason: str) -> None:
    raise OperatorError(reason)
