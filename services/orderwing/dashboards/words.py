"""Names of series and values with their units, as people read them."""

from __future__ import annotations

from orderwing.dashboards.ask import Series


def name(legend: str, series: Series) -> str:
    """`legend` with its `{{label}}`s filled in; all labels where it is empty."""
    if not legend:
        return ", ".join(f"{label} {value}" for label, value in series.labels.items() if label != "__name__")
    for label in series.labels:
        legend = legend.replace("{{" + label + "}}", series.labels[label])
    return legend if "{{" not in legend else ""


def told(value: float, unit: str) -> str:
    """`unit` is one of Grafana's."""
    if unit == "bytes":
        return f"{value / 1e6:,.1f} MB"
    if unit == "percentunit":
        return f"{value:.1%}"
    text = f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"
    return text + {"s": " s", "cps": "/s"}.get(unit, "")
