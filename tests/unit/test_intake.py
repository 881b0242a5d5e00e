"""Intake: new, duplicate, conflict, rejected, and what each emits."""

from __future__ import annotations

from typing import Any

import pytest

from orderwing.intake.decide import DAY_MS
from orderwing.intake.rows import SeenOrder
from orderwing.intake.stage import STAGE
from orderwing.shop.catalogue import demo_catalogue
from orderwing.shop.demo_network import demo_network
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Order
from orderwing_schemas.events.intake import (
    DeliveryRecorded,
    OrderAccepted,
    OrderConflicted,
    OrderDuplicated,
    OrderRejected,
    SoftHoldRequested,
)
from support.memory_view import MemoryReference, MemoryView
from support.orders import ITEM, demo_view, order_document, placed

NOW = 1_778_100_000_000


def answers(view: MemoryView, **changes: Any) -> list[Event]:
    return [emit.event for emit in view.apply(STAGE.decide(view, placed(**changes), NOW)).emits]


def accepted(**changes: Any) -> Order:
    event = answers(demo_view(), **changes)[0]
    assert isinstance(event, OrderAccepted)
    return event.order


def reasons(**changes: Any) -> tuple[str, ...]:
    (event,) = answers(demo_view(), **changes)
    assert isinstance(event, OrderRejected)
    return event.reasons


