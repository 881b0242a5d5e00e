"""A Prometheus, asked over HTTP."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orderwing.runtime.errors import OperatorError

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Series:
    """Finite values only, oldest first; at least one."""

    labels: Mapping[str, str]
    values: Sequence[float]


class Prometheus:
    """`url` is http://host:port. Raises OperatorError where none answers."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def range(self, expr: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """What `expr` gave in that time. Raises ValueError with Prometheus' words if it refuses the query."""
        found = self._get("query_range", query=expr, start=f"{start_s:.3f}", end=f"{end_s:.3f}", step=f"{step_s:.3f}")
        told = [
            Series(series["metric"], [v for _, text in series["values"] if math.isfinite(v := float(text))])
            for series in found["result"]
        ]
        return [series for series in told if series.values]

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
            raise ValueError(error.read().decode("utf-8", "replace")) from None
        except (OSError, ValueError, KeyError):
            raise OperatorError(f"No Prometheus answers at {self._url}: start one, or name it.") from None
