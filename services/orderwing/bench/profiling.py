"""A service under cProfile, and what it spent its time on."""

from __future__ import annotations

import io
import pstats
import sys
from pathlib import Path

_LINES = 40


def profile_file(service: str, directory: Path) -> Path:
    return directory / f"{service}.profile"


def profiled(service: str, directory: Path) -> list[str]:
    """The command that runs `service` and leaves its profile in `directory`."""
    file = str(profile_file(service, directory))
    return [sys.executable, "-m", "cProfile", "-o", file, "-m", "orderwing.commands.service", service]


def hot_functions(service: str, directory: Path) -> str:
    """By time of their own, then with what they call."""
    told = io.StringIO()
    stats = pstats.Stats(str(profile_file(service, directory)), stream=told).strip_dirs()
    stats.sort_stats("tottime").print_stats(_LINES)
    stats.sort_stats("cumulative").print_stats(_LINES)
    return told.getvalue()