def line(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = order_document()["lines"][0]
    return document | changes


def personal(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = order_document()["personal"]
    return document | changes


def test_an_order_is_accepted_with_the_facts_that_decisions_need() -> None:
    taxed = line(quantity=3, tax_minor=500, capacity=0)
    events = answers(demo_view(), lines=[taxed])
    assert [type(event) for event in events] == [OrderAccepted, SoftHoldRequested, DeliveryRecorded]
    assert isinstance(events[0], OrderAccepted)
    order = events[0].order
    assert (order.home_region, order.zone, order.customer_key, order.version) == ("north", "north", "C1", 1)
    assert (order.total_minor, order.lines[0].capacity) == (3_500, 3 * ITEM.capacity)
    assert (order.placed_at_ms, order.accepted_at_ms) == (1_778_054_400_000, NOW)
    assert not any(word in order.model_dump_json() for word in ("Alex", "High Street"))


@pytest.mark.parametrize("moment", ["2026-05-07T08:00:00Z", "2999-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"])
def test_none_is_placed_after_it_has_come(moment: str) -> None:
    assert accepted(placed_at=moment).placed_at_ms == NOW


def test_a_guest_is_known_by_the_order() -> None:
    assert accepted(customer_id=None).customer_key == "guest:ORD-2026-05-06-001"


def test_abroad_has_a_zone_of_its_own_and_the_nearest_region_as_home() -> None:
    order = accepted(personal=personal(city="Lyon", country="FR"), service_level="EXPRESS")
    assert (order.zone, order.home_region) == ("europe", "south-east")


def test_one_door_has_one_stop_however_it_is_written() -> None:
    one = accepted(personal=personal(address="1, High Street", city=" LEEDS ", postcode="ls1 4dy"))
    other = accepted(personal=personal(address="1 high street", postcode="LS14DY"))
    abbreviated = accepted(personal=personal(address="No. 1 High St, Leeds", postcode="LS14DY"))
    elsewhere = accepted(personal=personal(address="2 High Street", postcode="LS1 4DY"))
    assert one.stop_id == other.stop_id == abbreviated.stop_id != elsewhere.stop_id


def test_flats_of_a_house_and_houses_of_a_street_share_the_beginning_of_their_stops() -> None:
    def parts(address: str) -> list[str]:
        return accepted(personal=personal(address=address, postcode="LS1 4DY")).stop_id.split(".")

    one, flat, next_door = parts("Flat 1, 8 High Street"), parts("Flat 2, 8 High St"), parts("10 High Street")
    assert one[:2] == flat[:2]
    assert one[2] != flat[2]
    assert one[0] == next_door[0]
    assert next_door[1:] == ["10", ""]


def test_abroad_a_street_is_told_apart_by_its_city() -> None:
    def stop(city: str) -> str:
        there = personal(address="1 rue Victor Hugo", city=city, country="FR", postcode="")
        return accepted(personal=there, service_level="EXPRESS").stop_id

    assert stop("Lyon") == stop("LYON") != stop("Nantes")


def test_an_address_that_names_no_door_is_told_by_how_it_is_written() -> None:
    unread = [accepted(personal=personal(address=text)).stop_id for text in ("...", "- -", "c/o")]
    assert unread[0] == unread[1] != unread[2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": [line(sku="GONE")]}, "unknown_sku"),
        ({"personal": personal(city="Nowhereville")}, "bad_address"),
        ({"personal": personal(country="ZZ")}, "bad_address"),
        ({"personal": personal(city="Paris", country="FR")}, "not_deliverable"),
        ({"payment_token": "4111111111111111"}, "bad_payment_method"),
        ({"payment_token": "tok_"}, "bad_payment_method"),
        ({"currency": "EUR"}, "wrong_currency"),
        ({"placed_at": "0001-01-01T00:00:00+23:59"}, "bad_time"),
        ({"lines": [line(unit_price_minor=0)]}, "bad_amount"),
        ({"lines": [line(unit_price_minor=10**12)]}, "bad_amount"),
        ({"lines": [line(discount_minor=1)]}, "promotion_misapplied"),
        ({"promotion_codes": ["FREE"]}, "promotion_misapplied"),
        ({"promotion_codes": ["SPRING5"]}, "promotion_misapplied"),
        ({"promotion_codes": ["BULK15"], "lines": [line(discount_minor=300)]}, "promotion_misapplied"),
        ({"promotion_codes": ["SPRING5"] * 2, "lines": [line(discount_minor=200)]}, "promotion_misapplied"),
    ],
)
def test_an_order_that_fails_a_check_is_rejected_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert reasons(**changes) == (reason,)


def test_all_reasons_are_told_at_once() -> None:
    found = reasons(lines=[line(sku="GONE")], currency="EUR", payment_token="cash")
    assert found == ("unknown_sku", "bad_payment_method", "wrong_currency")


def test_promotions_take_their_percentage_off_every_line() -> None:
    lines = [line(discount_minor=200), line(line_id="2", unit_price_minor=999, quantity=1, discount_minor=99)]
    assert accepted(promotion_codes=["WELCOME10"], lines=lines).total_minor == 1_800 + 900


def test_codes_that_together_take_off_more_than_all_are_refused_also_where_tax_makes_up_for_it() -> None:
    market = demo_network()
    codes = tuple(market.promotions[0].model_copy(update={"code": code, "percent": 60}) for code in ("A", "B"))
    view = MemoryView(MemoryReference(market.model_copy(update={"promotions": codes}), demo_catalogue()))
    beyond = line(discount_minor=2_400, tax_minor=400)
    other = line(line_id="2", tax_minor=9_000, discount_minor=2_400)
    (event,) = answers(view, promotion_codes=["A", "B"], lines=[beyond, other])
    assert isinstance(event, OrderRejected)
    assert (event.reasons, event.detail) == (("bad_amount",), "lines: a discount exceeds its line")


def test_the_same_order_again_is_a_duplicate() -> None:
    view = demo_view()
    answers(view)
    assert answers(view) == [OrderDuplicated(order_id="ORD-2026-05-06-001")]


def test_the_same_id_with_other_facts_is_a_conflict_that_names_the_fields() -> None:
    view = demo_view()
    answers(view)
    (event,) = answers(view, one_box=True, lines=[line(quantity=1)])
    assert event == OrderConflicted(order_id="ORD-2026-05-06-001", differs_in=("lines", "one_box"))
    assert answers(view) == [OrderDuplicated(order_id="ORD-2026-05-06-001")]


def test_the_answer_to_a_rejected_order_repeats() -> None:
    view = demo_view()
    first = answers(view, currency="EUR")
    assert answers(view, currency="EUR") == first
    assert isinstance(answers(view)[0], OrderConflicted)


@pytest.mark.parametrize(("changes", "days"), [({}, 60), ({"currency": "EUR"}, 30)])
def test_an_order_is_remembered_for_as_long_as_other_stages_know_it(changes: dict[str, Any], days: int) -> None:
    view = demo_view()
    answers(view, **changes)
    row = view.get(SeenOrder, "ORD-2026-05-06-001")
    assert row is not None
    assert row.wake_at_ms == NOW + days * DAY_MS
    view.apply(STAGE.due(view, row, row.wake_at_ms))
    assert not view.rows
