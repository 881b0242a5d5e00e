"""Every kind of violation, planted into a history that is clean without it, is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orderwing.audit.facts import KINDS, fact_of
from orderwing.planning.explaining.facts import edited
from orderwing_schemas.network import Carton, Trait
from support.audit_story import (
    DEPARTURE_MS,
    HELD,
    HOUR_MS,
    PART,
    PLAN_MINOR,
    SHIPMENT,
    UNITS,
    Story,
    delivered,
    plan,
    shelf,
)


def test_a_clean_history_passes() -> None:
    verdict = delivered().judged()
    assert verdict.violations == ()
    assert verdict.clean
    assert verdict.states == {"delivered": 1}
    assert verdict.promise_kept == 1.0
    assert verdict.stops_per_100_shipments == 100.0
    assert verdict.parcels_per_order == 1.0
    assert verdict.cost_minor_per_order == PLAN_MINOR
    assert verdict.oversold_units == 0


def test_stops_are_counted_from_the_manifests() -> None:
    story = delivered()
    for shipped, stops in ((["a", "b", "c"], [["a", "b"], ["c"]]), (["d"], [["d"]]), (["of an earlier version"], [])):
        made = [{"shipments": shipments} for shipments in stops]
        body = {"departure_at_ms": DEPARTURE_MS, "shipped": shipped, "stops": made}
        story.tell("manifests.closed", "manifest.closed.v1", body, "dispatch", f"wave/{len(shipped)}/{shipped[0]}")
    assert story.judged().stops_per_100_shipments == 75.0


def _lost_at_gate(story: Story) -> None:
    story.tell("orders.inbound", "order.placed.v1", {"order_id": "O2"})


def _lost_at_intake(story: Story) -> None:
    inbound = story.tell("orders.inbound", "order.placed.v1", {"order_id": "O2"})
    story.tell("orders.placed", "order.placed.v1", {"order_id": "O2"}, "gate", inbound.place)


def _answer_lost(story: Story) -> None:
    story.tell("wms.inbound", "warehouse.answered.v1", {"shipment_id": SHIPMENT})


def _never_told(story: Story) -> None:
    story.forget("shipment.released.v1")


def _committed_twice(story: Story) -> None:
    fact = next(fact for fact in story.facts if fact.type == "order.accepted.v1")
    story.facts.append(fact)


def _decided_twice(story: Story) -> None:
    inbound = story.tell("orders.inbound", "order.placed.v1", {"order_id": "O2"})
    for _ in range(2):
        rejected = {"source_topic": "orders.inbound", "reason": "contract"}
        story.tell("inputs.rejected", "input.rejected.v1", rejected, "gate", inbound.place, again=True)


def _accepted_twice(story: Story) -> None:
    story.repeat("order.accepted.v1")


def _accepted_without_a_line(story: Story) -> None:
    asked = next(fact for fact in story.facts if fact.topic == "orders.placed").body
    asked["lines"] = [*asked["lines"], {**asked["lines"][0], "line_id": "2"}]


def _accepted_for_less(story: Story) -> None:
    story.change("order.placed.v1", lambda value: value["lines"][0].update(unit_price_minor=600))


def _accepted_out_of_nothing(story: Story) -> None:
    story.facts = [fact for fact in story.facts if fact.topic not in ("orders.inbound", "orders.placed")]


def _planned_twice(story: Story) -> None:
    story.tell("parts.planned", "part.allocated.v1", plan(PART, SHIPMENT, 1), "allocation", "stock.reserved/0/9")


def _released_twice(story: Story) -> None:
    story.repeat("shipment.released.v1")


def _delivered_too_much(story: Story) -> None:
    story.change("reservation.recorded.v1", lambda value: value.update(declined=[{**UNITS, "quantity": 1}]))


def _charged_twice(story: Story) -> None:
    story.provider.append(dict(story.provider[-1]))


def _held_beyond_the_shelf(story: Story) -> None:
    shelf(story, "held", 3, 4, "orders.cleared/0/1", exception="reserved exceeds stock less safety")
    shelf(story, "released", 3, 0, "payments.releases/0/1")


def _shipped_beyond_stock(story: Story) -> None:
    story.change("stock.movement_accepted.v1", lambda value: value["movement"].update(quantity=1))


def _never_delivered(story: Story) -> None:
    story.facts = [fact for fact in story.facts if fact.body.get("status") not in ("in_transit", "delivered")]


def _on_hand_drifts(story: Story) -> None:
    last = [fact for fact in story.facts if fact.type == "stock.moved.v1"][-1]
    last.body["shelves"][0]["on_hand"] = 4


def _hold_never_given_back(story: Story) -> None:
    last = [fact for fact in story.facts if fact.type == "stock.moved.v1"][-1]
    last.body["shelves"][0]["reserved"] = 2


def _negative_shelf(story: Story) -> None:
    last = [fact for fact in story.facts if fact.type == "stock.moved.v1"][-1]
    last.body["shelves"][0]["reserved"] = -1


def _captured_too_little(story: Story) -> None:
    captured = [fact for fact in story.facts if fact.body.get("purpose") == "capture"]
    for value in (*(fact.body for fact in captured), story.provider[-1]):
        value["amount_minor"] = 1_000


def _rest_never_voided(story: Story) -> None:
    authorised = [fact for fact in story.facts if fact.body.get("purpose") == "authorise"]
    for value in (*(fact.body for fact in authorised), story.provider[0]):
        value["amount_minor"] = 2_000


def _captured_beyond_authorised(story: Story) -> None:
    story.change("payment.recorded.v1", lambda value: value.update(amount_minor=500))


def _shipped_though_blocked(story: Story) -> None:
    story.change("fraud.decided.v1", lambda value: value.update(outcome="blocked"))


def _departure_overbooked(story: Story) -> None:
    other = plan("O2/south/1", "O2/south/1/1", 1)
    other["shipments"][0]["lines"] = [{**UNITS, "quantity": 1}]
    story.tell("parts.planned", "part.allocated.v1", other, "allocation", "stock.reserved/0/9")


def _picking_overbooked(story: Story) -> None:
    other = plan("O2/south/1", "O2/south/1/1", 1)
    other["shipments"][0].update(lines=[{**UNITS, "quantity": 3}], departure_at_ms=10 * 3_600_000 + 60_000)
    story.tell("parts.planned", "part.allocated.v1", other, "allocation", "stock.reserved/0/9")


def _never_frozen(story: Story) -> None:
    story.forget("part.frozen.v1")


def _replanned_after_the_freeze(story: Story) -> None:
    late = plan(PART, SHIPMENT, 2, "own_move")
    story.tell("parts.planned", "part.allocated.v1", late, "allocation", "stock.reserved/0/9")


def _unplanned_release(story: Story) -> None:
    released = {"site_id": "dartford", "shipment_id": "O7/south/1/1", "order_id": "O7"}
    story.tell("shipments.released.v1", "shipment.released.v1", released, "dispatch", "x/0/0")


def _warehouse_knows_more(story: Story) -> None:
    entry = {"status": "received", "shipment_id": "O7/south/1/1", "site_id": "dartford", "lines": [UNITS]}
    story.warehouse.append(entry)


def _warehouse_shipped_less(story: Story) -> None:
    entry = next(entry for entry in story.warehouse if entry["status"] == "shipped")
    entry["lines"] = [{**UNITS, "quantity": 1}]


def _warehouse_knows_less(story: Story) -> None:
    story.warehouse = [entry for entry in story.warehouse if entry["status"] == "received"]


def _nobody_heard(story: Story) -> None:
    story.forget("shipment.progressed.v1")


def _provider_captured_more(story: Story) -> None:
    story.provider[-1]["amount_minor"] = 900


def _provider_wonders(story: Story) -> None:
    story.provider[-1]["flags"] = ["over_capture"]


def _provider_keeps_money(story: Story) -> None:
    story.provider[0]["amount_minor"] = 5_000


def _price_is_not_the_terms(story: Story) -> None:
    story.change("part.allocated.v1", lambda value: value.update(cost_minor=1))


def _terms_are_not_the_model(story: Story) -> None:
    def cheat(value: dict[str, object]) -> None:
        value["cost_minor"] = 1
        value["shipments"][0]["terms"] = [["all", 1]]  # type: ignore[index]

    story.change("part.allocated.v1", cheat)


def _more_parcels_than_told(story: Story) -> None:
    box = Carton(carton_id="box", max_weight_g=500, volume_cm3=10**6)
    story.network = story.network.model_copy(update={"cartons": (box,)})


def _site_that_may_not(story: Story) -> None:
    picky = story.network.sites[0].model_copy(update={"capabilities": ()})
    story.network = edited(story.network, sites=(picky,))
    story.items = tuple(item.model_copy(update={"traits": (Trait.HAZARD,)}) for item in story.items)


def _written_by_a_stranger(story: Story) -> None:
    story.tell("parts.planned", "part.allocated.v1", {"part_id": PART}, "allocation", "x/0/0")


PLANTED = (
    ("foreign", _written_by_a_stranger),
    ("lost", _lost_at_gate), ("lost", _lost_at_intake), ("lost", _answer_lost), ("lost", _never_told),
    ("lost", _accepted_without_a_line), ("lost", _accepted_for_less), ("duplicated", _accepted_out_of_nothing),
    ("duplicated", _committed_twice), ("duplicated", _decided_twice), ("duplicated", _accepted_twice),
    ("duplicated", _planned_twice), ("duplicated", _released_twice), ("duplicated", _delivered_too_much),
    ("duplicated", _charged_twice), ("oversold", _held_beyond_the_shelf), ("oversold", _shipped_beyond_stock),
    ("stuck", _never_delivered), ("stock", _on_hand_drifts), ("stock", _hold_never_given_back),
    ("stock", _negative_shelf), ("money", _captured_too_little), ("money", _rest_never_voided),
    ("money", _captured_beyond_authorised), ("money", _shipped_though_blocked), ("capacity", _departure_overbooked),
    ("capacity", _picking_overbooked), ("freeze", _never_frozen), ("freeze", _replanned_after_the_freeze),
    ("freeze", _unplanned_release), ("ledger", _warehouse_knows_more), ("ledger", _warehouse_knows_less),
    ("ledger", _warehouse_shipped_less), ("ledger", _nobody_heard),
    ("ledger", _provider_captured_more), ("ledger", _provider_wonders), ("ledger", _provider_keeps_money),
    ("cost", _price_is_not_the_terms), ("cost", _terms_are_not_the_model),
    ("cost", _more_parcels_than_told), ("rule", _site_that_may_not),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "plant"), PLANTED, ids=[plant.__name__.strip("_") for _, plant in PLANTED])
def test_a_planted_violation_is_found(kind: str, plant: object) -> None:
    story = delivered()
    assert callable(plant)
    plant(story)
    assert kind in {violation.kind for violation in story.violations()}


def test_every_kind_is_planted() -> None:
    assert {kind for kind, _ in PLANTED} == set(KINDS)


def test_what_a_dead_letter_holds_back_is_not_lost() -> None:
    story = delivered()
    inbound = story.tell("orders.inbound", "order.placed.v1", {"order_id": "O2"})
    placed = story.tell("orders.placed", "order.placed.v1", {"order_id": "O2"}, "gate", inbound.place)
    letter = {"topic": placed.topic, "partition": 0, "offset": placed.offset, "order_id": "O2"}
    story.tell("intake.dead-letters", "record.dead_lettered.v1", letter, "intake")
    verdict = story.judged()
    assert verdict.clean
    assert verdict.dead_letters == 1


def test_a_capture_paid_in_part_leaves_the_rest_uncollected() -> None:
    story = delivered()
    captured = [fact for fact in story.facts if fact.type == "payment.recorded.v1"][-1]
    refused = {**captured.body, "amount_minor": 401, "shipment_id": SHIPMENT, "reason": "paid_in_part"}
    del refused["purpose"]
    captured.body["amount_minor"] = story.provider[-1]["amount_minor"] = 600
    key = "O1:void:1"
    void = {"order_id": "O1", "purpose": "void", "idempotency_key": key, "amount_minor": 401}
    story.tell("payments.recorded", "payment.capture_refused.v1", refused, "payment_hold", captured.cause)
    story.tell("payments.recorded", "payment.recorded.v1", void, "payment_hold", f"payments.answered/0/{key}")
    story.provider.append({**void, "outcome": "approved", "flags": []})
    assert [one for one in story.violations() if one.kind in ("money", "ledger")] == []


def test_a_backordered_order_rests() -> None:
    story = delivered()
    accepted = next(fact for fact in story.facts if fact.type == "order.accepted.v1")
    accepted.body["order"]["lines"].append({"line_id": "2", "sku": "TEA", "quantity": 1, "amount_minor": 10})
    waiting = [{"line_id": "2", "sku": "TEA", "quantity": 1}]
    story.change("reservation.recorded.v1", lambda value: value.update(outcome="backordered", waiting=waiting))
    verdict = story.judged()
    assert verdict.states == {"backordered": 1}
    assert verdict.count("stuck") == 0


def test_a_void_of_what_was_given_up_counts_against_nothing() -> None:
    """The provider had booked a renewal whose answers were all lost."""
    story = delivered()
    given_up = {"order_id": "O1", "purpose": "authorise", "idempotency_key": "O1:authorise:2", "amount_minor": 700}
    story.provider.append({**given_up, "outcome": "approved", "flags": []})
    void = {"order_id": "O1", "purpose": "void", "idempotency_key": "O1:void:2", "amount_minor": 700}
    story.tell("payments.recorded", "payment.recorded.v1", void, "payment_hold", "payments.answered/0/99")
    assert [violation.kind for violation in story.violations()] == ["ledger"]
    story.provider.append({**void, "outcome": "approved", "flags": []})
    assert story.violations() == []


def test_strangers_may_claim_anything() -> None:
    story = delivered()
    claims = {
        "ce_type": "order.accepted.v1", "ce_source": "/orderwing/gate", "ce_id": "1",
        "decision": "x orders.inbound/0/0", "ce_time": "tomorrow",
    }  # fmt: skip
    for offset in (1, 2):
        stranger = fact_of("orders.inbound", 0, offset, 1_000, claims, b"{}")
        story.facts.append(stranger)
        rejected = {"source_topic": "orders.inbound", "reason": "contract"}
        story.tell("inputs.rejected", "input.rejected.v1", rejected, "gate", stranger.place)
    assert story.violations() == []


@pytest.mark.parametrize(
    "told", [{"decision": "12 orders.inbound/0/3"}, {"decision": "12", "cause": "orders.inbound/0/3", "now": "5"}]
)
def test_the_cause_is_read_from_logs_of_earlier_versions_too(told: dict[str, str]) -> None:
    headers = {"ce_type": "order.placed.v1", "ce_source": "/orderwing/gate", **told}
    fact = fact_of("orders.placed", 0, 0, 1_000, headers, b"{}")
    assert (fact.decision, fact.cause) == ("12", "orders.inbound/0/3")


@pytest.mark.parametrize(
    ("ce_time", "now_ms"),
    [
        ("1970-01-01T00:00:01.500+00:00", 1_500),
        ("1970-01-01t00:00:01.5z", 1_500),
        ("2016-12-31T23:59:60Z", 0),
        ("0001-01-01T00:00:00", 0),
        ("tomorrow", 0),
    ],
)
def test_a_time_that_is_none_ends_nothing(ce_time: str, now_ms: int) -> None:
    assert fact_of("orders.placed", 0, 0, 1_000, {"ce_time": ce_time}, b"{}").now_ms == now_ms


def test_young_orders_are_not_judged() -> None:
    story = delivered()
    _never_delivered(story)
    assert story.judged(settled_before_wall_ms=0).count("stuck") == 0


def test_a_moved_hold_counts_where_it_went() -> None:
    story = delivered()
    moved = {"region": "south", "move_id": "M1", "moves": [{"part_id": PART, "held": [{**HELD, "quantity": 1}]}]}
    story.tell("stock.reserved", "hold.moved.v1", moved, "reservation", "x/0/0")
    assert "stock" in {violation.kind for violation in story.violations()}


def _softly_held(cleared_ms: int, decided_ms: tuple[int, ...]) -> Story:
    """Held softly at nought for 30 minutes; cleared then, with other decisions of the region at times between."""
    story = delivered()
    story.change("order.accepted.v1", lambda value: value["order"].update(home_region="south"))
    first = next(fact for fact in story.facts if fact.type == "reservation.recorded.v1")
    place = story.facts.index(first)
    held = {"order_id": "O1", "outcome": "held", "waiting": [], "declined": []}
    story.facts.insert(place, replace(first, id="held", value=held, now_ms=0))
    story.tell("orders.cleared", "order.cleared.v1", {"order": {"order_id": "O1"}}, "fraud", "x/0/0")
    story.facts[-1] = replace(story.facts[-1], now_ms=cleared_ms)
    moved = next(fact for fact in story.facts if fact.type == "stock.moved.v1")
    for number, now_ms in enumerate(decided_ms):
        story.facts.insert(0, replace(moved, id=f"moved-{number}", now_ms=now_ms))
    return story


def test_a_soft_hold_that_outlives_its_end_is_found() -> None:
    story = _softly_held(5 * HOUR_MS, (HOUR_MS, 2 * HOUR_MS))
    assert "stock" in {violation.kind for violation in story.violations()}


def test_while_reservation_is_away_nothing_lapses() -> None:
    story = _softly_held(5 * HOUR_MS, (5 * HOUR_MS - 60_000,))
    assert story.judged().clean
