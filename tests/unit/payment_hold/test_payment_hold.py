"""The road of an order's money, and every exit from it."""

from __future__ import annotations

import pytest

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import IllegalTransitionError
from orderwing.payment_hold.asking import AUTHORISE_TRIES
from orderwing.payment_hold.decide import MoneyError
from orderwing.payment_hold.rows import (
    ASK_STATES,
    OVER,
    PENDING,
    STATES,
    Ask,
    AskState,
    Payment,
    State,
    ask_key,
)
from orderwing.payment_hold.stage import STAGE
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Order
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.payments import (
    CaptureRefused,
    HoldReleaseRequested,
    OrderAuthorised,
    OrderRefused,
    Outcome,
    PaymentRecorded,
    PaymentRequested,
    Purpose,
)
from orderwing_schemas.events.public import WarehouseStatus
from orderwing_schemas.network import Policies
from support.money import DAY_MS, HOUR_MS, START_MS, accepted, answer, declined, order, progressed, view

FAILED, DECLINED = Outcome.FAILED, Outcome.DECLINED


class Desk:
    """One order on the stage, with what it emitted last."""

    def __init__(self, of: Order | None = None, policies: Policies | None = None) -> None:
        self.view = view(policies)
        self.order = of or order()
        self.now_ms = START_MS

    def tell(self, event: Event) -> Decision:
        return self.view.apply(STAGE.decide(self.view, event, self.now_ms))

    def start(self) -> PaymentRequested:
        return requests(self.tell(accepted(self.order)))[0]

    def authorised(self) -> Desk:
        self.tell(answer(self.start()))
        return self

    def due(self, at_ms: int) -> Decision:
        """The only deadline at or before `at_ms`."""
        (row,) = [r for r in self.view.rows.values() if r.wake_at_ms is not None and r.wake_at_ms <= at_ms]
        self.now_ms = at_ms
        return self.view.apply(STAGE.due(self.view, row, at_ms))

    @property
    def payment(self) -> Payment:
        found = self.view.get(Payment, self.order.order_id)
        assert found is not None
        return found

    def state(self) -> State:
        return self.payment.state

    def ask(self, purpose: Purpose, subject: str) -> Ask:
        found = self.view.get(Ask, ask_key(self.order.order_id, purpose, subject))
        assert found is not None
        return found


def events(decision: Decision) -> list[Event]:
    return [emit.event for emit in decision.emits]


def requests(decision: Decision) -> list[PaymentRequested]:
    return [event for event in events(decision) if isinstance(event, PaymentRequested)]


def blocked(of: Order) -> FraudDecided:
    return FraudDecided(
        order_id=of.order_id, customer_key=of.customer_key, outcome="blocked", rules=("velocity",), by="rules"
    )


def test_an_accepted_order_is_authorised_for_its_whole_amount() -> None:
    desk = Desk()
    request = desk.start()
    assert (request.purpose, request.amount_minor, request.payment_token) == (Purpose.AUTHORISE, 1100, "tok_ok")
    assert request.idempotency_key == "ORD-1:authorise:1"
    authorised, recorded = (
        next(e for e in events(decision) if isinstance(e, kind))
        for decision in [desk.tell(answer(request))]
        for kind in (OrderAuthorised, PaymentRecorded)
    )
    assert isinstance(authorised, OrderAuthorised)
    assert authorised.order == desk.order
    assert isinstance(recorded, PaymentRecorded)
    assert recorded.amount_minor == 1100
    assert desk.state() is State.AUTHORISED


def test_an_order_told_twice_asks_once() -> None:
    desk = Desk()
    desk.start()
    assert desk.tell(accepted(desk.order)) == NOTHING


@pytest.mark.parametrize("second", list(Outcome))
def test_a_second_answer_changes_nothing(second: Outcome) -> None:
    desk = Desk()
    request = desk.start()
    desk.tell(answer(request))
    assert desk.tell(answer(request, second)) == NOTHING


def test_a_declined_payment_refuses_the_order_and_gives_the_stock_back() -> None:
    desk = Desk()
    decision = desk.tell(answer(desk.start(), DECLINED))
    refused, release = events(decision)
    assert isinstance(refused, OrderRefused)
    assert refused.reason == "payment_declined"
    assert isinstance(release, HoldReleaseRequested)
    assert (release.region, release.version) == ("north", 1)
    assert desk.state() is State.REFUSED


