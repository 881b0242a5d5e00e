"""What a drawing of routes shows, whoever draws it; and the one for browsers, whole in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from math import cos, radians
from typing import NamedTuple

from orderwing.planning.fleet.answer import Plan
from orderwing.planning.fleet.document import FleetProblem, Place
from orderwing.planning.fleet.reasons import time_of_day

COLOURS = (
    "#1f77b4",
    "#2ca02c",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
    "#ff7f0e",
    "#393b79",
    "#637939",
    "#843c39",
)
_WIDTH, _MARGIN = 1000.0, 20.0
_STYLE = """\
body{font:15px/1.4 system-ui,sans-serif;margin:1.5em;max-width:75em}svg{width:100%;height:auto;border:1px solid #ddd}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right}svg g:hover polyline{stroke-width:5}.express{fill:#d60}.order{fill:#555}.unserved{fill:#c00}"""


class Mark(NamedTuple):
    """`kind`: depot, order, express or unserved; `about` is told when it is pointed at."""

    x: float
    y: float
    kind: str
    about: str


class Picture(NamedTuple):
    """`x` in degrees east and `y` north; `aspect`: how much longer a degree of `y` is than one of `x`."""

    title: str
    lines: Mapping[str, list[tuple[float, float]]]
    marks: list[Mark]
    aspect: float


def picture(asked: FleetProblem, plan: Plan) -> Picture | None:
    """None where the problem has no points."""
    if any(one.point is None for one in (*asked.depots, *asked.orders)):
        return None
    at = {order.order_id: _xy(order) for order in asked.orders}
    depots = {depot.depot_id: _xy(depot) for depot in asked.depots}
    drivers = {driver.driver_id: driver for driver in asked.drivers}
    lines = {}
    for route in plan.routes:
        driver = drivers[route.driver_id]
        end = depots[driver.end_depot_id or driver.depot_id]
        lines[route.driver_id] = [depots[driver.depot_id], *(at[stop.order_id] for stop in route.stops), end]
    told = {
        stop.order_id: f"{route.driver_id}, {_clock(stop.start_s)}" for route in plan.routes for stop in route.stops
    }
    marks = [Mark(*_xy(depot), "depot", depot.depot_id) for depot in asked.depots]
    reasons = {one.order_id: one.reason.replace("_", " ") for one in plan.unserved}
    for order in asked.orders:
        name = order.order_id
        kind = "unserved" if name in reasons else "express" if order.service_level == "EXPRESS" else "order"
        marks.append(Mark(*at[name], kind, f"{name}: {reasons.get(name) or told[name]}"))
    middle = sum(mark.y for mark in marks) / len(marks)
    return Picture(_title(plan), lines, marks, 1 / max(0.05, cos(radians(middle))))


def page(asked: FleetProblem, plan: Plan) -> str:
    """HTML that needs nothing from anywhere: the drawing as inline SVG, and the routes as tables."""
    drawn = picture(asked, plan)
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>{escape(_title(plan))}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(_title(plan))}</h1>",
        *(f"<p>{escape(note)}.</p>" for note in plan.notes),
        "".join(_svg(drawn)) if drawn is not None else "<p>The problem has no points to draw.</p>",
        *_tables(asked, plan),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _svg(drawn: Picture) -> Iterator[str]:
    west, east = min(m.x for m in drawn.marks), max(m.x for m in drawn.marks)
    south, north = min(m.y for m in drawn.marks), max(m.y for m in drawn.marks)
    per_degree = _WIDTH / max(east - west, (north - south) * drawn.aspect, 1e-6)
    height = (north - south) * drawn.aspect * per_degree + 2 * _MARGIN

    def on_page(x: float, y: float) -> tuple[float, float]:
        return _MARGIN + (x - west) * per_degree, _MARGIN + (north - y) * drawn.aspect * per_degree

    width = (east - west) * per_degree + 2 * _MARGIN
    yield f"<svg viewBox='0 0 {width:.0f} {height:.0f}' role='img' xmlns='http://www.w3.org/2000/svg'>"
    for n, (name, line) in enumerate(drawn.lines.items()):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (on_page(*xy) for xy in line))
        colour = COLOURS[n % len(COLOURS)]
        yield f"<g><title>{escape(name)}</title>"
        yield f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/></g>"
    for mark in drawn.marks:
        x, y = on_page(mark.x, mark.y)
        title = f"<title>{escape(mark.about)}</title>"
        if mark.kind == "depot":
            yield f"<rect x='{x - 7:.1f}' y='{y - 7:.1f}' width='14' height='14'>{title}</rect>"
        else:
            radius = 4 if mark.kind == "order" else 6
            yield f"<circle class='{mark.kind}' cx='{x:.1f}' cy='{y:.1f}' r='{radius}'>{title}</circle>"
    yield "</svg>"


def _tables(asked: FleetProblem, plan: Plan) -> Iterator[str]:
    express = {order.order_id for order in asked.orders if order.service_level == "EXPRESS"}
    for route in plan.routes:
        load = ", ".join(f"{units} {name}" for units, name in zip(route.load, asked.dimensions, strict=True))
        yield f"<h2>{escape(route.driver_id)}</h2><p>{route.distance_m / 1000:.1f} km, {escape(load)}, "
        yield f"leaves {_clock(route.leave_s)}, back {_clock(route.back_s)}"
        yield "".join(f", break {_clock(begin_s)}–{_clock(end_s)}" for begin_s, end_s in route.breaks) + "</p>"
        yield "<table><tr><th></th><th>order</th><th>arrives</th><th>served</th><th>leaves</th><th>km</th></tr>"
        for n, stop in enumerate(route.stops, 1):
            times = "".join(f"<td>{_clock(at_s)}</td>" for at_s in (stop.arrive_s, stop.start_s, stop.leave_s))
            name = escape(stop.order_id) + (" EXPRESS" if stop.order_id in express else "")
            yield f"<tr><td class='n'>{n}</td><td>{name}</td>{times}<td class='n'>{stop.leg_m / 1000:.1f}</td></tr>"
        yield "</table>"
    if plan.unserved:
        yield "<h2>Not served</h2><table><tr><th>order</th><th>reason</th><th>more</th></tr>"
        for one in plan.unserved:
            reason = one.reason.replace("_", " ")
            yield f"<tr><td>{escape(one.order_id)}</td><td>{reason}</td><td>{escape(one.detail)}</td></tr>"
        yield "</table>"


def _title(plan: Plan) -> str:
    stops = sum(len(route.stops) for route in plan.routes)
    left = f", {len(plan.unserved)} not served" if plan.unserved else ""
    return f"{stops} orders on {len(plan.routes)} routes{left}, {plan.score.distance_m / 1000:.1f} km"


def _xy(one: Place) -> tuple[float, float]:
    assert one.point is not None
    return one.point.longitude, one.point.latitude


_clock = time_of_day
