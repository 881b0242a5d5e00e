"""Figures of a run: counts, savings, pace, and the readers of what lies outside the log."""

from __future__ import annotations

import json
from pathlib import Path

from orderwing.audit.follow import Following
from orderwing.audit.input_count import count_input
from orderwing.audit.ledgers import read_ledger
from support.audit_story import PART, PLAN_MINOR, SHIPMENT, delivered, plan


def test_savings_are_priced_anew_and_net_of_churn() -> None:
    story = delivered()
    first = next(fact for fact in story.facts if fact.type == "part.allocated.v1")
    late = first.body["shipments"][0]
    late["arrival_at_ms"] += 3_600_000  # an hour late: 200 dearer
    second = story.tell(
        "parts.planned", "part.allocated.v1", plan(PART, SHIPMENT, 2, "proposal"), "allocation", "p/0/0"
    )
    second.body["proposal_id"] = "P1"
    story.tell("proposals", "proposal.made.v1", {"proposal_id": "P1"})
    answered = {"proposal_id": "P1", "accepted": True, "reason": "better", "gain_minor": 10_000}
    story.tell("parts.planned", "proposal.answered.v1", answered, "allocation", "proposals/0/0")
    story.tell("reoptimizer.windows", "window.closed.v1", {"window_id": "south@1", "part_ids": [PART]})
    story.tell("reoptimizer.windows", "window.closed.v1", {"window_id": "south@1", "part_ids": [PART]})
    story.tell("reoptimizer.windows", "window.closed.v1", {"window_id": "south@2", "part_ids": [PART]})
    savings = story.judged().savings
    assert savings.saved_minor == 200 - 5
    assert (savings.windows, savings.proposed, savings.accepted, savings.refused) == (2, 1, 1, 0)
    assert savings.looks_per_order == 2.0


def test_pace_runs_from_the_shops_record_to_the_first_plan() -> None:
    story = delivered()
    wall = {fact.type: fact.wall_ms for fact in reversed(story.facts)}
    inbound = next(fact.wall_ms for fact in story.facts if fact.topic == "orders.inbound")
    pace = story.judged().pace
    assert pace.p50_ms == pace.p99_ms == wall["part.allocated.v1"] - inbound
    assert pace.orders_per_s > 0


def test_what_waited_for_people_does_not_count_for_the_pace() -> None:
    story = delivered()
    story.tell("fraud.decided", "fraud.decided.v1", {"order_id": "O1", "outcome": "in_review"}, "fraud", "x/0/0")
    assert story.judged().pace.p99_ms is None


def test_rejections_are_counted_by_their_first_reason() -> None:
    story = delivered()
    for number, reasons in enumerate((["unknown_sku", "bad_address"], ["bad_address"])):
        inbound = story.tell("orders.inbound", "order.placed.v1", {"order_id": f"R{number}"})
        placed = story.tell("orders.placed", "order.placed.v1", {"order_id": f"R{number}"}, "gate", inbound.place)
        rejected = {"order_id": f"R{number}", "reasons": reasons}
        story.tell("orders.rejected", "order.rejected.v1", rejected, "intake", placed.place)
    verdict = story.judged()
    assert verdict.clean
    assert verdict.rejected == {"unknown_sku": 1, "bad_address": 1}


def test_following_knows_when_a_run_is_at_rest() -> None:
    story = delivered()
    following = Following()
    captures = [fact for fact in story.facts if fact.type == "payment.answered.v1"][-1:]
    following.take(fact for fact in story.facts if fact not in captures)
    assert following.states == {"delivered": 1}
    rests = following.at_rest
    assert not rests  # the capture has no answer
    following.take(captures)
    assert following.at_rest
    assert following.answered == 1


def test_a_refused_order_rests_once_what_it_may_owe_is_given_back() -> None:
    story = delivered()
    following = Following()
    following.take(story.facts)
    asked = {"order_id": "O1", "idempotency_key": "O1/a/2", "purpose": "authorise"}
    void = {"order_id": "O1", "idempotency_key": "O1/v/2", "purpose": "void"}
    given_up = story.tell("payments.requested", "payment.requested.v1", asked)
    owed = story.tell("payments.requested", "payment.requested.v1", void)
    refused = story.tell("payments.recorded", "order.refused.v1", {"order_id": "O1", "reason": "payment"})
    for facts in ((owed, refused, given_up), (given_up, refused, owed)):
        following.take(facts)
        rests = following.at_rest
        assert not rests
    answer = {**void, "outcome": "approved"}
    following.take([story.tell("payments.answered", "payment.answered.v1", answer)])
    assert following.at_rest


def test_following_takes_facts_in_any_order_of_topics() -> None:
    story = delivered()
    following = Following()
    following.take(sorted(story.facts, key=lambda fact: (fact.topic == "orders.accepted", -fact.wall_ms)))
    assert following.states == {"delivered": 1}
    assert following.at_rest


def test_the_input_is_counted_by_its_copy(tmp_path: Path) -> None:
    copy = tmp_path / "input.jsonl"
    records = [("orders.inbound", "O1"), ("orders.inbound", "O1"), ("orders.inbound", "O2"), ("stock.inbound", "site")]
    lines = [json.dumps({"topic": topic, "key": key, "value": "\udc80{"}) for topic, key in records]
    copy.write_text("\n".join(lines) + '\n{"topic": "orders.in', "utf-8")
    counted = count_input(copy)
    assert (counted.placed, counted.distinct) == (3, 2)


def test_a_book_cut_short_by_a_kill_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    book = tmp_path / "psp.ledger.jsonl"
    book.write_bytes(b'{"purpose":"capture"}\n{"purpose":')
    assert read_ledger(book) == [{"purpose": "capture"}]
    assert read_ledger(tmp_path / "none.jsonl") == []


def test_a_plan_costs_what_the_model_says() -> None:
    verdict = delivered().judged()
    assert verdict.cost_minor_per_order == PLAN_MINOR == 333


def test_units_that_are_planned_again_for_those_not_found_count_once() -> None:
    story = delivered()
    assert (story.judged().planned_orders, story.judged().planned_units) == (1, 2)
    story.tell("parts.planned", "part.allocated.v1", plan("O1/south/2", "O1/south/2/1", 1, "replacement"), "allocation")
    assert (story.judged().planned_orders, story.judged().planned_units) == (1, 2)