def test_a_failed_authorisation_is_asked_again_and_given_up_in_the_end() -> None:
    desk = Desk()
    request = desk.start()
    pauses = []
    for _ in range(AUTHORISE_TRIES - 1):
        assert not events(desk.tell(answer(request, FAILED)))
        wake_at_ms = desk.ask(Purpose.AUTHORISE, "1").wake_at_ms
        assert wake_at_ms is not None
        pauses.append(wake_at_ms - desk.now_ms)
        assert requests(desk.due(wake_at_ms)) == [request]
    assert pauses == [60_000 << n for n in range(AUTHORISE_TRIES - 1)]
    decision = desk.tell(answer(request, FAILED))
    assert [e.reason for e in events(decision) if isinstance(e, OrderRefused)] == ["payment_unanswered"]
    # The provider may have held the money all the same.
    (void,) = requests(decision)
    assert (void.purpose, void.authorisation) == (Purpose.VOID, request.idempotency_key)
    assert desk.tell(answer(request)) == NOTHING


def test_a_second_failure_while_resting_is_not_counted() -> None:
    desk = Desk()
    request = desk.start()
    desk.tell(answer(request, FAILED))
    before = desk.ask(Purpose.AUTHORISE, "1")
    desk.tell(answer(request, FAILED))
    assert desk.ask(Purpose.AUTHORISE, "1") == before


def test_an_approval_that_comes_while_resting_counts() -> None:
    desk = Desk()
    request = desk.start()
    desk.tell(answer(request, FAILED))
    desk.tell(answer(request))
    assert desk.state() is State.AUTHORISED


def test_a_partial_authorisation_is_refused_and_voided() -> None:
    desk = Desk()
    request = desk.start()
    decision = desk.tell(answer(request.model_copy(update={"amount_minor": 1})))
    assert desk.state() is State.REFUSED
    assert [r.purpose for r in requests(decision)] == [Purpose.VOID]


def test_each_shipment_is_captured_for_what_it_is_worth() -> None:
    desk = Desk(order(((3, 100),))).authorised()
    captures = [requests(desk.tell(progressed(desk.order, f"s{n}", {"l0": 1})))[0] for n in range(3)]
    assert [c.amount_minor for c in captures] == [33, 33, 34]
    assert {c.authorisation for c in captures} == {"ref:ORD-1:authorise:1"}
    assert [c.idempotency_key for c in captures] == [f"ORD-1:capture:s{n}" for n in range(3)]
    for capture in captures[:2]:
        desk.tell(answer(capture))
    assert desk.state() is State.CLOSING
    recorded = events(desk.tell(answer(captures[2])))
    assert [e.shipment_id for e in recorded if isinstance(e, PaymentRecorded)] == ["s2"]
    # Nothing remains, so there is nothing to void.
    assert desk.state() is State.ENDED


def test_repeated_progress_captures_once() -> None:
    desk = Desk().authorised()
    desk.tell(progressed(desk.order, "s1", {"l0": 1}))
    assert desk.tell(progressed(desk.order, "s1", {"l0": 1})) == NOTHING


@pytest.mark.parametrize("status", [s for s in WarehouseStatus if s is not WarehouseStatus.SHIPPED])
def test_only_what_left_the_dock_is_captured(status: WarehouseStatus) -> None:
    desk = Desk().authorised()
    assert desk.tell(progressed(desk.order, "s1", {"l0": 1}, status)) == NOTHING


def test_goods_that_cost_nothing_need_no_provider() -> None:
    desk = Desk(order(((1, 0), (1, 50)))).authorised()
    decision = desk.tell(progressed(desk.order, "s1", {"l0": 1}))
    assert not requests(decision)
    (recorded,) = events(decision)
    assert isinstance(recorded, PaymentRecorded)
    assert recorded.amount_minor == 0
    assert desk.tell(progressed(desk.order, "s1", {"l0": 1})) == NOTHING


def test_a_failed_capture_is_asked_for_ever_with_the_same_key() -> None:
    desk = Desk().authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    for _ in range(3 * AUTHORISE_TRIES):
        desk.tell(answer(capture, FAILED))
        wake_at_ms = desk.ask(Purpose.CAPTURE, "s1").wake_at_ms
        assert wake_at_ms is not None
        assert wake_at_ms - desk.now_ms <= HOUR_MS
        assert requests(desk.due(wake_at_ms)) == [capture]
    assert desk.ask(Purpose.CAPTURE, "s1").failures == 3 * AUTHORISE_TRIES


def test_what_was_declined_is_voided_once_the_captures_are_confirmed() -> None:
    desk = Desk(order(((2, 1000), (3, 100)))).authorised()
    desk.tell(declined(desk.order, {"l1": 1}))
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 2, "l1": 2})))
    assert capture.amount_minor == 1066
    assert desk.state() is State.CLOSING
    (void,) = requests(desk.tell(answer(capture)))
    assert (void.purpose, void.amount_minor) == (Purpose.VOID, 34)
    assert void.authorisation == "ref:ORD-1:authorise:1"
    (recorded,) = events(desk.tell(answer(void)))
    assert isinstance(recorded, PaymentRecorded)
    assert (recorded.purpose, recorded.amount_minor) == (Purpose.VOID, 34)
    assert desk.state() is State.ENDED


