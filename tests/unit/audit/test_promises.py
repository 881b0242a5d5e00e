"""Whose doing a missed promise is: told by the release's plan and by when the parcel left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from orderwing.audit.promises import MINUTE_MS
from support.audit_story import DEPARTURE_MS, HOUR_MS, SHIPMENT, delivered

PROMISE_MS = DEPARTURE_MS + HOUR_MS


def missed(
    shipped_ms: int,
    delivered_ms: int,
    on_road_ms: int | None = None,
    manifest_ms: int | None = None,
    one_word: bool = False,
    release: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """By cause, of a parcel that left and came at such times, and is on the manifest of such a departure.

    `one_word`: its warehouse told of it when it was on its way, not when it left.
    """
    story = delivered()
    if manifest_ms is not None:
        manifest = {"departure_at_ms": manifest_ms, "shipped": [SHIPMENT], "late": []}
        story.tell("manifests.closed", "manifest.closed.v1", manifest, "dispatch")
    at: dict[str, Any] = {"shipped": shipped_ms, "in_transit": on_road_ms or shipped_ms, "delivered": delivered_ms}
    for fact in story.facts:
        if fact.type == "shipment.progressed.v1":
            fact.body["at_ms"] = at.get(fact.body["status"], shipped_ms)
    if one_word:
        story.facts = [
            replace(fact, cause="wms.inbound/0/9") if fact.body.get("status") in ("shipped", "in_transit") else fact
            for fact in story.facts
        ]
    story.change("shipment.released.v1", lambda body: body.update(release or {}))
    verdict = story.judged()
    assert verdict.promise_kept == (1.0 if delivered_ms <= PROMISE_MS else 0.0)
    return dict(verdict.promise_missed)


@pytest.mark.parametrize("early_ms", [0, 1, HOUR_MS])
def test_a_promise_kept_has_no_cause(early_ms: int) -> None:
    assert missed(DEPARTURE_MS + 20 * MINUTE_MS, PROMISE_MS - early_ms) == {}


def test_a_parcel_that_left_late_would_else_have_come_in_time() -> None:
    assert missed(DEPARTURE_MS + 20 * MINUTE_MS, PROMISE_MS + 15 * MINUTE_MS) == {"left_late": 1}


def test_a_parcel_that_is_later_than_it_left_is_late_on_the_road() -> None:
    assert missed(DEPARTURE_MS + 20 * MINUTE_MS, PROMISE_MS + 25 * MINUTE_MS) == {"on_the_road": 1}
    assert missed(DEPARTURE_MS - 20 * MINUTE_MS, PROMISE_MS + 1) == {"on_the_road": 1}


def test_of_what_was_only_told_to_be_on_its_way_the_manifest_tells_when_it_left() -> None:
    told_ms = PROMISE_MS + 15 * MINUTE_MS
    assert missed(told_ms, told_ms, one_word=True) == {"left_late": 1}, "no manifest has it"
    assert missed(told_ms, told_ms, manifest_ms=DEPARTURE_MS, one_word=True) == {"on_the_road": 1}
    assert missed(told_ms, told_ms, manifest_ms=DEPARTURE_MS + HOUR_MS, one_word=True) == {"left_late": 1}
    by_word = missed(told_ms - HOUR_MS, told_ms, on_road_ms=told_ms, manifest_ms=DEPARTURE_MS)
    assert by_word == {"left_late": 1}, "its warehouse said when"
    assert missed(told_ms, told_ms, manifest_ms=DEPARTURE_MS) == {"left_late": 1}, "two words in one batch"


def test_a_warehouse_without_half_its_picking_time_is_not_to_blame() -> None:
    released_ms = DEPARTURE_MS - 15 * MINUTE_MS  # of thirty minutes
    late = DEPARTURE_MS + 20 * MINUTE_MS, PROMISE_MS + 15 * MINUTE_MS
    assert missed(*late, release={"released_at_ms": released_ms}) == {"left_late": 1}
    assert missed(*late, release={"released_at_ms": released_ms + 1}) == {"released_late": 1}


def test_a_plan_that_comes_too_late_is_the_first_cause() -> None:
    told = {"arrival_at_ms": PROMISE_MS + 1, "released_at_ms": DEPARTURE_MS}
    assert missed(DEPARTURE_MS, PROMISE_MS + 1, release=told) == {"planned_late": 1}


def test_a_parcel_that_missed_its_planned_departure_was_released_late() -> None:
    next_ms = DEPARTURE_MS + HOUR_MS
    told = {"departure_at_ms": next_ms, "arrival_at_ms": next_ms + HOUR_MS, "released_at_ms": DEPARTURE_MS + 1}
    assert missed(next_ms, next_ms + HOUR_MS, release=told) == {"released_late": 1}
