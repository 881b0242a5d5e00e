"""A page as a picture file, for those without Grafana."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from math import ceil
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from orderwing.dashboards.ask import Series
from orderwing.dashboards.page import COLUMNS, Page, Shown
from orderwing.dashboards.words import told

# In inches: a cell of the grid, what is left free around a panel, the lines of text.
_CELL, _ROW, _MARGIN = 0.5, 0.36, 0.05
_HEAD, _TITLE, _TICKS, _LEGEND_LINE, _LEFT = 0.4, 0.3, 0.22, 0.14, 0.55
_LEGEND_LINES = 4
_DPI, _PALETTE = 96, 96
_COLOURS = [colormaps["tab20"](n) for n in (*range(0, 20, 2), *range(1, 20, 2))]
_PAPER, _CARD, _LINE, _TEXT = "#f4f5f5", "#ffffff", "#d8d9da", "#24292e"
_STATE = {"green": "#1a7f37", "red": "#cf222e"}


def draw(page: Page, file: Path) -> None:
    """In the format that the file's ending names: png, svg, pdf. Raises ValueError for another."""
    width = COLUMNS * _CELL
    height = _HEAD + _ROW * max(panel.y + panel.height for panel in page.panels)
    figure = Figure(figsize=(width, height), facecolor=_PAPER)
    since, until = (datetime.fromtimestamp(s, UTC).strftime("%Y-%m-%d %H:%M:%S") for s in (page.start_s, page.end_s))
    _text(figure, 0.1, height - 0.26, page.title, 12, bold=True)
    _text(figure, width - 0.1, height - 0.26, f"{since} to {until[11:]} UTC", 8, right=True)
    for panel in page.panels:
        _Card(figure, page, panel, height - _HEAD).draw()
    if file.suffix != ".png":
        figure.savefig(file)
        return
    drawn = BytesIO()
    figure.savefig(drawn, dpi=_DPI, format="png")
    Image.open(drawn).convert("RGB").quantize(_PALETTE).save(file, optimize=True)  # a third of the bytes


def _text(
    figure: Figure, x: float, y: float, text: str, size: float, *, bold: bool = False, right: bool = False
) -> None:
    """`x` and `y` in inches from the left and from below."""
    width, height = figure.get_size_inches()
    figure.text(
        x / width, y / height, text, size=size, color=_TEXT,
        weight="bold" if bold else "normal", ha="right" if right else "left",
    )  # fmt: skip


