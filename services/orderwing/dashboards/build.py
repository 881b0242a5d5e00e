"""Dashboards as Grafana reads them, and the files under `deploy/grafana/dashboards`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
)

from orderwing.dashboards.contents import boards
from orderwing.dashboards.panels import DIRECTORY, Board, Panel
from orderwing.runtime import generating

SOURCE_UID = "prometheus"  # as provisioning/datasources names it
_SOURCE = DataSourceRef(type_val="prometheus", uid=SOURCE_UID)
_HEIGHT, _NUMBER_HEIGHT = 8, 5
_Builder = timeseries.Panel | stat.Panel | bargauge.Panel


def generated() -> Mapping[Path, str]:
    """Every file by its path in the repository, always the same for the same code."""
    return {DIRECTORY / f"{board.uid.removeprefix('orderwing-')}.json": as_json(board) for board in boards()}


def stale(root: Path) -> list[Path]:
    """Files that are missing, differ from the code, or belong to no dashboard any more."""
    return generating.stale(root, generated(), (root / DIRECTORY).glob("*.json"))


def write(root: Path) -> list[Path]:
    """Bring the files under `root` up to date; what was changed."""
    return generating.write(root, generated(), stale(root))


def as_json(board: Board) -> str:
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["orderwing"])
        .readonly()
        .refresh("10s")
        .time("now-30m", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("orderwing")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["orderwing"])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    for number, panel in enumerate(board.panels, 1):
        built = built.with_panel(_panel(panel).id(number))
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _panel(panel: Panel) -> _Builder:
    builder = _drawn(panel)
    builder.title(panel.title).description(panel.about).unit(panel.unit).datasource(_SOURCE).span(panel.width)
    builder.height(_NUMBER_HEIGHT if panel.kind == "numbers" else _HEIGHT)
    builder.thresholds(_thresholds(panel.alarm))
    for place, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + place)).datasource(_SOURCE)
        builder.with_target(target.legend_format(query.legend or "__auto"))
    return builder


def _drawn(panel: Panel) -> _Builder:
    if panel.kind == "numbers":
        last = common.ReduceDataOptions().calcs(["lastNotNull"])
        colour = BigValueColorMode.NONE if panel.alarm is None else BigValueColorMode.VALUE
        return stat.Panel().reduce_options(last).color_mode(colour)
    if panel.kind == "bars":
        last = common.ReduceDataOptions().calcs(["lastNotNull"])
        return bargauge.Panel().reduce_options(last).orientation(VizOrientation.HORIZONTAL).min(0)
    lines = (
        timeseries.Panel()
        .min(0)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if panel.kind == "stacked":
        lines.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
    return lines


def _thresholds(alarm: float | None) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if alarm is not None:
        steps.append(Threshold(value=alarm, color="red"))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