def test_lines_may_be_declined_before_the_order_and_before_the_answer() -> None:
    desk = Desk(order(((2, 1000),)))
    desk.tell(declined(desk.order, {"l0": 1}))
    request = desk.start()
    desk.tell(declined(desk.order, {"l0": 2}))
    decision = desk.tell(answer(request))
    assert not [e for e in events(decision) if isinstance(e, OrderAuthorised)]
    assert [r.amount_minor for r in requests(decision)] == [1000]
    assert desk.state() is State.CLOSING


def test_a_declined_line_told_twice_counts_once() -> None:
    desk = Desk(order(((2, 1000),))).authorised()
    for _ in range(2):
        assert not events(desk.tell(declined(desk.order, {"l0": 1})))
    assert desk.state() is State.AUTHORISED


def test_declines_of_an_order_that_never_comes_are_forgotten() -> None:
    desk = Desk()
    desk.tell(declined(desk.order, {"l0": 1}))
    desk.due(START_MS + 30 * DAY_MS)
    assert not desk.view.rows


def test_a_blocked_order_gives_all_its_money_back() -> None:
    desk = Desk().authorised()
    (void,) = requests(desk.tell(blocked(desk.order)))
    assert (void.purpose, void.amount_minor) == (Purpose.VOID, 1100)
    assert desk.tell(blocked(desk.order)) == NOTHING
    desk.tell(answer(void, DECLINED))
    assert desk.state() is State.ENDED


def test_clear_and_review_are_no_news_for_the_money() -> None:
    desk = Desk().authorised()
    told = blocked(desk.order)
    for outcome in ("cleared", "in_review"):
        assert desk.tell(told.model_copy(update={"outcome": outcome})) == NOTHING


