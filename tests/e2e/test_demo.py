"""The one line that runs the whole product, on a real broker and Redis, with every service as its own process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.running import private_cache, processes_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

DEADLINE_S = 600.0  # several times what a run takes

DEMO = (sys.executable, "-P", "-m", "orderwing", "demo", "--no-ui", "--speed", "480", "--rate", "20")
PARTS_OF_THE_REPORT = {
    "placed", "accepted", "rejected", "duplicates", "states", "lost", "duplicated", "oversold_units", "stuck",
    "audit_violations", "parcels_per_order", "cost_minor_per_order", "promise_kept", "reoptimizer",
    "throughput_orders_per_s", "latency_ms", "views_lag_ms", "startup_s",
}  # fmt: skip


@contextmanager
def demo(cache: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A running demo and what it says; killed at the end if it still runs."""
    environment = private_cache(cache)
    output = cache / "output.txt"
    with output.open("wb") as told:
        process = subprocess.Popen([*DEMO, *options], env=environment, stdout=told, stderr=subprocess.STDOUT)
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()


def finished(process: subprocess.Popen[bytes], output: Path) -> int:
    try:
        return process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"the demo still runs: {output.read_text('utf-8')[-2000:]}") from None


def streams(output: Path) -> bool:
    return b"streaming" in output.read_bytes()


def require_sound(report: dict[str, Any], least_orders: int) -> None:
    broken = {name: report[name] for name in ("lost", "duplicated", "oversold_units", "stuck", "audit_violations")}
    assert broken == dict.fromkeys(broken, 0)
    assert report["placed"] >= least_orders
    assert report["placed"] == report["accepted"] + sum(report["rejected"].values()) + report["duplicates"]
    assert sum(report["states"].values()) == report["accepted"]
    assert report["states"].get("delivered", 0) >= 0.6 * report["accepted"]


def test_a_small_demo_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    with demo(tmp_path, "--orders", "60", "--seed", "7", "--report", str(report_file)) as (process, output):
        status = finished(process, output)
    text = output.read_text("utf-8")
    assert status == 0, text[-3000:]
    report = json.loads(report_file.read_text("utf-8"))
    assert report.keys() == PARTS_OF_THE_REPORT
    require_sound(report, 60)
    assert report["reoptimizer"]["windows"] > 0
    assert report["latency_ms"]["placed_to_allocated_p99"] >= report["latency_ms"]["placed_to_allocated_p50"] > 0
    assert report["throughput_orders_per_s"] > 0
    assert processes_of(tmp_path) == []
    assert list((tmp_path / "demo").glob("run-*")) == []


def test_a_demo_that_is_stopped_is_taken_up_again(tmp_path: Path) -> None:
    """Ctrl-C in the middle of the stream; the second start ends what the first began."""
    with demo(tmp_path, "--orders", "400", "--seed", "3", "--keep") as (process, output):
        wait_until(lambda: streams(output) or process.poll() is not None, "orders are streaming", DEADLINE_S)
        assert streams(output), output.read_text("utf-8")[-3000:]
        process.send_signal(signal.SIGINT)
        assert finished(process, output) == 130, output.read_text("utf-8")[-3000:]
    assert b"Traceback" not in output.read_bytes()
    assert processes_of(tmp_path) == []
    report_file = tmp_path / "report.json"
    options = ("--orders", "20", "--seed", "3", "--keep", "--report", str(report_file))
    with demo(tmp_path, *options) as (process, output):
        status = finished(process, output)
    assert status == 0, output.read_text("utf-8")[-3000:]
    require_sound(json.loads(report_file.read_text("utf-8")), 21)
    assert processes_of(tmp_path) == []
