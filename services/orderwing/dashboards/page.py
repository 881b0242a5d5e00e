"""A page of the dashboards as its JSON describes it, with what a Prometheus answers to each panel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderwing.dashboards.ask import Run, Series
from orderwing.dashboards.panels import DIRECTORY
from orderwing.dashboards.words import name
from orderwing.runtime.errors import OperatorError

COLUMNS = 24  # of Grafana's grid


@dataclass(frozen=True)
class Shown:
    """A panel and its series by their names. `kind` is Grafana's: timeseries, stat, bargauge.

    `x`, `y`, `width`, `height` are in cells of the grid. A value is in the colour of the last of `steps`
    (from which value, colour) that it reaches. `error` is what Prometheus said against a query.
    """

    title: str
    kind: str
    unit: str
    x: int
    y: int
    width: int
    height: int
    steps: Sequence[tuple[float, str]]
    stacked: bool
    series: Sequence[tuple[str, Series]]
    error: str = ""

    def colour(self, value: float) -> str:
        return next((colour for least, colour in reversed(self.steps) if value >= least), "")


@dataclass(frozen=True)
class Page:
    """`start_s` and `end_s` since the epoch."""

    title: str
    panels: Sequence[Shown]
    start_s: float
    end_s: float


def names(root: Path) -> list[str]:
    """Of all pages under `root`. Raises OperatorError if it is not the repository."""
    found = sorted(path.stem for path in (root / DIRECTORY).glob("*.json"))
    if not found:
        raise OperatorError(f"{root.absolute()} is not orderwing's repository: go there, or name it.")
    return found


def answered(root: Path, page: str, run: Run) -> Page:
    """Raises OperatorError if there is no such page, or no Prometheus answers."""
    if page not in (known := names(root)):
        raise OperatorError(f"There is no page {page}; there are {', '.join(known)}.")
    told = json.loads((root / DIRECTORY / f"{page}.json").read_text("utf-8"))
    return Page(told["title"], [_shown(panel, run) for panel in told["panels"]], run.start_s, run.end_s)


def _shown(panel: Mapping[str, Any], run: Run) -> Shown:
    defaults, place = panel["fieldConfig"]["defaults"], panel["gridPos"]
    custom = defaults.get("custom", {})
    steps = [(float("-inf") if s["value"] is None else s["value"], s["color"]) for s in defaults["thresholds"]["steps"]]
    series: list[tuple[str, Series]] = []
    error = ""
    for target in panel["targets"]:
        legend = target["legendFormat"].replace("__auto", "")
        try:
            series += [(name(legend, one), one) for one in run.ask(target["expr"])]
        except ValueError as refused:
            error = str(refused)
    return Shown(
        panel["title"],
        panel["type"],
        defaults["unit"],
        place["x"],
        place["y"],
        place["w"],
        place["h"],
        steps,
        custom.get("stacking", {}).get("mode", "none") == "normal",
        series,
        error,
    )
