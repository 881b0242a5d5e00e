"""A real Prometheus for the tests that need one: its programs are not in any package index of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.running import wait_until

ROOT = Path(__file__).resolve().parents[2]
NO_PROMETHEUS = "Prometheus is not installed"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; skips the test where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(NO_PROMETHEUS)
    return found


@contextmanager
def scraping(directory: Path, targets: Path) -> Iterator[str]:
    """The URL of a Prometheus with our configuration that scrapes, every 2 s, what announces itself in `targets`."""
    shutil.copytree(ROOT / "deploy" / "prometheus", directory)
    (directory / "targets").symlink_to(targets)
    config = directory / "prometheus.yml"
    text = re.sub(r"(scrape_interval|scrape_timeout|evaluation_interval): \d+s", r"\1: 2s", config.read_text("utf-8"))
    config.write_text(text, "utf-8")
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: process.poll() is not None or bool(_ports(process)), "Prometheus listens")
        assert process.poll() is None, (directory / "log").read_text("utf-8")
        yield f"http://127.0.0.1:{_ports(process)[0]}"
    finally:
        process.kill()
        process.wait()


def _ports(process: subprocess.Popen[bytes]) -> list[int]:
    connections = psutil.Process(process.pid).net_connections("tcp")
    return [connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN]
