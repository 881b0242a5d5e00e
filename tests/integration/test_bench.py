"""A tiny bench of the pipeline: its figures have the shape they should have; nothing is said about speed."""

from __future__ import annotations

import pytest

from orderwing.bench.main import bench
from orderwing.bench.options import BASKETS, CHAIN, RETAIL, Options
from orderwing.bench.pipeline import TO_ALLOCATED
from orderwing.bench.report import markdown, sheets
from orderwing.runtime.embedded.progress import silent

ORDERS = 200


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_order_arrives_in_both_and_the_tables_say_so() -> None:
    said: list[str] = []
    options = Options(orders=ORDERS, seconds=1, rate=50, parts=(CHAIN, BASKETS, RETAIL), restored_rows=2_000)
    (chain, road), restored = bench(options, silent, said.append)
    assert [chain.part, road.part] == [CHAIN, BASKETS]
    assert said == [text for text in said if text.startswith("Part c is skipped")] != []
    for result in (chain, road):
        assert result.full.arrived == result.full.fed == ORDERS
        assert result.paced is not None
        assert result.paced.arrived == result.paced.fed == 50
        assert 0 < result.paced.p50_ms <= result.paced.p99_ms
        assert result.full.orders_per_s > 0
        assert len(result.hop_bytes) == 8
        assert min(result.hop_bytes) > 100
    assert road.mean_lines is not None
    assert road.mean_lines >= 2.5
    assert set(road.memory_mib) == set(road.full.cpu_us) == {*TO_ALLOCATED, "broker"}
    assert set(chain.memory_mib) == {*(f"copy {number}" for number in range(1, 9)), "broker"}
    assert restored is not None
    assert (restored.rows, restored.seconds > 0, restored.memory_mib > 10) == (2_000, True, True)
    text = markdown({"command": "orderwing bench pipeline"}, list(sheets([chain, road], restored, 50)))
    assert "| orders/s | " in text
    assert "a: bare chain" in text
