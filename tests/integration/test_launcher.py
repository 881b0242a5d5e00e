"""The launcher, from a stranger's directory, through a link, and where something is missing."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "readlink", "cksum", "cat", "sed", "rm", "mv")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the launcher is a POSIX shell program")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the launcher needs of a checkout, in a path with a space."""
    root = tmp_path / "a checkout"
    root.mkdir()
    for name in ("orderwing", "requirements.lock"):
        shutil.copy(ROOT / name, root)
    return root


@pytest.fixture
def without_python(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH has the system's tools and no Python."""
    path = tmp_path / "bin"
    path.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (path / tool).symlink_to(found)
    return {"PATH": str(path), "HOME": str(tmp_path)}


def launch(launcher: Path, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [launcher, *arguments], capture_output=True, text=True, check=False, timeout=600, **options
    )


def stand_in(root: Path) -> Path:
    """A `.venv/bin/python` that prints how it is called."""
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "[%s]" "$PWD" "$@"\n')
    python.chmod(0o755)
    return python


def stamp(root: Path) -> None:
    with (root / "requirements.lock").open("rb") as lock:
        checksum = subprocess.run(["cksum"], stdin=lock, capture_output=True, text=True, check=True).stdout.strip()
    (root / ".venv/orderwing.stamp").write_text(f"{checksum} {root}\n")


def test_no_python_is_one_sentence(checkout: Path, without_python: dict[str, str]) -> None:
    result = launch(checkout / "orderwing", "version", env=without_python)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "orderwing: Python 3.11 or newer is needed and none was found: install it, or name it in ORDERWING_PYTHON."
    ]


def test_a_half_made_environment_is_not_used(checkout: Path, without_python: dict[str, str]) -> None:
    stand_in(checkout)
    assert launch(checkout / "orderwing", "version", env=without_python).returncode == 1
    stamp(checkout)
    assert launch(checkout / "orderwing", "version", env=without_python).returncode == 0


@pytest.mark.parametrize("change", ["lock", "place"])
def test_an_environment_of_another_lock_or_place_is_not_used(
    checkout: Path, without_python: dict[str, str], change: str
) -> None:
    stand_in(checkout)
    stamp(checkout)
    if change == "lock":
        with (checkout / "requirements.lock").open("a") as lock:
            lock.write("# changed\n")
    else:
        checkout = checkout.rename(checkout.with_name("moved"))
    assert launch(checkout / "orderwing", "version", env=without_python).returncode == 1


def test_links_directories_and_arguments_are_kept(checkout: Path, without_python: dict[str, str]) -> None:
    stand_in(checkout)
    stamp(checkout)
    elsewhere = checkout.with_name("else where")
    elsewhere.mkdir()
    (elsewhere / "first").symlink_to(checkout / "orderwing")
    (elsewhere / "second").symlink_to("first")
    link = elsewhere / "second"
    produced = launch(link, "produce", "my file.jsonl", cwd=elsewhere, env=without_python)
    assert produced.stdout == f"[{elsewhere}][-P][-m][orderwing][produce][my file.jsonl]"
    tested = launch(link, "test", "-k", "a and b", cwd=elsewhere, env=without_python)
    assert tested.stdout == f"[{checkout}][-m][pytest][-k][a and b]"


@pytest.mark.parametrize("command", [("demo", "--no-ui"), ("order", "show", "1"), ("version",)])
def test_ctrl_c_while_it_loads_ends_without_a_word(command: tuple[str, ...], tmp_path: Path) -> None:
    """As the terminal sends it: the first module that a command needs reads a pipe in which nothing comes."""
    slow = tmp_path / "typer"
    slow.mkdir()
    (slow / "__init__.py").write_text("import sys\nprint('loading', flush=True)\nsys.stdin.read()\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    arguments = [sys.executable, "-m", "orderwing", *command]
    with subprocess.Popen(
        arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline() == "loading\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert process.stdout.read() + process.stderr.read() == ""
        finally:
            process.kill()
