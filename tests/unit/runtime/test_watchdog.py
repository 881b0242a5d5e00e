"""A process that stands still is ended, one that moves is left alone."""

import subprocess
import sys

from orderwing.runtime.errors import START_AGAIN

_STANDS_STILL = """
import threading
from orderwing.runtime.watchdog import Watchdog
with Watchdog(0.2):
    threading.Event().wait()
"""
_MOVES = """
import threading, time
from orderwing.runtime.watchdog import Watchdog
with Watchdog(60) as watchdog:
    watchdog.pulse()
"""


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)


def test_a_process_that_stands_still_is_ended_with_its_stacks() -> None:
    ended = _run(_STANDS_STILL)
    assert ended.returncode == START_AGAIN
    assert "stands still" in ended.stderr
    assert "threading.py" in ended.stderr


def test_a_process_that_moves_is_left_alone() -> None:
    assert _run(_MOVES).returncode == 0
