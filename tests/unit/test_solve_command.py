"""`orderwing solve`: what cannot be meant is told before a search begins, and nothing is written elsewhere."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.api.contract import EXAMPLE
from orderwing.cli import app


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(EXAMPLE))
    return file


def solve(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["solve", "--seconds", "0.1", *map(str, arguments)])
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.output


def test_a_plan_is_written_and_drawn(problem: Path, tmp_path: Path) -> None:
    code, told = solve(problem, "--out", tmp_path / "plan.json", "--png", tmp_path / "routes.PNG")
    assert (code, "no plan is better" in told) == (0, True)
    assert json.loads((tmp_path / "plan.json").read_text())["proven"]
    assert (tmp_path / "routes.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--png", "routes", "cannot be drawn: its name must end with a format: "),
        ("--png", "routes.doc", "cannot be drawn: its name must end with a format: "),
        ("--png", "", "cannot be written: name a file in a folder that is there."),
        ("--out", "none/plan.json", "cannot be written: name a file in a folder that is there."),
        ("--html", "none/plan.html", "cannot be written: name a file in a folder that is there."),
    ],
)
def test_a_file_that_cannot_be_written_is_told_first(
    problem: Path, tmp_path: Path, option: str, name: str, said: str
) -> None:
    folder = tmp_path / "drawings"
    folder.mkdir()
    code, told = solve(problem, option, folder / name)
    assert code == 1
    assert told.startswith(f"orderwing: {folder / name} {said}")
    assert list(folder.iterdir()) == []
    assert {file.name for file in tmp_path.iterdir()} == {"problem.json", "drawings"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            json.dumps(EXAMPLE).replace('"depots"', '"orders": [], "depots"', 1),
            "  orders is given twice in one object",
        ),
        ("[]", "  Input should be an object"),
        ("", "  Invalid JSON: EOF"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_field(problem: Path, text: str, said: str) -> None:
    problem.write_text(text)
    code, told = solve(problem)
    assert code == 1
    assert f"orderwing: {problem} is no problem to solve:\n{said}" in told
