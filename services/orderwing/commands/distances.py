"""`orderwing distances`: matrices of points in a file, and the engines that give them."""

from __future__ import annotations

import csv
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from orderwing.commands.console import fail

if TYPE_CHECKING:
    from orderwing.planning.distances import Distances, Matrix, Places
    from orderwing.runtime.embedded.engines.graphhopper import EmbeddedGraphHopper
    from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
    from orderwing.runtime.embedded.progress import Progress

app = typer.Typer(help="Distances and travel times between points.", no_args_is_help=True)


class Engine(StrEnum):
    HAVERSINE = "haversine"
    OSRM = "osrm"
    GRAPHHOPPER = "graphhopper"


Chosen = Annotated[Engine, typer.Option(help="Who answers.")]
Points = Annotated[Path, typer.Argument(help="CSV with the columns id, latitude and longitude (degrees, WGS 84).")]
Url = Annotated[str | None, typer.Option(help="Of an engine that runs, such as http://localhost:5000.")]
Map = Annotated[Path | None, typer.Option("--map", help="Start the engine for this .osm.pbf instead.")]
MapFile = Annotated[Path, typer.Argument(help="A map of OpenStreetMap: .osm.pbf, .osm.bz2 or .osm.")]
Data = Annotated[Path | None, typer.Option(help="Where imported maps are kept; in the cache, if not said.")]
Heap = Annotated[int, typer.Option(min=64, help="Of GraphHopper, MB; a country wants several thousand.")]


@app.command()
def matrix(
    points: Points,
    engine: Chosen = Engine.HAVERSINE,
    url: Url = None,
    map_file: Map = None,
    speed_kmh: Annotated[float, typer.Option(min=1, max=1_000, help="With haversine.")] = 40.0,
    factor: Annotated[float, typer.Option(min=1, max=10, help="With haversine: road metres a straight one.")] = 1.0,
    cache: Annotated[Path | None, typer.Option(help="Keep what an engine answers in this file.")] = None,
    out: Annotated[Path | None, typer.Option(help="A .csv (a row a pair) or .json; stdout as CSV if not said.")] = None,
) -> None:
    """From each point to each other: metres and seconds; empty (CSV) or null (JSON) where there is no way."""
    from orderwing.planning.distances.haversine import Haversine

    if out is not None and out.suffix not in (".csv", ".json"):
        fail(f"{out} must end with .csv or .json.")
    with _told():
        places = _read(points)
        if engine is Engine.HAVERSINE:
            _computed_here(url, map_file, cache)
            found = Haversine(speed_kmh / 3.6, factor).matrix(places, places)
        else:
            with _road(engine, url, map_file, cache) as road:
                found = road.matrix(places, places)
        if out is None:
            _write_csv(sys.stdout, places, found)
        else:
            _write(out, places, found)


@app.command()
def detour(points: Points, engine: Chosen = Engine.OSRM, url: Url = None, map_file: Map = None) -> None:
    """How much longer roads are than straight lines between these points: what stands in while an engine is down."""
    from orderwing.planning.distances.detour import fit

    with _told():
        places = _read(points)
        with _road(engine, url, map_file, None) as road:
            found = fit(road.matrix(places, places), places, places)
    speed_kmh = found.metres_per_second * 3.6
    typer.echo(f"factor {found.factor:.3f}, {speed_kmh:.1f} km/h, mean error {found.error or 0:.1%}")


@app.command()
def fetch() -> None:
    """Fetch both engines, so that they start without a network."""
    from orderwing.runtime.embedded.engines.graphhopper import fetch_graphhopper
    from orderwing.runtime.embedded.engines.programs import fetch_osrm

    with _told(), _progress() as progress:
        fetch_osrm(progress=progress)
        fetch_graphhopper(progress=progress)


@app.command()
def prepare(map_file: MapFile, engine: Chosen = Engine.OSRM, data: Data = None, heap_mb: Heap = 1024) -> None:
    """Import a map once, so that the engine starts within seconds."""
    with _told(), _progress() as progress, _server(engine, map_file, progress, data=data, heap_mb=heap_mb):
        pass
    typer.echo(f"{map_file} is ready for {engine}.")


@app.command()
def serve(
    map_file: MapFile,
    engine: Chosen = Engine.OSRM,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    bind: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is all.")] = "127.0.0.1",
    data: Data = None,
    heap_mb: Heap = 1024,
) -> None:
    """Run an engine until Ctrl-C; it imports the map first if it has not."""
    stopped = threading.Event()
    with _told():
        with _progress() as progress:
            server = _server(engine, map_file, progress, port=port, bind=bind, data=data, heap_mb=heap_mb).start()
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopped.set())
            typer.echo(f"{server.name} {server.url}\nCtrl-C stops it.")
            while server.running and not stopped.wait(0.5):
                pass
        finally:
            server.stop()
    if not stopped.is_set():
        fail(f"{server.name} ended by itself: see {server.log_file}.")


