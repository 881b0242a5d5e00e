"""What happens while an engine is down: decisions go on with estimates, and somebody is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from orderwing.planning.distances.cache import Cached
from orderwing.planning.distances.detour import Detour
from orderwing.planning.distances.places import Places
from orderwing.planning.distances.port import Distances, EngineError, Matrix, RoadEngine

_RETRY_S = 15.0
T = TypeVar("T")


class Alarm(Protocol):
    """Who is told."""

    def down(self, engine: str, reason: str) -> None:
        """It was asked and did not answer; told each time, which is once in `retry_s` while it lasts."""

    def up(self, engine: str) -> None:
        """It answers again."""

    def estimated(self, engine: str, pairs: int) -> None:
        """An answer of so many pairs is an estimate in its place."""

    def trouble(self, reason: str) -> None:
        """Something else is wrong that does no more than cost time."""


class Breaker:
    """An engine that after a failure is left alone for `retry_s`, so that nobody waits for its time-outs."""

    def __init__(
        self, engine: RoadEngine, alarm: Alarm, clock_s: Callable[[], float], retry_s: float = _RETRY_S
    ) -> None:
        """`clock_s` is monotonic."""
        self.name = engine.name
        self.profile = engine.profile
        self._engine = engine
        self._alarm = alarm
        self._clock_s = clock_s
        self._retry_s = retry_s
        self._failure: tuple[float, str] | None = None

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        return self._try(lambda: self._engine.matrix(origins, destinations))

    def data_version(self) -> str:
        return self._try(self._engine.data_version)

    def _try(self, ask: Callable[[], T]) -> T:
        if self._failure is not None and self._clock_s() < self._failure[0]:
            raise EngineError(self._failure[1])
        try:
            found = ask()
        except EngineError as error:
            self._failure = (self._clock_s() + self._retry_s, str(error))
            self._alarm.down(self.name, str(error))
            raise
        if self._failure is not None:
            self._failure = None
            self._alarm.up(self.name)
        return found


class Fallback:
    """Straight lines times a fitted factor instead of an engine's error, marked in the answer and told.

    The whole answer is estimated, not only what is missing: a plan made of both would favour whichever is too short.
    """

    def __init__(self, engine: RoadEngine, detour: Detour, alarm: Alarm) -> None:
        self._engine = engine
        self._straight = detour.straight()
        self._alarm = alarm

    def matrix(self, origins: Places, destinations: Places) -> Matrix:
        try:
            return self._engine.matrix(origins, destinations)
        except EngineError:
            self._alarm.estimated(self._engine.name, len(origins) * len(destinations))
            return replace(self._straight.matrix(origins, destinations), estimated=True)


def guarded(
    engine: RoadEngine,
    detour: Detour,
    alarm: Alarm,
    clock_s: Callable[[], float],
    *,
    cache: Path | None = None,
    version: str | None = None,
    retry_s: float = _RETRY_S,
) -> Distances:
    """All of it: estimates when `engine` fails, and answers that the file `cache` knows even then."""
    asked: RoadEngine = Breaker(engine, alarm, clock_s, retry_s)
    if cache is not None:
        asked = Cached(asked, cache, version=version, trouble=alarm.trouble)
    return Fallback(asked, detour, alarm)
