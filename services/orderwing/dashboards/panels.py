"""What a dashboard is made of, without Grafana; and PromQL from the definitions of our metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orderwing.runtime.metric_defs import Metric

DIRECTORY = Path("deploy/grafana/dashboards")  # where the generated files are
RATE = "$__rate_interval"  # Grafana fills it in: at least four scrapes
Kind = Literal["lines", "stacked", "numbers", "bars"]


@dataclass(frozen=True)
class Query:
    """`legend` names a series by its labels: `{{state}}`."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`unit` is one of Grafana's; `width` is of 24. `alarm` is the value from which a number is red."""

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "lines"
    width: int = 8
    alarm: float | None = None


@dataclass(frozen=True)
class Board:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def where(metric: Metric, suffix: str = "", **labels: str) -> str:
    """The metric's series; a value that begins with `~` is a pattern."""
    told = ", ".join(f'{k}=~"{v[1:]}"' if v.startswith("~") else f'{k}="{v}"' for k, v in labels.items())
    return f"{metric.name}{suffix}" + (f"{{{told}}}" if told else "")


def total(metric: Metric, by: str = "", **labels: str) -> str:
    """Of a gauge."""
    return f"{_sum(by)}({where(metric, **labels)})"


def rate(metric: Metric, by: str = "", suffix: str = "", **labels: str) -> str:
    """A second, of a counter (or with a suffix of a histogram)."""
    return f"{_sum(by)}(rate({where(metric, suffix, **labels)}[{RATE}]))"


def grown(metric: Metric, by: str = "", over: str = "1h", suffix: str = "", **labels: str) -> str:
    """How much a counter grew."""
    return f"{_sum(by)}(increase({where(metric, suffix, **labels)}[{over}]))"


def quantile(share: float, metric: Metric, by: str = "", **labels: str) -> str:
    """Of what a histogram took in lately; where it took in nothing, of all that it ever did."""
    grouped = f"sum by (le{', ' + by if by else ''})"
    lately, ever = f"rate({where(metric, '_bucket', **labels)}[{RATE}])", where(metric, "_bucket", **labels)
    return (
        f"histogram_quantile({share:g}, {grouped} ({lately})) > 0 or histogram_quantile({share:g}, {grouped} ({ever}))"
    )


def mean(metric: Metric, **labels: str) -> str:
    """Of what a histogram took in lately; where it took in nothing, of all that it ever did."""
    lately = (rate(metric, suffix=suffix, **labels) for suffix in ("_sum", "_count"))
    ever = (f"sum({where(metric, suffix, **labels)})" for suffix in ("_sum", "_count"))
    return f"{' / '.join(lately)} > 0 or {' / '.join(ever)}"


def one(expr: str, legend: str = "") -> tuple[Query, ...]:
    return (Query(expr, legend),)


def percentiles(metric: Metric, **labels: str) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, metric, **labels), f"p{share * 100:g}") for share in (0.5, 0.99))


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"
