"""How long each part of a run took."""

from __future__ import annotations

import time


class Phases:
    """`seconds` of wall time by part, in the order in which they ended; the first began at `began_s` (monotonic)."""

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.seconds: dict[str, float] = {}
        self._last_s = began_s

    def ended(self, name: str) -> None:
        now_s = time.monotonic()
        self.seconds[name] = round(now_s - self._last_s, 2)
        self._last_s = now_s
