"""The commands of the allocation engine, as an operator starts them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema
import psutil
import pytest
import requests
from typer.testing import CliRunner

from orderwing.api.contract import EXAMPLE
from orderwing.api.server import is_loopback
from orderwing.cli import app
from support.running import wait_until

DEADLINE_S = 120


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "orderwing", "api", "serve", "--port", "0", "--processes", "1", "--waiting", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


TOKEN = "a-token-of-enough-letters"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that wants the token, which it was given by a file, where any machine may ask."""
    file = tmp_path_factory.mktemp("secrets") / "token"
    file.write_text(f"{TOKEN}\n", "utf-8")
    command = [sys.executable, "-m", "orderwing", "api", "serve", "--host", "0.0.0.0", "--port", "0"]
    environment = {**os.environ, "ORDERWING_API_TOKEN_FILE": str(file)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip().rpartition(':')[2]}"
        finally:
            process.kill()


def test_only_those_with_the_token_get_an_allocation(guarded: str) -> None:
    solve = f"{guarded}/v1/allocations/solve"
    body: Any = {"problem": EXAMPLE, "seconds": 1}
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}x"}):
        refused = requests.post(solve, json=body, headers=headers, timeout=DEADLINE_S)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"].endswith("unauthorized")
        assert TOKEN not in refused.text
    unread = requests.post(solve, data=b"{", headers={"Content-Length": "99999999999"}, timeout=DEADLINE_S)
    assert unread.status_code == 401, "nobody's body is read"
    answer = requests.post(solve, json=body, headers={"Authorization": f"bearer {TOKEN}"}, timeout=DEADLINE_S)
    assert answer.status_code == 200, answer.text
    for path in ("livez", "readyz", "metrics", "docs", "openapi.json"):
        assert requests.get(f"{guarded}/{path}", timeout=DEADLINE_S).status_code == 200


def test_the_documentation_needs_nobody_else(guarded: str) -> None:
    page = requests.get(f"{guarded}/docs", timeout=DEADLINE_S).text
    named = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page)
    types = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    assert {asset.rpartition(".")[2] for asset in named} == set(types)
    for asset in named:
        answer = requests.get(urljoin(f"{guarded}/docs", asset), timeout=DEADLINE_S)
        assert answer.status_code == 200
        assert answer.url.startswith(guarded)
        assert answer.headers["Content-Type"].partition(";")[0] == types[asset.rpartition(".")[2]]
        assert len(answer.content) > 1_000
    assert not re.findall(r"(?:https?:)?//(?!\s)[\w.-]+\.\w+", page), "no other address is in the page"
    assert '"validatorUrl": null' in page


@pytest.mark.parametrize(
    ("host", "environment", "said"),
    [
        ("0.0.0.0", {}, "without a token"),
        ("::", {}, "without a token"),
        ("127.0.0.1", {"ORDERWING_API_TOKEN": "brief"}, "at least 16"),
    ],
)
def test_a_server_that_anybody_could_ask_does_not_start(host: str, environment: dict[str, str], said: str) -> None:
    refused = CliRunner().invoke(app, ["api", "serve", "--host", host, "--port", "0"], env=environment)
    assert refused.exit_code == 1
    told = f"{refused.stderr}{refused.exception}"
    assert said in told
    assert "brief" not in told


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_which_addresses_only_this_machine_can_reach(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def over(process: psutil.Process) -> bool:
    """Or waits for whoever is now its parent."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_it_serves_until_it_is_ended_and_leaves_nothing_behind(
    server: subprocess.Popen[str], ended_by: signal.Signals
) -> None:
    assert server.stdout is not None
    told = server.stdout.readline()
    assert told.startswith("Listening at ")
    address = told.removeprefix("Listening at ").strip()
    assert requests.get(f"{address}/livez", timeout=DEADLINE_S).json() == {"status": "ok"}
    answer = requests.post(f"{address}/v1/allocations/solve", json={"problem": EXAMPLE}, timeout=DEADLINE_S)
    assert answer.status_code == 200
    jobs = f"{address}/v1/allocations/jobs"
    # So many that the search runs until it is ended.
    point = EXAMPLE["orders"][0]["point"]
    orders = [{"order_id": f"o{n}", "point": {**point, "latitude": 51 + n / 99}} for n in range(30)]
    body: Any = {"problem": {**EXAMPLE, "orders": orders}, "seconds": 600}
    where = address + requests.post(jobs, json=body, timeout=DEADLINE_S).headers["Location"]
    wait_until(lambda: requests.get(where, timeout=DEADLINE_S).json()["best"] is not None, "the search runs")
    children = psutil.Process(server.pid).children(recursive=True)
    assert children
    with ThreadPoolExecutor() as pool:
        again = body | {"seconds": 30}
        waiting = pool.submit(requests.post, f"{address}/v1/allocations/solve", json=again, timeout=DEADLINE_S)
        wait_until(lambda: requests.get(f"{address}/readyz", timeout=DEADLINE_S).status_code == 503, "another waits")
        server.send_signal(ended_by)
        assert server.wait(DEADLINE_S) == (0 if ended_by == signal.SIGTERM else -ended_by)
        wait_until(lambda: all(map(over, children)), "all processes are over")
        if ended_by == signal.SIGTERM:
            assert waiting.result().status_code == 503
            assert waiting.result().json()["type"].endswith("ending")
        else:
            assert isinstance(waiting.exception(), requests.ConnectionError)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        second = CliRunner().invoke(app, ["api", "serve", "--port", str(taken.getsockname()[1])])
    assert second.exit_code == 1
    assert "cannot be used" in second.stderr


def test_solve_prints_a_table_and_draws_the_routes(tmp_path: Path) -> None:
    (tmp_path / "problem.json").write_text(json.dumps(EXAMPLE), "utf-8")
    names = {"--out": "plan.json", "--png": "routes.png", "--html": "routes.html"}
    files = [part for option, name in names.items() for part in (option, str(tmp_path / name))]
    result = CliRunner().invoke(app, ["solve", str(tmp_path / "problem.json"), "--seconds", "1", *files])
    assert result.exit_code == 0, result.output
    assert "A-100317 A-100318" in result.stdout
    assert "too heavy" in result.stdout
    assert json.loads((tmp_path / "plan.json").read_text("utf-8"))["proven"]
    assert (tmp_path / "routes.png").read_bytes().startswith(b"\x89PNG")
    assert "A-100319" in (tmp_path / "routes.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "Invalid JSON"), ("{}", "depots: Field required"), (None, "cannot be read")],
    ids=["no JSON", "no problem", "no file"],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "problem.json"
    if text is not None:
        file.write_text(text, "utf-8")
    result = CliRunner().invoke(app, ["solve", str(file)])
    assert result.exit_code == 1
    assert said in result.stderr


def test_the_schema_of_a_problem_is_printed() -> None:
    told = json.loads(CliRunner().invoke(app, ["api", "schema"]).stdout)
    jsonschema.validate(EXAMPLE, told)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**EXAMPLE, "drivers": []}, told)
