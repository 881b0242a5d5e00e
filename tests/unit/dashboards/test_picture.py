"""A page drawn from the dashboard's own JSON and answers made up here; a real run's is drawn in tests/e2e."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.dashboards.ask import Series
from orderwing.dashboards.page import Page, Shown, names
from orderwing.dashboards.picture import draw

ROOT = Path(__file__).resolve().parents[3]
STEPS = ((float("-inf"), "green"), (1.0, "red"))
RED, GREEN = "#cf222e", "#1a7f37"


def shown(title: str, kind: str, series: dict[str, list[float]], x: int = 0, stacked: bool = False) -> Shown:
    told = [(name, Series({}, values, [1000.0 + n for n in range(len(values))])) for name, values in series.items()]
    return Shown(title, kind, "s", x, 0, 12, 8, STEPS, stacked, told)


def drawn(file: Path, *panels: Shown) -> str:
    draw(Page("A page", panels, 1000.0, 1100.0), file)
    return file.read_text("utf-8")


def test_titles_names_values_and_units_are_in_the_picture(tmp_path: Path) -> None:
    text = drawn(
        tmp_path / "page.svg",
        shown("Courses", "timeseries", {"one": [1.0, 2.0], "two": [3.0]}),
        shown("Bars", "bargauge", {"a site": [4.5]}, x=12),
    )
    for words in ("A page", "Courses", "one", "two", "Bars", "a site", "4.5 s", "1970-01-01 00:16:40 to 00:18:20 UTC"):
        assert f"<!-- {words} -->" in text


@pytest.mark.parametrize(("value", "colour"), [(0.0, GREEN), (0.99, GREEN), (1.0, RED), (7.0, RED)])
def test_a_number_has_the_colour_of_its_threshold(tmp_path: Path, value: float, colour: str) -> None:
    text = drawn(tmp_path / "page.svg", shown("Stuck", "stat", {"": [3.0, value]}))
    assert {c for c in (RED, GREEN) if f"fill: {c}" in text} == {colour}


def test_what_is_stacked_stands_on_what_is_below_it_also_where_that_has_no_value(tmp_path: Path) -> None:
    text = drawn(tmp_path / "page.svg", shown("States", "timeseries", {"a": [50.0], "b": [1.0, 60.0]}, stacked=True))
    assert "<!-- 60 s -->" in text  # the second is 60 high where the first has no value, 51 where it has


def test_a_panel_without_answer_says_so(tmp_path: Path) -> None:
    broken = Shown("Broken", "stat", "short", 12, 0, 12, 8, STEPS, False, (), "parse error: unexpected end")
    text = drawn(tmp_path / "page.svg", shown("Silent", "timeseries", {}), broken)
    assert "<!-- No data -->" in text
    assert "<!-- parse error: unexpected end -->" in text


def test_more_series_than_the_legend_has_room_for_are_counted(tmp_path: Path) -> None:
    several = {f"a rather long name of a series {n}": [1.0, 2.0] for n in range(30)}
    assert "more -->" in drawn(tmp_path / "page.svg", shown("Many", "timeseries", several))


def test_a_png_has_the_size_of_its_grid(tmp_path: Path) -> None:
    draw(Page("A page", [shown("Stuck", "stat", {"": [0.0]})], 0.0, 1.0), tmp_path / "page.png")
    header = (tmp_path / "page.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(header[16:20], "big") > int.from_bytes(header[20:24], "big") > 100


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    def told(*words: str) -> str:
        result = CliRunner().invoke(app, ["dashboards", "picture", "--prometheus", "http://127.0.0.1:1", *words])
        assert result.exit_code == 1
        return result.stderr

    assert "No Prometheus answers at http://127.0.0.1:1" in told("--out", str(tmp_path))
    assert len(names(ROOT)) > 10
