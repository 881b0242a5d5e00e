"""Ends a process that stands still, so that whoever supervises it starts another."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from types import TracebackType
from typing import Self

from orderwing.runtime.errors import START_AGAIN

STANDSTILL_S = 45.0


class Watchdog:
    """Seen: a call into librdkafka that outlasts its own time limit, for ever, after the broker was killed.

    A thread ends the process with status 75 once `pulse` was not called for `limit_s`, with the stacks of all threads
    on standard error. Nothing is lost: what was not committed is decided again.
    """

    def __init__(self, limit_s: float = STANDSTILL_S) -> None:
        self._limit_s = limit_s
        self._seen_s = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def pulse(self) -> None:
        self._seen_s = time.monotonic()

    def __enter__(self) -> Self:
        self.pulse()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._limit_s / 10):
            if time.monotonic() - self._seen_s > self._limit_s:
                print(f"stands still for {self._limit_s:g} s: ended, to be started again", file=sys.stderr)
                faulthandler.dump_traceback(all_threads=True)
                os._exit(START_AGAIN)
