"""Tells operators that a routing engine is down: a metric for the alert, a line in the log."""

from __future__ import annotations

from orderwing.runtime import metric_defs as defs
from orderwing.runtime.logs import get_logger
from orderwing.runtime.metrics import Metrics

_log = get_logger("orderwing.distances")


class DistanceAlarm:
    """For one engine; answers the planner's port `Alarm`."""

    def __init__(self, metrics: Metrics, engine: str) -> None:
        self._metrics = metrics
        metrics.add(defs.DISTANCES_ESTIMATED, 0, engine)  # a rate needs a value before the first one

    def down(self, engine: str, reason: str) -> None:
        _log.error("routing engine is down: distances are estimated", engine=engine, reason=reason)

    def up(self, engine: str) -> None:
        _log.info("routing engine answers again", engine=engine)

    def estimated(self, engine: str, pairs: int) -> None:
        self._metrics.add(defs.DISTANCES_ESTIMATED, pairs, engine)

    def trouble(self, reason: str) -> None:
        _log.error("distances", reason=reason)
