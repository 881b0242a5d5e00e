"""`orderwing distances matrix`: what is wrong with a file is told with its line, never as a traceback."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.commands.distances import app

HEADER = "id,latitude,longitude\n"


def matrix(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["matrix", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HEADER}a,60,24\na,60.1,24\n", ", line 3: point a is in line 2 already."),
        (f"{HEADER},60,24\n", ", line 2: id is empty."),
        (HEADER, " has no point: a row for each follows line 1."),
        (f"{HEADER}a,60,24\nb,60,24,99\n", ", line 3: more columns than line 1 names."),
        ("id,latitude,longitude,id\na,60,24,b\n", ", line 1: more than one column is named id."),
        ("id;latitude;longitude\na;60;24\n", " has no column id: it needs id, latitude, longitude."),
        ("", " has no column id: it needs id, latitude, longitude."),
        (f"{HEADER}a,60\n", ", line 2: point a: longitude is missing."),
        (f"{HEADER}a,,24\n", ", line 2: point a: latitude is '', not a number of degrees."),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(text)
    assert matrix(file) == (1, f"orderwing: {file}{told}\n")


@pytest.mark.parametrize("option", ["--url", "--map", "--cache"])
def test_who_names_an_engine_is_not_given_straight_lines(tmp_path: Path, option: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(f"{HEADER}a,60,24\n")
    code, told = matrix(file, option, "http://127.0.0.1:5000")
    assert code == 1
    assert told == f"orderwing: {option} is for an engine, and haversine is none: " + (
        "add --engine osrm or --engine graphhopper.\n"
    )


def test_where_nothing_can_be_written_one_sentence_says_so(tmp_path: Path) -> None:
    file, out = tmp_path / "points.csv", tmp_path / "none" / "x.csv"
    file.write_text(f"{HEADER}a,60,24\n")
    code, told = matrix(file, "--out", out)
    assert code == 1
    assert told.startswith(f"orderwing: {out} cannot be written (No such file or directory): ")


@pytest.mark.parametrize(
    "option", [("--factor", "1e6"), ("--factor", "nan"), ("--speed-kmh", "inf"), ("--speed-kmh", "0.5")]
)
def test_what_no_road_is_like_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    file = tmp_path / "points.csv"
    file.write_text(f"{HEADER}a,60,24\nb,-60,-156\n")
    assert matrix(file, *option)[0] == 2
    code, told = matrix(file, "--factor", "10", "--speed-kmh", "1")
    assert code == 0
    assert "a,b,200151144,720544120\n" in told
