"""Every query of the dashboards and of the alerts, asked of a Prometheus that has scraped a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import yaml

from orderwing.dashboards.ask import Prometheus, Series
from orderwing.dashboards.contents import boards
from orderwing.dashboards.panels import RATE
from orderwing.runtime.errors import OperatorError

RULES = Path("deploy/prometheus/alerts.yml")
_RATE_OVER = "20s"  # what Grafana takes for $__rate_interval where all is scraped every 5 s
_POINTS = 240
_SHOWN, _SIGNALS_SHOWN = 12, 4  # series told of one query
_SIGNALS = "Alerts and their signals"
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Answer:
    """An alert has nothing to say while all is well: `states` are those that it had, pending or firing.

    `error` is what Prometheus said against the query.
    """

    page: str
    title: str
    unit: str
    expr: str
    legend: str
    series: Sequence[Series]
    states: frozenset[str] | None = None
    error: str = ""

    @property
    def silent(self) -> bool:
        return bool(self.error) or (not self.series and self.states is None)


def ask_all(url: str, seconds: float, root: Path) -> list[Answer]:
    """What each query gave in the last `seconds` before all services were last scraped. Raises OperatorError."""
    prometheus = Prometheus(url)
    up = 'min by (app) (up{app="orderwing"})'
    end_s = prometheus.last_s(f"({up}) == 1", seconds) or prometheus.last_s(up, seconds)  # if never all were up
    if end_s is None:
        raise OperatorError(f"{url} has scraped no service of orderwing in the last {seconds:.0f} s.")

    def ask(expr: str) -> list[Series]:
        return prometheus.range(expr, end_s - seconds, end_s, max(1.0, seconds / _POINTS))

    answers = []
    for page, title, unit, expr, legend, alerts in [*_panel_queries(), *_rule_queries(root)]:
        states = None
        try:
            series = ask(expr.replace(RATE, _RATE_OVER))
            if alerts:
                told = ask(f'max by (alertstate) (ALERTS{{alertname="{title}"}})')
                states = frozenset(one.labels["alertstate"] for one in told)
            answers.append(Answer(page, title, unit, expr, legend, series, states))
        except ValueError as error:
            answers.append(Answer(page, title, unit, expr, legend, (), states, str(error)))
    return answers


def _panel_queries() -> Iterator[tuple[str, str, str, str, str, bool]]:
    for board in boards():
        for panel in board.panels:
            for query in panel.queries:
                yield board.title, panel.title, panel.unit, query.expr, query.legend, False


def _rule_queries(root: Path) -> Iterator[tuple[str, str, str, str, str, bool]]:
    try:
        rules = yaml.safe_load((root / RULES).read_text("utf-8"))
    except OSError:
        raise OperatorError(f"{root.absolute()} is not orderwing's repository: go there, or name it.") from None
    for group in rules["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert") or rule["record"]
            yield _SIGNALS, name, "", str(rule["expr"]), "", "alert" in rule


# --- For people ----------------------------------------------------------------------------------------------------


def markdown(answers: Sequence[Answer]) -> str:
    """`docs/dashboards.md`."""
    lines = [
        "# Dashboards",
        "",
        "What Prometheus answered to every query of `deploy/grafana/dashboards` and `deploy/prometheus/alerts.yml`",
        "after one run (`orderwing demo --speed 240 --rate 5 --orders 600 --seed 3 --keep`): the last value of each",
        "series while all services ran, with its course. An alert is quiet, pending (its condition held, and not long",
        "enough) or firing. Written by `orderwing dashboards check --out docs/dashboards.md`; no Grafana drew it.",
    ]
    for page, found in groupby(answers, key=lambda answer: answer.page):
        lines += ["", f"## {page}", "", "| panel | series | last | course |", "| --- | --- | ---: | --- |"]
        for answer in found:
            lines += _rows(answer)
    return "\n".join([*lines, ""])


def _rows(answer: Answer) -> Iterator[str]:
    if answer.states is not None:
        yield f"| {answer.title} | {' and '.join(sorted(answer.states, reverse=True)) or 'quiet'} | | |"
        return
    if not answer.series:
        yield f"| {answer.title} | no data | | |"
    shown = _SIGNALS_SHOWN if answer.page == _SIGNALS else _SHOWN
    for series in answer.series[:shown]:
        last = _told(series.values[-1], answer.unit)
        yield f"| {answer.title} | {_name(answer.legend, series)} | {last} | {_course(series.values)} |"
    if (more := len(answer.series) - shown) > 0:
        yield f"| {answer.title} | and {more} more | | |"


def _name(legend: str, series: Series) -> str:
    if not legend:
        return ", ".join(f"{name} {value}" for name, value in series.labels.items() if name != "__name__")
    for name in series.labels:
        legend = legend.replace("{{" + name + "}}", series.labels[name])
    return legend if "{{" not in legend else ""


def _told(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 1e6:,.1f} MB"
    if unit == "percentunit":
        return f"{value:.1%}"
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
    return f"{text} s" if unit == "s" else text


def _course(values: Sequence[float]) -> str:
    """Sixteen bars from nought to the highest."""
    width = min(16, len(values))
    cut = [values[len(values) * n // width : len(values) * (n + 1) // width] for n in range(width)]
    means = [sum(some) / len(some) for some in cut]
    top = max(means)
    return "".join(_BARS[round((len(_BARS) - 1) * max(0.0, mean) / top)] if top > 0 else _BARS[0] for mean in means)


def silent(answers: Sequence[Answer]) -> list[str]:
    """A line for each query without an answer."""
    return [f"{a.page}, {a.title}: {a.expr}: {a.error or 'no data'}" for a in answers if a.silent]