def _computed_here(url: str | None, map_file: Path | None, cache: Path | None) -> None:
    """Who names an engine must not be given straight lines."""
    for option, value in (("--url", url), ("--map", map_file), ("--cache", cache)):
        if value is not None:
            fail(f"{option} is for an engine, and haversine is none: add --engine osrm or --engine graphhopper.")


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong ends the command with one sentence."""
    from orderwing.planning.distances import BadPointError, EngineError
    from orderwing.runtime.embedded.errors import EmbeddedError

    try:
        yield
    except (BadPointError, EngineError, EmbeddedError) as error:
        fail(str(error))


def _progress() -> AbstractContextManager[Progress]:
    from orderwing.runtime.screen import progress_bars

    return progress_bars()


def _server(
    engine: Engine,
    map_file: Path,
    progress: Progress,
    *,
    port: int = 0,
    bind: str = "127.0.0.1",
    data: Path | None = None,
    heap_mb: int = 1024,
) -> EmbeddedOsrm | EmbeddedGraphHopper:
    from orderwing.runtime.embedded.engines.graphhopper import EmbeddedGraphHopper
    from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
    from orderwing.runtime.embedded.jars import cache_dir

    if not map_file.is_file():
        fail(f"{map_file} is not there: name a map that is.")
    kept = (data or cache_dir() / "maps") / map_file.name.partition(".")[0] / engine
    # A country takes hours to import.
    deadline_s = 24 * 3600.0
    match engine:
        case Engine.OSRM:
            return EmbeddedOsrm(kept, map_file, port, bind=bind, progress=progress, start_deadline_s=deadline_s)
        case Engine.GRAPHHOPPER:
            return EmbeddedGraphHopper(
                kept, map_file, port, bind=bind, heap_mb=heap_mb, progress=progress, start_deadline_s=deadline_s
            )
        case Engine.HAVERSINE:
            fail("haversine is computed here and needs no engine: choose osrm or graphhopper.")


@contextmanager
def _road(engine: Engine, url: str | None, map_file: Path | None, cache: Path | None) -> Iterator[Distances]:
    from orderwing.planning.distances import RoadEngine
    from orderwing.planning.distances.cache import Cached
    from orderwing.planning.distances.graphhopper import GraphHopper
    from orderwing.planning.distances.osrm import Osrm

    def asked(address: str) -> Distances:
        road: RoadEngine = (Osrm if engine is Engine.OSRM else GraphHopper)(address)
        return road if cache is None else Cached(road, cache, trouble=lambda why: typer.echo(why, err=True))

    if engine is Engine.HAVERSINE:
        fail("haversine knows no roads: choose osrm or graphhopper.")
    if (url is None) == (map_file is None):
        fail(f"Say where {engine} is: --url of one that runs, or --map of a file to start it with.")
    if url is not None:
        if not url.startswith(("http://", "https://")):
            fail(f"--url {url} is no address: write http://HOST:PORT, such as http://localhost:5000.")
        yield asked(url)
    elif map_file is not None:
        with _progress() as progress:
            server = _server(engine, map_file, progress).start()
        try:
            yield asked(server.url)
        finally:
            server.stop()


def _read(file: Path) -> Places:
    from orderwing.planning.distances import Places

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            wanted, header = ("id", "latitude", "longitude"), list(table.fieldnames or ())
            for name in wanted:
                if name not in header:
                    fail(f"{file} has no column {name}: it needs {', '.join(wanted)}.")
                if header.count(name) > 1:
                    fail(f"{file}, line 1: more than one column is named {name}.")
            return Places.of(_points(file, table))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        fail(f"{file} cannot be read: it is not UTF-8.")
    except csv.Error as error:
        fail(f"{file} cannot be read as CSV: {error}.")


def _points(file: Path, table: csv.DictReader[str]) -> Iterator[tuple[str, float, float]]:
    first: dict[str, int] = {}
    for row in table:
        line, point = table.line_num, row["id"]
        if None in row:
            fail(f"{file}, line {line}: more columns than line 1 names.")
        if not point or not point.strip():
            fail(f"{file}, line {line}: id is empty.")
        if point in first:
            fail(f"{file}, line {line}: point {point} is in line {first[point]} already.")
        first[point] = line
        yield point, *_degrees(file, line, row)
    if not first:
        fail(f"{file} has no point: a row for each follows line 1.")


def _degrees(file: Path, line: int, row: dict[str, str]) -> tuple[float, float]:
    found = []
    for name in ("latitude", "longitude"):
        if row[name] is None:
            fail(f"{file}, line {line}: point {row['id']}: {name} is missing.")
        try:
            found.append(float(row[name].replace("_", "?")))  # to Python 1_0 is a number, to nobody else
        except ValueError:
            fail(f"{file}, line {line}: point {row['id']}: {name} is {row[name]!r}, not a number of degrees.")
    return found[0], found[1]


def _write(out: Path, places: Places, found: Matrix) -> None:
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            (_write_json if out.suffix == ".json" else _write_csv)(file, places, found)
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror}): name a file in a folder that is there.")


def _write_csv(file: TextIO, places: Places, found: Matrix) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["origin", "destination", "metres", "seconds"])
    for origin, *row in zip(places.ids, found.metres.tolist(), found.seconds.tolist(), strict=True):
        for destination, metres, seconds in zip(places.ids, *row, strict=True):
            writer.writerow([origin, destination, *(("", "") if metres < 0 else (metres, seconds))])


def _write_json(file: TextIO, places: Places, found: Matrix) -> None:
    values = {
        name: [[None if value < 0 else value for value in row] for row in whole.tolist()]
        for name, whole in (("metres", found.metres), ("seconds", found.seconds))
    }
    told = {"source": found.source, "estimated": found.estimated, "points": places.ids, **values}
    json.dump(told, file)
    file.write("\n")
