"""Every query of the dashboards and of the alerts, asked of a Prometheus that has scraped a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import yaml

from orderwing.dashboards.ask import Run, Series
from orderwing.dashboards.contents import boards
from orderwing.dashboards.words import name, told
from orderwing.runtime.errors import OperatorError

RULES = Path("deploy/prometheus/alerts.yml")
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
    run = Run(url, seconds)
    answers = []
    for page, title, unit, expr, legend, alerts in [*_panel_queries(), *_rule_queries(root)]:
        states = None
        try:
            series = run.ask(expr)
            if alerts:
                had = run.ask(f'max by (alertstate) (ALERTS{{alertname="{title}"}})')
                states = frozenset(one.labels["alertstate"] for one in had)
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
            title = rule.get("alert") or rule["record"]
            yield _SIGNALS, title, "", str(rule["expr"]), "", "alert" in rule


# --- For people ----------------------------------------------------------------------------------------------------


def pictures(file: Path) -> Mapping[str, str]:
    """Of pages by their titles, relative to `file`: those in the directory beside it that has its name."""
    directory = file.with_suffix("")
    there = {board.title: directory / f"{board.uid.removeprefix('orderwing-')}.png" for board in boards()}
    return {title: f"{directory.name}/{picture.name}" for title, picture in there.items() if picture.is_file()}


def markdown(answers: Sequence[Answer], drawn: Mapping[str, str]) -> str:
    """`docs/dashboards.md`; `drawn` are pictures by the titles of their pages."""
    lines = [
        "# Dashboards",
        "",
        "What Prometheus answered to every query of `deploy/grafana/dashboards` and `deploy/prometheus/alerts.yml`",
        "after one run (`orderwing demo --speed 120 --rate 3 --orders 300 --seed 3 --steering --keep`): the last value",
        "of each series while all services ran, with its course. An alert is quiet, pending (its condition held, and",
        "not long enough) or firing. Written by `orderwing dashboards check --out docs/dashboards.md`.",
        "",
        "The pictures are of the same run. **No Grafana drew them**: `orderwing dashboards picture` asks the same",
        "queries of Prometheus and lays the answers out as the dashboards' JSON says, for those without Grafana. A",
        "number is green or red by its threshold; its course is below it. The machine did other work (load about 8):",
        "read no speed from it.",
    ]
    for page, found in groupby(answers, key=lambda answer: answer.page):
        lines += ["", f"## {page}", ""]
        if page in drawn:
            lines += [f"![{page}]({drawn[page]})", ""]
        lines += ["| panel | series | last | course |", "| --- | --- | ---: | --- |"]
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
        last = told(series.values[-1], answer.unit)
        yield f"| {answer.title} | {name(answer.legend, series)} | {last} | {_course(series.values)} |"
    if (more := len(answer.series) - shown) > 0:
        yield f"| {answer.title} | and {more} more | | |"


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
