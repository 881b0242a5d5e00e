"""Fetching engines, preparing maps, and the command that does both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from integration.conftest import Engines
from orderwing.cli import app
from orderwing.planning.distances.osrm import Osrm
from orderwing.runtime.embedded.engines.osrm import EmbeddedOsrm
from orderwing.runtime.embedded.engines.programs import fetch_osrm
from orderwing.runtime.embedded.errors import EmbeddedError

DEADLINE_S = 120.0


def points(engines: Engines, path: Path, nodes: list[int]) -> Path:
    lines = [f"{n},{engines.town.nodes[n][0]},{engines.town.nodes[n][1]}" for n in nodes]
    path.write_text("\n".join(["id,latitude,longitude", *lines, ""]), "utf-8")
    return path


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["distances", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


def test_a_changed_program_is_refused_by_name(tmp_path: Path) -> None:
    kept = fetch_osrm().root
    root = tmp_path / "engines" / kept.name
    shutil.copytree(kept, root)
    profile = fetch_osrm(tmp_path).profile("car")
    profile.unlink()
    profile.write_text("-- drive as you like", "utf-8")
    with pytest.raises(EmbeddedError) as caught:
        fetch_osrm(tmp_path)
    assert str(caught.value) == f"{profile} is not the file that was installed: delete {root} and start again."


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"could not be fetched from the Python package index \(see .*\.log\): con"):
        fetch_osrm(tmp_path)
    assert [path.suffix for path in (tmp_path / "engines").iterdir()] == [".log"], "nothing half is left"


def test_a_map_that_is_none_is_refused(tmp_path: Path) -> None:
    broken, text = tmp_path / "broken.osm", tmp_path / "map.txt"
    broken.write_text("<osm", "utf-8")
    text.touch()
    with pytest.raises(EmbeddedError, match=r"OSRM could not prepare .*broken.osm \(osrm-extract\): see .*osrm\.log"):
        EmbeddedOsrm(tmp_path / "data", broken).start()
    with pytest.raises(EmbeddedError, match=r"map\.txt is no OpenStreetMap file: its name must end with \.osm,"):
        EmbeddedOsrm(tmp_path / "data", text).start()
    with pytest.raises(EmbeddedError, match=r"gone\.osm cannot be read \(No such file or directory\)"):
        EmbeddedOsrm(tmp_path / "data", tmp_path / "gone.osm").start()
    with pytest.raises(EmbeddedError, match="OSRM has no profile hovercraft: choose car, bicycle or foot"):
        EmbeddedOsrm(tmp_path / "data", broken, profile="hovercraft").start()


def test_the_command_writes_what_the_engines_say(engines: Engines, tmp_path: Path) -> None:
    nodes = [0, 5, 30, engines.town.island[0]]
    file, places = points(engines, tmp_path / "points.csv", nodes), engines.town.places(nodes)
    truth = Osrm(engines.osrm.url).matrix(places, places)
    out = tmp_path / "found.json"
    kept = tmp_path / "kept.sqlite"
    assert run("matrix", file, "--engine", "osrm", "--url", engines.osrm.url, "--out", out, "--cache", kept)[0] == 0
    told = json.loads(out.read_text("utf-8"))
    assert (told["source"], told["estimated"], told["points"]) == ("osrm", False, [str(n) for n in nodes])
    assert told["metres"] == [[None if m < 0 else m for m in row] for row in truth.metres.tolist()]
    assert told["seconds"][0][3] is None
    status, table, _ = run("matrix", file, "--engine", "graphhopper", "--url", engines.graphhopper.url)
    lines = table.splitlines()
    assert (status, lines[0], lines[4]) == (0, "origin,destination,metres,seconds", f"0,{nodes[3]},,")
    assert len(lines) == 1 + 16
    status, said, _ = run("detour", file, "--engine", "osrm", "--url", engines.osrm.url)
    assert status == 0
    assert said.startswith("factor 1.")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x,52.0,east", "line 3: point x: longitude is 'east', not a number of degrees."),
        ("x,52.0", "line 3: point x: longitude is missing."),
        ("x,1_0,13.0", "line 3: point x: latitude is '1_0', not a number of degrees."),
        ("x,130.0,52.0", "point x: latitude 130 is beyond ±90 degrees (latitude and longitude seem to be swapped)"),
        ("x,nan,13.0", "point x: latitude is nan, not a number of degrees"),
    ],
)
def test_a_bad_line_is_named(line: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(f"id,latitude,longitude\na,52.0,13.0\n{line}\n", "utf-8")
    status, _, error = run("matrix", file)
    assert status == 1
    assert says in error


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("id,latitude\n", "utf-8")
    assert "has no column longitude: it needs id, latitude, longitude." in run("matrix", file)[2]
    assert "must end with .csv or .json" in run("matrix", file, "--out", "x.xml")[2]
    file.write_text("id,latitude,longitude\na,51.5,-0.1\nb,51.6,-0.1\n", "utf-8")
    assert "--url of one that runs, or --map of a file" in run("matrix", file, "--engine", "osrm")[2]
    assert "haversine knows no roads" in run("detour", file, "--engine", "haversine")[2]
    assert "needs no engine" in run("prepare", file, "--engine", "haversine")[2]
    assert f"{tmp_path / 'gone.osm'} is not there" in run("prepare", tmp_path / "gone.osm")[2]


def test_serve_runs_an_engine_until_it_is_told_to_stop(engines: Engines, tmp_path: Path) -> None:
    osm = engines.town.write(tmp_path / "town.osm")
    command = [sys.executable, "-m", "orderwing", "distances", "serve", str(osm), "--data", str(tmp_path / "data")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        name, url = server.stdout.readline().split()
        assert name == "OSRM"
        pair = engines.town.places([0, 1])
        assert Osrm(url).matrix(pair, pair).metres[0, 1] > 90
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0
    finally:
        server.kill()
        server.communicate()
