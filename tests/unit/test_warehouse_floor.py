import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.runtime.settings import WarehouseSimulator
from orderwing.simulators.warehouse_floor import MINUTE_MS, Book, Floor

START_MS = 1_780_300_800_000
FLAWLESS = WarehouseSimulator(short_share=0, late_share=0, duplicate_share=0, disorder_share=0)


def a_release(number: int = 1, quantity: int = 3, at_ms: int = START_MS) -> dict[str, Any]:
    return {
        "status": "received",
        "shipment_id": f"o{number}/south/1/1",
        "order_id": f"o{number}",
        "site_id": "a",
        "lines": [{"line_id": "1", "sku": "tea", "quantity": quantity}, {"line_id": "2", "sku": "mug", "quantity": 1}],
        "departure_at_ms": START_MS + 30 * MINUTE_MS,
        "arrival_at_ms": START_MS + 90 * MINUTE_MS,
        "at_ms": at_ms,
    }


def test_a_flawless_day() -> None:
    steps = Floor(FLAWLESS, 1).day_of(a_release())
    assert [step.status for step in steps] == ["picked", "packed", "shipped", "in_transit", "delivered"]
    assert steps[2].at_ms == START_MS + 30 * MINUTE_MS
    assert START_MS + 80 * MINUTE_MS < steps[4].at_ms <= START_MS + 90 * MINUTE_MS
    assert {step.times for step in steps} == {1}


def test_the_day_of_a_transfer_ends_with_its_arrival() -> None:
    steps = Floor(FLAWLESS, 1).day_of({**a_release(), "to_site_id": "b"})
    assert [step.status for step in steps] == ["picked", "packed", "shipped", "arrived"]
    assert START_MS + 80 * MINUTE_MS < steps[3].at_ms <= START_MS + 90 * MINUTE_MS


def test_what_comes_too_late_leaves_after_its_departure() -> None:
    release = a_release(at_ms=START_MS + 40 * MINUTE_MS)
    shipped = next(step for step in Floor(FLAWLESS, 1).day_of(release) if step.status == "shipped")
    assert shipped.at_ms == START_MS + 50 * MINUTE_MS


@given(number=st.integers(0, 10**6), seed=st.integers(0, 100), quantity=st.integers(1, 5))
def test_short_picks_are_told_first_and_what_is_left_goes_on(number: int, seed: int, quantity: int) -> None:
    manners = WarehouseSimulator(short_share=1, late_share=0.5, disorder_share=0.5, duplicate_share=0.5)
    release = a_release(number, quantity)
    steps = Floor(manners, seed).day_of(release)
    assert steps == Floor(manners, seed).day_of(release)
    assert steps[0].status == "short_picked"
    (missing,) = steps[0].lines
    was = {line["line_id"]: line["quantity"] for line in release["lines"]}
    assert 1 <= missing["quantity"] <= was[missing["line_id"]]
    for step in steps[1:]:
        left = {line["line_id"]: line["quantity"] for line in step.lines}
        assert sum(left.values()) + missing["quantity"] == sum(was.values())
        assert step.at_ms > release["at_ms"]
    assert {step.status for step in steps[1:]} == {"picked", "packed", "shipped", "in_transit", "delivered"}


def test_a_shipment_of_which_nothing_is_found_ends_there() -> None:
    release = a_release() | {"lines": [{"line_id": "1", "sku": "tea", "quantity": 1}]}
    steps = Floor(WarehouseSimulator(short_share=1), 1).day_of(release)
    assert [step.status for step in steps] == ["short_picked"]


@pytest.mark.parametrize("fault", ["short_share", "late_share", "duplicate_share", "disorder_share"])
def test_faults_come_at_about_the_share_asked_for(fault: str) -> None:
    floor = Floor(FLAWLESS.model_copy(update={fault: 0.2}), 7)
    plain = Floor(FLAWLESS, 7)
    different = sum(floor.day_of(a_release(n)) != plain.day_of(a_release(n)) for n in range(1000))
    expected = 200 if fault != "duplicate_share" else 1000 * (1 - 0.8**5)
    assert abs(different - expected) < 60


def test_goods_are_late_by_whatever_plan_they_are_shipped() -> None:
    floor = Floor(WarehouseSimulator(short_share=0, late_share=0.5, duplicate_share=0, disorder_share=0), 1)

    def leaves_ms(number: int, plan: int, **more: str) -> int:
        release = a_release(number) | {"shipment_id": f"o{number}/south/{plan}/1"} | more
        return next(step.at_ms for step in floor.day_of(release) if step.status == "shipped")

    first, second = ([leaves_ms(number, plan) for number in range(20)] for plan in (1, 2))
    assert first == second
    assert len(set(first)) > 2
    assert first != [leaves_ms(number, 1, to_site_id="b") for number in range(20)]


def test_the_book_survives_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    with Book(path) as book:
        book.append(a_release(1))
        book.append(a_release(2))
        book.append(a_release(1) | {"status": "picked"})
        book.append(a_release(3))
        book.close_day("o3/south/1/1")
    with path.open("ab") as file:
        file.write(b'{"status": "pac')
    with Book(path) as again:
        assert again.told["o1/south/1/1"] == {"picked"}
        assert again.knows("o2/south/1/1")
        assert len(list(again.unfinished())) == 3
        again.append(a_release(4))
    assert [line.count(b"}") > 0 for line in path.read_bytes().splitlines()] == [True] * 5


def test_a_write_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:7]))
    with Book(tmp_path / "book.jsonl") as book:
        book.append(a_release(1))
        book.append(a_release(2))
    with Book(tmp_path / "book.jsonl") as again:
        assert again.received == {one["shipment_id"]: one for one in (a_release(1), a_release(2))}