def test_an_authorisation_is_renewed_before_it_expires_and_the_old_one_voided() -> None:
    desk = Desk(order(((2, 1000),)), Policies(authorisation_hours=24)).authorised()
    (first,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    wake_at_ms = desk.payment.wake_at_ms
    assert wake_at_ms == START_MS + 22 * HOUR_MS
    (renewal,) = requests(desk.due(wake_at_ms))
    assert (renewal.idempotency_key, renewal.amount_minor) == ("ORD-1:authorise:2", 500)
    # The old one is kept while a capture under way draws on it.
    assert not requests(desk.tell(answer(renewal)))
    (void,) = requests(desk.tell(answer(first)))
    assert (void.amount_minor, void.authorisation) == (500, "ref:ORD-1:authorise:1")
    desk.tell(answer(void))
    (second,) = requests(desk.tell(progressed(desk.order, "s2", {"l0": 1})))
    assert second.authorisation == "ref:ORD-1:authorise:2"
    desk.tell(answer(second))
    assert desk.state() is State.ENDED


def test_where_only_free_goods_may_still_ship_nothing_is_renewed() -> None:
    desk = Desk(order(((1, 1000), (1, 0))), Policies(authorisation_hours=24)).authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    desk.tell(answer(capture))
    assert not requests(desk.due(START_MS + 22 * HOUR_MS))
    assert desk.payment.wake_at_ms == START_MS + 44 * HOUR_MS
    assert not requests(desk.tell(progressed(desk.order, "s2", {"l1": 1})))
    assert desk.state() is State.ENDED


def test_a_renewal_that_is_declined_keeps_what_is_held_and_is_tried_again() -> None:
    desk = Desk(policies=Policies(authorisation_hours=24)).authorised()
    (renewal,) = requests(desk.due(START_MS + 22 * HOUR_MS))
    assert not requests(desk.tell(answer(renewal, DECLINED)))
    assert desk.state() is State.AUTHORISED
    (again,) = requests(desk.due(desk.now_ms + DAY_MS))
    assert again.idempotency_key == "ORD-1:authorise:3"


def test_a_renewal_answered_after_the_last_shipment_is_voided_too() -> None:
    desk = Desk(order(((1, 1000),)), Policies(authorisation_hours=24)).authorised()
    (renewal,) = requests(desk.due(START_MS + 22 * HOUR_MS))
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    assert not requests(desk.tell(answer(capture)))
    (void,) = requests(desk.tell(answer(renewal)))
    assert void.authorisation == "ref:ORD-1:authorise:2"
    desk.tell(answer(void))
    assert desk.state() is State.ENDED


def test_a_refused_capture_is_told_and_its_money_given_back() -> None:
    desk = Desk(order(((1, 1000),))).authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    decision = desk.tell(answer(capture, DECLINED))
    assert [e.amount_minor for e in events(decision) if isinstance(e, CaptureRefused)] == [1000]
    assert [(r.purpose, r.amount_minor) for r in requests(decision)] == [(Purpose.VOID, 1000)]


def test_of_a_capture_paid_in_part_the_rest_is_told_and_given_back() -> None:
    desk = Desk(order(((1, 1000),))).authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    decision = desk.tell(answer(capture).model_copy(update={"amount_minor": 600}))
    assert [e.amount_minor for e in events(decision) if isinstance(e, PaymentRecorded)] == [600]
    assert [(e.amount_minor, e.reason) for e in events(decision) if isinstance(e, CaptureRefused)] == [
        (400, "paid_in_part")
    ]
    assert [(r.purpose, r.amount_minor) for r in requests(decision)] == [(Purpose.VOID, 400)]


def test_a_capture_paid_beyond_what_was_asked_is_told_as_it_is() -> None:
    desk = Desk(order(((1, 1000),))).authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    decision = desk.tell(answer(capture).model_copy(update={"amount_minor": 1200}))
    assert [e.amount_minor for e in events(decision) if isinstance(e, PaymentRecorded)] == [1200]
    assert not requests(decision)
    assert desk.state() is State.ENDED


def test_a_renewal_that_fails_is_asked_again_under_its_key_until_the_provider_is_back() -> None:
    desk = Desk(policies=Policies(authorisation_hours=24)).authorised()
    (renewal,) = requests(desk.due(START_MS + 22 * HOUR_MS))
    for _ in range(AUTHORISE_TRIES + 3):
        assert not events(desk.tell(answer(renewal, FAILED)))
        wake_at_ms = desk.ask(Purpose.AUTHORISE, "2").wake_at_ms
        assert wake_at_ms is not None
        assert wake_at_ms <= desk.now_ms + HOUR_MS
        assert requests(desk.due(wake_at_ms)) == [renewal]
    (void,) = requests(desk.tell(answer(renewal)))
    assert void.authorisation == "ref:ORD-1:authorise:1"


def test_a_renewal_that_fails_is_given_up_once_nothing_more_will_ship() -> None:
    desk = Desk(policies=Policies(authorisation_hours=24)).authorised()
    (renewal,) = requests(desk.due(START_MS + 22 * HOUR_MS))
    (void,) = requests(desk.tell(blocked(desk.order)))
    desk.tell(answer(void))
    told = [requests(desk.tell(answer(renewal, FAILED)))]
    while (wake_at_ms := desk.ask(Purpose.AUTHORISE, "2").wake_at_ms) is not None:
        assert requests(desk.due(wake_at_ms)) == [renewal]
        told.append(requests(desk.tell(answer(renewal, FAILED))))
    assert len(told) == AUTHORISE_TRIES
    (last,) = told[-1]
    assert last.purpose is Purpose.VOID
    desk.tell(answer(last))
    assert desk.state() is State.ENDED


def test_an_order_that_is_over_is_forgotten_after_the_horizon() -> None:
    desk = Desk(order(((1, 1000),))).authorised()
    (capture,) = requests(desk.tell(progressed(desk.order, "s1", {"l0": 1})))
    desk.tell(answer(capture))
    desk.due(START_MS + 30 * DAY_MS)
    assert not desk.view.rows


def test_an_order_whose_void_is_owed_is_remembered() -> None:
    desk = Desk()
    request = desk.start()
    for _ in range(AUTHORISE_TRIES):
        desk.tell(answer(request, FAILED))
        if (wake_at_ms := desk.ask(Purpose.AUTHORISE, "1").wake_at_ms) is not None:
            desk.due(wake_at_ms)
    wake_at_ms = desk.payment.wake_at_ms
    assert wake_at_ms is not None
    desk.due(wake_at_ms)
    assert desk.payment.wake_at_ms == wake_at_ms + DAY_MS


def test_goods_without_money_are_a_defect() -> None:
    desk = Desk()
    with pytest.raises(MoneyError):
        desk.tell(progressed(desk.order, "s1", {"l0": 1}))
    desk.start()
    with pytest.raises(IllegalTransitionError):
        desk.tell(progressed(desk.order, "s1", {"l0": 1}))


def test_more_goods_than_ordered_are_a_defect() -> None:
    desk = Desk(order(((1, 1000), (1, 1)))).authorised()
    with pytest.raises(MoneyError):
        desk.tell(progressed(desk.order, "s1", {"l0": 2}))


def test_every_state_is_reached_and_left_by_the_tables() -> None:
    assert set(STATES.values()) | {State.REQUESTED} == set(State)
    assert {state for state, _ in STATES} == set(State) - set(OVER)
    assert set(ASK_STATES.values()) == set(AskState)
    assert {state for state, _ in ASK_STATES} == set(PENDING)
