"""How long a stage takes to come back: rows written to reservation's changelog, then restored by the runner.

`python -m orderwing.bench.restoring BOOTSTRAP ROWS` prints the figures as JSON, from a process that did nothing else.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from orderwing.bench.log import fresh_topics, write_rows
from orderwing.bench.options import Restored
from orderwing.bench.pipeline import Servers, morning_ms
from orderwing.bench.usage import usage_of
from orderwing.reservation.stage import STAGE
from orderwing.reservation.stock import Shelf
from orderwing.runtime.clock import REAL_TIME
from orderwing.runtime.embedded.process import ChildProcess
from orderwing.runtime.kafka import KafkaBus
from orderwing.runtime.observer import SilentObserver
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.publish import fix_clock, publish_reference
from orderwing.runtime.runner import Runner
from orderwing.runtime.store import changelog_key
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.topics import PARTITIONS, changelog

_SITES = 100
_DEADLINE_S = 600.0


def measure_restore(servers: Servers, rows: int) -> Restored:
    """Raises OperatorError from the cluster, RuntimeError where the rows do not come back."""
    bootstrap = servers.broker.bootstrap
    fresh_topics(bootstrap, PARTITIONS)
    fix_clock(bootstrap, 1.0, time.time_ns() // 1_000_000, morning_ms())
    publish_reference(bootstrap, demo_network(), demo_catalogue())
    outputs = Outputs(STAGE.name, changelog(STAGE.name).name)
    task = "restore: write rows"
    write_rows(
        bootstrap,
        (
            outputs.row(changelog_key(Shelf, shelf.key), shelf, number, number % PARTITIONS)
            for number, shelf in ((n, _shelf(n)) for n in range(rows))
        ),
        lambda done: servers.progress(task, done, rows),
    )
    log = servers.directory / "restore.json"
    child = ChildProcess([sys.executable, "-m", "orderwing.bench.restoring", bootstrap, str(rows)], log=log)
    status = child.wait(_DEADLINE_S)
    if status != 0:
        raise RuntimeError(f"The rows were not restored: see {log}.")
    return _told(log)


def _shelf(number: int) -> Shelf:
    return Shelf(site_id=f"site-{number % _SITES:03}", sku=f"SKU-{number // _SITES:06}", on_hand=100, safety=2)


def _told(log: Path) -> Restored:
    return Restored(**json.loads(log.read_text("utf-8").splitlines()[-1]))


class _Times(SilentObserver):
    """When the runner got its partitions, and when it was ready."""

    def __init__(self) -> None:
        self.assigned_s = 0.0
        self.ready_s = 0.0

    def state(self, ready: bool, halted: bool, message: str) -> None:
        if ready:
            self.ready_s = time.monotonic()
        elif not self.assigned_s and message:
            self.assigned_s = time.monotonic()


def restore(bootstrap: str, rows: int) -> Restored:
    """Raises RuntimeError where rows are missing."""
    bus = KafkaBus(bootstrap, STAGE.name, "bench")
    times = _Times()
    runner = Runner(STAGE, bus, REAL_TIME, times)
    try:
        while not times.ready_s or not runner.partitions:
            runner.step()
        found = sum(len(partition.store) for partition in runner.partitions.values())
        if found != rows:
            raise RuntimeError(f"{found} of {rows} rows came back")
        memory_mib = usage_of({"runner": os.getpid()}).memory_mib()["runner"]
    finally:
        runner.close()
    return Restored(rows, times.ready_s - times.assigned_s, memory_mib)


if __name__ == "__main__":
    found = restore(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write(json.dumps(vars(found)) + "\n")