class _Card:
    """One panel. All measures are in inches, from the left and from below."""

    def __init__(self, figure: Figure, page: Page, panel: Shown, top: float) -> None:
        self._figure = figure
        self._page = page
        self._panel = panel
        self._x = panel.x * _CELL + _MARGIN
        self._width = panel.width * _CELL - 2 * _MARGIN
        self._height = panel.height * _ROW - 2 * _MARGIN
        self._y = top - panel.y * _ROW - _MARGIN - self._height

    def draw(self) -> None:
        panel = self._panel
        frame = self._axes(0, 0, self._width, self._height)
        frame.axis("off")
        frame.add_patch(Rectangle((0, 0), 1, 1, facecolor=_CARD, edgecolor=_LINE, linewidth=1))
        _text(self._figure, self._x + 0.1, self._y + self._height - 0.2, panel.title, 8.5, bold=True)
        if panel.error or not panel.series:
            frame.text(0.5, 0.5, panel.error[:80] or "No data", ha="center", va="center", size=9, color="#6e7781")
        elif panel.kind == "stat":
            self._numbers()
        elif panel.kind == "bargauge":
            self._bars()
        else:
            self._lines()

    def _axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Within the card."""
        across, up = self._figure.get_size_inches()
        return self._figure.add_axes(((self._x + x) / across, (self._y + y) / up, width / across, height / up))

    # --- Numbers ---------------------------------------------------------------------------------------------------

    def _numbers(self) -> None:
        """The last value of each series, large, over its course."""
        series = self._panel.series
        each = self._width / len(series)
        for n, (name, one) in enumerate(series):
            axes = self._axes(n * each, 0.02, each, self._height - _TITLE)
            colour = _STATE.get(self._panel.colour(one.values[-1]), _TEXT)
            axes.axis("off")
            axes.set_xlim(self._page.start_s, self._page.end_s)
            axes.set_ylim(0, 3 * max(*one.values, 1e-9))  # the course takes the lower third
            axes.fill_between(one.times_s, one.values, color=colour, alpha=0.2, linewidth=0)
            value = told(one.values[-1], self._panel.unit)
            size = min(26.0, 72 * each * 1.4 / max(len(value), 3))
            axes.text(0.5, 0.6, value, transform=axes.transAxes, ha="center", va="center", size=size, color=colour)
            axes.text(0.5, 0.22, name, transform=axes.transAxes, ha="center", va="center", size=7.5, color=_TEXT)

    # --- Bars ------------------------------------------------------------------------------------------------------

    def _bars(self) -> None:
        """The last value of each series."""
        names = [name for name, _ in self._panel.series]
        values = [one.values[-1] for _, one in self._panel.series]
        left = 0.2 + 0.065 * max(map(len, names))
        axes = self._axes(left, 0.1, self._width - left - 0.75, self._height - _TITLE - 0.15)
        axes.barh(
            range(len(names)), values, color=[_STATE.get(self._panel.colour(v), _TEXT) for v in values], alpha=0.8
        )
        axes.set_xlim(0, max(*values, 1e-9))
        axes.set_yticks(range(len(names)), names, size=7)
        axes.invert_yaxis()
        axes.xaxis.set_visible(False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for n, value in enumerate(values):
            axes.annotate(
                told(value, self._panel.unit), (value, n), (3, 0), textcoords="offset points", va="center", size=7
            )

    # --- Courses ---------------------------------------------------------------------------------------------------

    def _lines(self) -> None:
        names = [name for name, _ in self._panel.series]
        columns = max(1, int(self._width / (0.4 + 0.063 * max(map(len, names), default=0))))
        shown = min(len(names), columns * _LEGEND_LINES)
        below = _TICKS + 0.06 + _LEGEND_LINE * (ceil(shown / columns) if any(names) else 0)
        axes = self._axes(_LEFT, below, self._width - _LEFT - 0.12, self._height - _TITLE - below)
        colours = [_COLOURS[n % len(_COLOURS)] for n in range(len(names))]
        if self._panel.stacked:
            times, heights = _together([one for _, one in self._panel.series])
            axes.stackplot(times, heights, colors=colours, labels=names, alpha=0.6)
        else:
            for (name, one), colour in zip(self._panel.series, colours, strict=True):
                axes.plot(one.times_s, one.values, color=colour, label=name, linewidth=1.1)
        self._scales(axes)
        if any(names):
            self._legend(axes, columns, shown)

    def _legend(self, axes: Axes, columns: int, shown: int) -> None:
        lines = ceil(shown / columns)
        handles, labels = axes.get_legend_handles_labels()
        if shown < len(labels):
            labels[shown - 1] = f"and {len(labels) - shown + 1} more"
        below = self._axes(0.1, 0.04, self._width - 0.2, lines * _LEGEND_LINE)
        below.axis("off")
        below.legend(
            handles[:shown],
            labels[:shown],
            ncols=columns,
            loc="upper left",
            fontsize=6.5,
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=1.2,
            columnspacing=1,
            labelspacing=0.2,
            handletextpad=0.4,
        )

    def _scales(self, axes: Axes) -> None:
        axes.set_xlim(self._page.start_s, self._page.end_s)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.dataLim.y0 < 0 else 0.0)
        if axes.dataLim.y1 <= 0:
            axes.set_ylim(0, 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: datetime.fromtimestamp(s, UTC).strftime("%H:%M:%S")))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: told(value, self._panel.unit)))
        axes.tick_params(labelsize=6.5, length=2, color=_LINE)
        axes.grid(color=_LINE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)


def _together(series: Sequence[Series]) -> tuple[list[float], list[list[float]]]:
    """On one scale of times: nought where one has no value."""
    times = sorted({time_s for one in series for time_s in one.times_s})
    by_time = [dict(zip(one.times_s, one.values, strict=True)) for one in series]
    return times, [[values.get(time_s, 0.0) for time_s in times] for values in by_time]
