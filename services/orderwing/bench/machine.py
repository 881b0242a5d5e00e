"""What a run was measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from orderwing.runtime.embedded.jars import locked_jars

_LIBRARIES = ("confluent-kafka", "pydantic", "msgspec", "aiohttp", "pycurl")


def facts(command: str, libraries: Sequence[str] = _LIBRARIES) -> Mapping[str, str]:
    return {
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_cpu_model()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "busy before": f"load {os.getloadavg()[0]:.1f} over the last minute",
        "versions": ", ".join(
            [
                f"orderwing {version('orderwing')}",
                f"Python {platform.python_version()}",
                f"Apache Kafka {_kafka_version()}",
                *(f"{name} {version(name)}" for name in libraries),
            ]
        ),
    }


def _cpu_model() -> str:
    """Linux tells the model; elsewhere the architecture has to do."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _kafka_version() -> str:
    return next((jar.version for jar in locked_jars() if jar.artifact == "kafka-clients"), "unknown")
