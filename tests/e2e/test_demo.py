"""The one line that runs the whole product, on a real broker and Redis, with every service as its own process."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.dashboards.ask import Prometheus, Run
from orderwing.dashboards.check import ask_all, silent
from orderwing.dashboards.page import answered
from orderwing.runtime import metric_defs as defs
from orderwing.runtime.metric_defs import ALL_METRICS
from support.monitoring import NO_PROMETHEUS, ROOT, scraping
from support.running import private_cache, processes_of, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

DEADLINE_S = 600.0  # several times what a run takes

DEMO = (sys.executable, "-P", "-m", "orderwing", "demo", "--no-ui", "--speed", "480", "--rate", "20")
PARTS_OF_THE_REPORT = {
    "placed", "accepted", "rejected", "duplicates", "states", "lost", "duplicated", "oversold_units", "stuck",
    "audit_violations", "planned", "gathered_orders", "parcels_per_order", "cost_minor_per_order", "promise_kept",
    "promise_missed", "stops_per_100_shipments", "reoptimizer", "throughput_orders_per_s", "latency_ms", "views_lag_ms",
    "startup_s", "phases_s",
}  # fmt: skip


# What a healthy run of so few orders may not bring about.
MAY_STAY_NOUGHT = {
    metric.name
    for metric in (
        defs.RECORDS_REJECTED, defs.TRANSACTIONS_ABORTED, defs.DEAD_LETTERS, defs.PARKED, defs.DEADLINES_DUE,
        defs.INPUT_LAG, defs.HALTED, defs.PROVIDER_IN_FLIGHT, defs.PROVIDER_RETRIES, defs.PROPOSALS, defs.POOL_PARTS,
        defs.ORDERS_STUCK, defs.PROMISES_AT_RISK, defs.BACKORDERED_UNITS, defs.FROZEN_SPLITS, defs.PROPOSALS_ANSWERED,
        defs.SAVED_MINOR, defs.PARTITIONS_LEADERLESS, defs.PARTITIONS_UNDER_REPLICATED, defs.DISTANCES_ESTIMATED,
        defs.POLICY_UNUSABLE, defs.STEERING_SECONDS, defs.STEERING_PRICES, defs.STEERING_AGE, defs.STEERING_REFUSED,
    )
}  # fmt: skip

Ended = tuple[int, str, list[str]]  # exit status, what it said, processes that it left


@dataclass(frozen=True)
class TakenUp:
    """`prometheus` is the URL of one that scraped all of it, for `seconds`; None where there is none."""

    stopped: Ended
    ended: Ended
    report_file: Path
    prometheus: str | None
    seconds: float


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


@pytest.fixture(scope="module")
def taken_up_again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenUp]:
    """A demo, Ctrl-C in the middle of its stream, and a second start that ends what the first began."""
    cache = tmp_path_factory.mktemp("taken-up")
    services = cache / "demo" / "kept" / "services"
    services.mkdir(parents=True)
    with ExitStack() as stack:
        prometheus, began_s = None, time.monotonic()
        if shutil.which("prometheus"):
            prometheus = stack.enter_context(scraping(tmp_path_factory.mktemp("scraped") / "prometheus", services))
        with demo(cache, "--orders", "400", "--seed", "3", "--keep") as (process, output):
            wait_until(lambda: streams(output) or process.poll() is not None, "orders are streaming", DEADLINE_S)
            assert streams(output), output.read_text("utf-8")[-3000:]
            process.send_signal(signal.SIGINT)
            stopped = finished(process, output), output.read_text("utf-8"), processes_of(cache)
        report_file = cache / "report.json"
        options = ("--orders", "20", "--seed", "3", "--keep", "--report", str(report_file))
        with demo(cache, *options) as (process, output):
            ended = finished(process, output), output.read_text("utf-8"), processes_of(cache)
        yield TakenUp(stopped, ended, report_file, prometheus, time.monotonic() - began_s)


def test_a_demo_that_is_stopped_is_taken_up_again(taken_up_again: TakenUp) -> None:
    status, text, left = taken_up_again.stopped
    assert status == 130, text[-3000:]
    assert "Traceback" not in text
    assert left == []
    status, text, left = taken_up_again.ended
    assert status == 0, text[-3000:]
    require_sound(json.loads(taken_up_again.report_file.read_text("utf-8")), 21)
    assert left == []


def has_risen(run: TakenUp, name: str) -> bool:
    """Whether a metric was ever above nought: most are told as 0 from the start."""
    assert run.prometheus is not None
    now_s, told = time.time(), f'sum({{__name__=~"{name}(_count)?"}})'
    found = Prometheus(run.prometheus).range(told, now_s - run.seconds - 30, now_s, 2)
    return any(value > 0 for series in found for value in series.values)


def test_every_query_of_the_dashboards_and_alerts_is_answered(taken_up_again: TakenUp) -> None:
    if taken_up_again.prometheus is None:
        pytest.skip(NO_PROMETHEUS)
    answers = ask_all(taken_up_again.prometheus, taken_up_again.seconds + 30, ROOT)
    assert silent(answers) == []
    assert len(answers) > 200
    unwell = [rule for rule in Prometheus(taken_up_again.prometheus).rules() if rule["health"] != "ok"]
    assert unwell == []
    fed = {metric.name for metric in ALL_METRICS} - MAY_STAY_NOUGHT
    assert {name for name in fed if not has_risen(taken_up_again, name)} == set()


def test_a_page_is_drawn_without_grafana(taken_up_again: TakenUp, tmp_path: Path) -> None:
    if taken_up_again.prometheus is None:
        pytest.skip(NO_PROMETHEUS)
    seconds = taken_up_again.seconds + 30
    where = ("--prometheus", taken_up_again.prometheus, "--minutes", str(seconds / 60), "--root", str(ROOT))
    drawn = CliRunner().invoke(
        app, ["dashboards", "picture", "overview", *where, "--out", str(tmp_path), "--format", "svg"]
    )
    assert drawn.exit_code == 0, drawn.output
    page = answered(ROOT, "overview", Run(taken_up_again.prometheus, seconds))
    assert all(panel.series and not panel.error for panel in page.panels)
    text = (tmp_path / "overview.svg").read_text("utf-8")
    told = {panel.title for panel in page.panels} | {name for panel in page.panels for name, _ in panel.series[:4]}
    assert {words for words in told if words and f"<!-- {words} -->" not in text} == set()
