"""The supervisor, with real child processes that do what services do: tell a port, answer /readyz, die."""

import http.client
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from orderwing.runtime.service import log_file, run_file
from orderwing.runtime.settings import Kafka, Runtime, Settings
from orderwing.runtime.supervisor import ServiceSpec, Supervisor, SupervisorError

DEADLINE_S = 120.0

# Answers /readyz after a run file as services write it. First argument: what it does in the end.
CHILD = """
    import http.server, json, os, pathlib, signal, sys, threading
    name, end = sys.argv[1:]
    run_dir = pathlib.Path(os.environ["ORDERWING_RUN_DIR"])
    LOADED = run_dir / "loaded"
    print("hello from", name, os.environ["ORDERWING_BOOTSTRAP"], os.environ.get("COLOUR"), flush=True)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, answer = {
                "never-ready": (503, b"halted: too much poison"),
                "loads": (503, b"not ready: waiting for the clock" if LOADED.exists() else b"not ready: starting"),
            }.get(end, (200, b"ready"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)
        def log_message(self, *args):
            pass
    if end == "dies":
        print("the last words of", name, flush=True)
        os._exit(75)
    def on_term(*_):
        with (run_dir / "ended").open("a") as ended:
            print(name, file=ended)
        if end != "deaf":
            os._exit(0)
    signal.signal(signal.SIGTERM, on_term)
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    (run_dir / f"{name}.0.json").write_text(json.dumps({"pid": os.getpid(), "port": server.server_address[1]}))
    server.serve_forever()
"""


def child(name: str, end: str = "serves") -> ServiceSpec:
    command = (sys.executable, "-S", "-c", textwrap.dedent(CHILD), name, end)
    return ServiceSpec(name, environment={"COLOUR": "blue"}, command=command)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(kafka=Kafka(bootstrap="nowhere:1"), runtime=Runtime(run_dir=tmp_path))


def eventually(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end_s, "not within the deadline"


def test_all_are_ready_and_all_are_stopped(settings: Settings) -> None:
    with Supervisor(settings, [child("one"), child("two")]) as supervisor:
        supervisor.wait_ready(DEADLINE_S)
        pids = supervisor.pids()
        assert set(supervisor.ports()) == set(pids) == {"one", "two"}
        connection = http.client.HTTPConnection("127.0.0.1", supervisor.ports()["one"], timeout=DEADLINE_S)
        connection.request("GET", "/readyz")
        assert connection.getresponse().read() == b"ready"
        connection.close()
    assert not [pid for pid in pids.values() if psutil.pid_exists(pid)]
    assert sorted((settings.runtime.run_dir / "ended").read_text().split()) == ["one", "two"]
    assert "hello from one nowhere:1 blue" in log_file(settings.runtime.run_dir, "one", "0").read_text()
    assert supervisor.restarts == {"one": 0, "two": 0}


@pytest.mark.parametrize("how", ["supervisor", "stranger"])
def test_a_killed_service_is_started_again(settings: Settings, how: str) -> None:
    with Supervisor(settings, [child("one"), child("two")]) as supervisor:
        supervisor.wait_ready(DEADLINE_S)
        before = supervisor.pids()
        if how == "supervisor":
            supervisor.kill("two")
        else:
            os.kill(before["two"], signal.SIGKILL)
        eventually(lambda: supervisor.restarts["two"] == 1)
        supervisor.wait_ready(DEADLINE_S)
        after = supervisor.pids()
        assert after["one"] == before["one"]
        assert after["two"] != before["two"]
        assert supervisor.restarts == {"one": 0, "two": 1}
        assert not supervisor.failures


def test_a_service_that_keeps_dying_is_reported_with_its_last_words(settings: Settings) -> None:
    deaths: list[tuple[str, int, float]] = []

    def died(name: str, status: int, again_in_s: float) -> None:
        deaths.append((name, status, again_in_s))

    with Supervisor(settings, [child("good"), child("bad", "dies")], give_up_after=3, died=died) as supervisor:
        with pytest.raises(SupervisorError, match=r"(?s)^bad keeps dying, last with status 75.*the last words of bad"):
            supervisor.wait_ready(DEADLINE_S)
        assert list(supervisor.failures) == ["bad"]
        assert supervisor.restarts["bad"] == 2
        supervisor.wait_ready(DEADLINE_S, ["good"])
    assert deaths == [("bad", 75, 0.25), ("bad", 75, 0.5)]  # the third is the last


def test_a_service_that_is_not_ready_says_why(settings: Settings) -> None:
    with Supervisor(settings, [child("sick", "never-ready")]) as supervisor:
        eventually(lambda: bool(supervisor.ports()))
        with pytest.raises(SupervisorError, match=r"^sick is not ready after 1 s \(halted: too much poison\)"):
            supervisor.wait_ready(1.0)


def test_a_service_that_says_what_it_waits_for_is_loaded(settings: Settings) -> None:
    with Supervisor(settings, [child("good"), child("slow", "loads")]) as supervisor:
        supervisor.wait_loaded(DEADLINE_S, ["good"])
        eventually(lambda: "slow" in supervisor.ports())
        with pytest.raises(SupervisorError, match=r"^slow is not ready after 0 s \(not ready: starting\)"):
            supervisor.wait_loaded(0)
        (settings.runtime.run_dir / "loaded").touch()
        supervisor.wait_loaded(DEADLINE_S)
        with pytest.raises(SupervisorError, match=r"^slow is not ready after 0 s \(not ready: waiting for the clock\)"):
            supervisor.wait_ready(0)


def test_a_service_that_does_not_listen_is_killed_after_the_grace(settings: Settings) -> None:
    began_s = time.monotonic()
    with Supervisor(settings, [child("one"), child("deaf", "deaf")], grace_s=0.5) as supervisor:
        supervisor.wait_ready(DEADLINE_S)
        pid = supervisor.pids()["deaf"]
        began_s = time.monotonic()
    assert 0.5 <= time.monotonic() - began_s < DEADLINE_S
    assert not psutil.pid_exists(pid)


def test_a_run_file_of_a_former_process_is_not_believed(settings: Settings) -> None:
    stale = run_file(settings.runtime.run_dir, "bad", "0")
    stale.write_text('{"pid": 1, "port": 1}')
    with Supervisor(settings, [child("bad", "dies")], give_up_after=1) as supervisor:
        eventually(lambda: bool(supervisor.failures))
        assert not supervisor.ports()


def test_a_command_that_cannot_be_started_leaves_nothing_behind(settings: Settings) -> None:
    missing = ServiceSpec("missing", command=(str(settings.runtime.run_dir / "no-such-program"),))
    with Supervisor(settings, [child("good"), missing], give_up_after=2) as supervisor:
        with pytest.raises(SupervisorError, match=r"(?s)^missing keeps dying.*No such file"):
            supervisor.wait_ready(DEADLINE_S)
        pid = supervisor.pids()["good"]
    assert not psutil.pid_exists(pid)


def test_names_are_distinct(settings: Settings) -> None:
    with pytest.raises(ValueError, match="distinct"):
        Supervisor(settings, [child("one"), child("one")])
