"""The table of demos by two rules, from their reports; a demo that fails is told with its last words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orderwing.bench.demos import ABOUT, PLAIN_RULE, TITLE, Asked, Pair, pairs, sheets
from orderwing.bench.report import markdown
from orderwing.runtime.embedded.progress import silent
from orderwing.runtime.errors import OperatorError
from support.monitoring import ROOT


def report(cost: float, kept: float, **told: Any) -> dict[str, Any]:
    return {
        "planned": {"orders": 280, "units": 1_100},
        "parcels_per_order": 1.4,
        "cost_minor_per_order": cost,
        "promise_kept": kept,
        "promise_missed": {},
        "states": {"delivered": 270},
        "reoptimizer": {"looks_per_order": 3.0, "saved_minor": 500},
        **dict.fromkeys(("lost", "duplicated", "oversold_units", "stuck", "audit_violations"), 0),
        **told,
    }


def test_each_seed_is_won_by_its_own_figures() -> None:
    fewer = {"orders": 280, "units": 1_099}
    told = [
        Pair(3, report(700.0, 0.99), report(660.0, 0.99)),
        Pair(4, report(690.0, 0.99), report(690.0, 0.98, planned=fewer)),
        Pair(5, report(710.0, 0.97), report(670.0, 0.98, stuck=2)),
    ]
    sums, by_seed = sheets(told)
    figures = {row[0]: tuple(row[1:]) for row in sums.rows}
    assert figures["cost"] == ("700.0", "673.3", "2 of 3")
    assert figures["promise kept"] == ("98.33%", "98.33%", "2 of 3")
    assert figures["orders with a plan"] == ("840", "840", "2 of 3")
    assert figures["units in them"] == ("3,300", "3,299", "")
    assert figures["clean"] == ("3 of 3", "2 of 3", "")
    assert [row[:2] for row in by_seed.rows] == [
        (str(seed), rule) for seed in (3, 4, 5) for rule in ("plain", "in use")
    ]
    assert by_seed.rows[-1][-1] == "stuck 2"
    assert "| 4 | in use | 280 | 1,099 | 690.0 |" in markdown({}, [sums, by_seed], TITLE, ABOUT)


def test_only_what_we_planned_or_released_late_is_our_doing() -> None:
    missed = {"planned_late": 1, "released_late": 2, "left_late": 10, "on_the_road": 20}
    _, by_seed = sheets([Pair(0, report(1.0, 1.0), report(1.0, 0.9, promise_missed=missed))])
    plain, ours = (dict(zip(by_seed.columns, row, strict=True)) for row in by_seed.rows)
    assert (plain["late"], plain["dock"]) == ("0", "0")
    assert (ours["late"], ours["dock"]) == ("3", "30")


def test_a_demo_without_a_report_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "file").touch()
    monkeypatch.setenv("ORDERWING_CACHE", str(file / "cache"))
    with pytest.raises(OperatorError, match=r"seed 8 made no report.*set ORDERWING_CACHE"):
        next(pairs(Asked((8,), ROOT / PLAIN_RULE), silent, lambda _: None))
