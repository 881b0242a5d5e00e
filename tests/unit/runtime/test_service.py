"""A service's process: its exit status, its run file, its health and metrics, its logs."""

import http.client
import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orderwing.runtime.errors import START_AGAIN
from orderwing.runtime.health import Health
from orderwing.runtime.metric_defs import ALL_METRICS
from orderwing.runtime.metrics import Metrics, MetricsObserver
from orderwing.runtime.service import FAILED, STOPPED, run_file
from orderwing.runtime.trace_context import trace_id_of

DEADLINE_S = 120.0
# `serve` with a stand-in for the stage: what it does follows below.
PROGRAM = """
    import sys, threading
    from orderwing.kernel.ports import FencedError
    from orderwing.runtime.errors import OperatorError
    from orderwing.runtime.observer import Letter
    from orderwing.runtime.service import serve
    from orderwing.runtime.settings import load
    from orderwing_schemas.events.public import Personal

    def run(settings, observer, stop):
        {body}

    sys.exit(serve("gate", run, load()))
"""
SERVES = """
        observer.batch_decided(3, 0.002)
        observer.committed(0.004)
        observer.emitted("orders.placed", 2)
        observer.emitted("inputs.rejected", 1)
        observer.lag("orders.inbound", 2, 7)
        observer.state({ready}, {halted}, "{message}")
        observer.dead_lettered(Letter("D-1", "A-1", None, "orders.placed/2/7", "not_json"))
        print("up", flush=True)
        stop.wait()
        return 0
"""


@contextmanager
def service(run_dir: Path, body: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    program = textwrap.dedent(PROGRAM).replace("{body}", textwrap.dedent(body).strip().replace("\n", "\n    "))
    command = [sys.executable, "-c", program]
    given = {"ORDERWING_RUN_DIR": str(run_dir), **environment}
    with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", word: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line.strip() == word:
            return lines
        lines.append(line)
    raise AssertionError(f"it ended first: {''.join(lines)}")


def get(run_dir: Path, path: str) -> tuple[int, str]:
    port = json.loads(run_file(run_dir, "gate", "0").read_text())["port"]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def serving(ready: bool, halted: bool, message: str) -> str:
    return SERVES.replace("{ready}", str(ready)).replace("{halted}", str(halted)).replace("{message}", message)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_its_state_and_stops_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    with service(tmp_path, serving(True, False, "")) as process:
        lines = [json.loads(line) for line in read_until(process, "up")]
        assert json.loads(run_file(tmp_path, "gate", "0").read_text())["pid"] == process.pid
        assert get(tmp_path, "/livez") == (200, "alive\n")
        assert get(tmp_path, "/readyz") == (200, "ready\n")
        assert get(tmp_path, "/other")[0] == 404
        status, text = get(tmp_path, "/metrics")
        assert status == 200
        for line in (
            'orderwing_records_in_total{service="gate"} 3.0',
            'orderwing_records_out_total{service="gate",topic="orders.placed"} 2.0',
            'orderwing_records_rejected_total{service="gate",topic="inputs.rejected"} 1.0',
            'orderwing_input_lag_records{partition="2",service="gate",topic="orders.inbound"} 7.0',
            'orderwing_commit_seconds_bucket{le="0.005",service="gate"} 1.0',
            'orderwing_ready{service="gate"} 1.0',
        ):
            assert line in text.splitlines()
        dead = next(line for line in lines if line["event"] == "dead letter")
        assert (dead["service"], dead["record"], dead["reason"]) == ("gate", "orders.placed/2/7", "not_json")
        assert (dead["order_id"], dead["trace_id"]) == ("A-1", trace_id_of("A-1"))
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == STOPPED
    assert not run_file(tmp_path, "gate", "0").exists()


def test_halted_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with service(tmp_path, serving(True, True, "too many dead letters")) as process:
        read_until(process, "up")
        assert get(tmp_path, "/readyz") == (503, "halted: too many dead letters\n")
        assert 'orderwing_halted{service="gate"} 1.0' in get(tmp_path, "/metrics")[1].splitlines()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("raise FencedError('another instance')", START_AGAIN, "another instance"),
        ("return 75", START_AGAIN, "stopped"),
        ("raise OperatorError('Start Kafka first.')", FAILED, "Start Kafka first."),
        ("return 0", FAILED, "gate ended without being asked to."),
        ("raise ZeroDivisionError('oh')", FAILED, "gate met a defect: see the traceback."),
    ],
)
def test_the_exit_status_says_what_to_do(tmp_path: Path, body: str, status: int, told: str) -> None:
    with service(tmp_path, body) as process:
        output, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == status
        assert told in output
        assert all(json.loads(line) for line in output.splitlines())
    assert not run_file(tmp_path, "gate", "0").exists()


def test_a_traceback_shows_no_personal_data(tmp_path: Path) -> None:
    body = """
        name = "Ada Lovelace"
        Personal.model_validate({"name": name, "address": "12 St James's Square"})
    """
    with service(tmp_path, body) as process:
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert "ValidationError" in output
    assert "Lovelace" not in output
    assert "Square" not in output


def test_a_busy_port_is_told(tmp_path: Path) -> None:
    with service(tmp_path, serving(True, False, "")) as first:
        read_until(first, "up")
        port = json.loads(run_file(tmp_path, "gate", "0").read_text())["port"]
        with service(tmp_path / "other", "return 0", ORDERWING_HTTP_PORT=str(port)) as second:
            output, _ = second.communicate(timeout=DEADLINE_S)
    assert f"127.0.0.1:{port} cannot be used" in output
    assert "ORDERWING_HTTP_PORT" in output


def test_asked_twice_it_ends_at_once(tmp_path: Path) -> None:
    body = """
        print("up", flush=True)
        stop.wait()
        print("stopping", flush=True)
        threading.Event().wait()
    """
    with service(tmp_path, body) as process:
        read_until(process, "up")
        process.send_signal(signal.SIGTERM)
        read_until(process, "stopping")
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == -signal.SIGTERM
        assert time.monotonic() - began_s < DEADLINE_S / 2


def test_a_batch_decided_again_counts_once() -> None:
    metrics = Metrics("test")
    observer = MetricsObserver(metrics, Health())
    observer.batch_decided(7, 0.1)
    observer.aborted()
    observer.batch_decided(7, 0.1)
    observer.committed(0.1)
    observer.batch_decided(2, 0.1)  # led to nothing: nothing is committed
    observer.batch_decided(3, 0.1)
    observer.committed(0.1)
    text = metrics.exposition(Health())[1].decode()
    assert 'orderwing_records_in_total{service="test"} 12.0' in text


def test_metrics_have_base_units_and_one_definition_each() -> None:
    names = [metric.name for metric in ALL_METRICS]
    assert len(set(names)) == len(names)
    for metric in ALL_METRICS:
        assert metric.name.startswith("orderwing_")
        assert metric.about.endswith(".")
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert (metric.kind == "histogram") == bool(metric.buckets)
        assert not any(unit in metric.name for unit in ("_ms", "_millis", "_kb", "_minutes"))
