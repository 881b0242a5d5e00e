"""A Prometheus, asked over HTTP."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from orderwing.dashboards.panels import RATE
from orderwing.runtime.errors import OperatorError

_TIMEOUT_S = 30.0
_RATE_OVER = "20s"  # what Grafana takes for $__rate_interval where all is scraped every 5 s
_POINTS = 240


@dataclass(frozen=True)
class Series:
    """Finite values only, oldest first; at least one. `times_s` since the epoch, one for each value."""

    labels: Mapping[str, str]
    values: Sequence[float]
    times_s: Sequence[float]


class Prometheus:
    """`url` is http://host:port. Raises OperatorError where none answers."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def range(self, expr: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """What `expr` gave in that time. Raises ValueError with Prometheus' words if it refuses the query."""
        found = self._get("query_range", query=expr, start=f"{start_s:.3f}", end=f"{end_s:.3f}", step=f"{step_s:.3f}")
        told = []
        for series in found["result"]:
            points = [(float(at), v) for at, text in series["values"] if math.isfinite(v := float(text))]
            if points:
                told.append(Series(series["metric"], [v for _, v in points], [at for at, _ in points]))
        return told

    def last_s(self, expr: str, seconds: float) -> float | None:
        """When `expr` last gave something in the last `seconds`."""
        found = self._get("query", query=f"max(max_over_time(timestamp({expr})[{seconds:.0f}s:1s]))")["result"]
        return float(found[0]["value"][1]) if found else None

    def rules(self) -> list[Mapping[str, Any]]:
        """Every rule with its `health`."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{what}?{query}", timeout=_TIMEOUT_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if (refusal := error.read().decode("utf-8", "replace")).startswith('{"status":"error"'):
                raise ValueError(refusal) from None
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            pass
        raise OperatorError(f"No Prometheus answers at {self._url}: start one, or name it.")


class Run:
    """The `seconds` before all services were last scraped. Raises OperatorError where there were none."""

    def __init__(self, url: str, seconds: float) -> None:
        self._prometheus = Prometheus(url)
        up = 'min by (app) (up{app="orderwing"})'
        last_s = self._prometheus.last_s
        try:
            end_s = last_s(f"({up}) == 1", seconds) or last_s(up, seconds)  # if never all were up
        except ValueError as error:
            raise OperatorError(f"{url} cannot look back {seconds:.0f} s: {error}") from None
        if end_s is None:
            raise OperatorError(f"{url} has scraped no service of orderwing in the last {seconds:.0f} s.")
        self.end_s = end_s
        self.seconds = seconds

    @property
    def start_s(self) -> float:
        return self.end_s - self.seconds

    def ask(self, expr: str) -> list[Series]:
        """As `Prometheus.range`; Grafana's `$__rate_interval` is filled in."""
        step_s = max(1.0, self.seconds / _POINTS)
        return self._prometheus.range(expr.replace(RATE, _RATE_OVER), self.start_s, self.end_s, step_s)
