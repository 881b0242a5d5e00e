"""What a newcomer gets wrong is told in one sentence, with an exit status, and never as a traceback."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.api.contract import EXAMPLE
from orderwing.cli import app
from orderwing.commands.console import cluster
from orderwing.commands.dead_letters import harmless

BOOTSTRAP = "ORDERWING_BOOTSTRAP"
NOT_THE_REPOSITORY = "is not orderwing's repository: go there, or name it with --root."


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.jsonl").write_text("hello\n", "utf-8")
    (tmp_path / "points.csv").write_text("id,latitude,longitude\na,51,0\n", "utf-8")
    (tmp_path / "points.bin").write_bytes(b"\xff\xfe\x00\x01")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["produce", "orders.jsonl"], "1 line breaks the contract; nothing was sent."),
        (["reviews", "clear", "O-1", "--reviewer", "\udcff"], "--reviewer is no readable text."),
        (["produce", "missing.jsonl"], "missing.jsonl cannot be read: No such file or directory."),
        (["distances", "matrix", "missing.csv"], "missing.csv cannot be read: No such file or directory."),
        (["distances", "matrix", "points.bin"], "points.bin cannot be read: it is not UTF-8."),
        (["distances", "matrix", "points.csv", "--engine", "osrm", "--url", "here"], "--url here is no address: write"),
        (["servers", "--data", "orders.jsonl"], "cannot be used: Not a directory; name another directory with --data."),
        (["schemas", "check", "--root", "missing"], NOT_THE_REPOSITORY),
        (["dashboards", "generate", "--root", "missing"], NOT_THE_REPOSITORY),
    ],
)
@pytest.mark.usefixtures("here")
def test_it_is_one_sentence(words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.output.splitlines()[-1].startswith("orderwing: ")
    assert told in result.output.splitlines()[-1]
    assert not Path("missing").exists()


@pytest.mark.parametrize("words", [["solve", "orders.jsonl"], ["api", "serve", "--port", "0"]])
@pytest.mark.usefixtures("here")
def test_a_setting_that_is_none_is_told(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERWING_DISTANCES_ENGINE", "horse")
    Path("orders.jsonl").write_text(json.dumps(EXAMPLE))
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert result.output.startswith("orderwing: ORDERWING_DISTANCES_ENGINE is 'horse': expected ")


def test_a_dead_letter_does_not_steer_the_terminal() -> None:
    assert harmless('\tkey: \x1b]0;owned\x07\r\n{"name": "Zoë", \x9b2J}') == (
        '\tkey: \\x1b]0;owned\\x07\\x0d\n{"name": "Zoë", \\x9b2J}'
    )


@pytest.fixture
def listening() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_cluster_where_nobody_listens_is_told_at_once(
    listening: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(BOOTSTRAP, f"127.0.0.1:1,{listening}")
    assert cluster().bootstrap.endswith(listening)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv(BOOTSTRAP, "127.0.0.1:1")
    cluster()
    assert capsys.readouterr().err.startswith("orderwing: nobody listens at 127.0.0.1:1 yet: asking again")


@pytest.mark.parametrize(
    "words",
    [
        ["policy", "show"],
        ["policy", "withdraw"],
        ["policy", "load", "policy.json"],
        ["policy", "try", "policy.json", "--cluster"],
        ["produce", "policy.json", "--raw"],
    ],
)
def test_where_nobody_listens_nobody_is_waited_for(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(BOOTSTRAP, "127.0.0.1:1")
    Path("policy.json").write_text('{"policy": "p", "version": 1, "currency": "GBP"}', "utf-8")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    (told,) = result.output.splitlines()
    assert told.startswith("orderwing: No Kafka answers at 127.0.0.1:1: start it, or set ORDERWING_BOOTSTRAP")
