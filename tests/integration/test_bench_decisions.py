"""Every subset of the benchmark of decisions runs, with few and small cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orderwing.bench.decisions.main import SUBSETS, Options, measure
from orderwing.bench.decisions.market import PLAIN, day
from orderwing.planning.policies.file import parse

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("ORDERWING_BENCH_DATA") or BESIDE)


@pytest.mark.skipif(not DATA.is_dir(), reason="no benchmark data: set ORDERWING_BENCH_DATA")
@pytest.mark.parametrize("subset", SUBSETS)
def test_a_subset_fills_its_tables(subset: str) -> None:
    options = Options(DATA, seeds=1, seconds=0.5, quick=True, progress=lambda *_: None)
    tables = list(measure((subset,), options))
    assert tables
    for table in tables:
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_the_plain_rule_is_the_one_that_users_can_put_in_force() -> None:
    path = Path(__file__).resolve().parents[2] / "deploy" / "policies" / "plain-rule.yaml"
    assert parse(path.name, path.read_text("utf-8")).policy == PLAIN


def test_a_day_of_the_market_is_the_same_each_time() -> None:
    assert day(3, 15, PLAIN) == day(3, 15, PLAIN)
