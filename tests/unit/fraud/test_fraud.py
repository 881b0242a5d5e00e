"""Each rule, and each way a review ends."""

from __future__ import annotations

import msgspec
import pytest

from orderwing.fraud.rows import REVIEW_STATES, Outcome, Review, Sighting
from orderwing.fraud.rules import RULES, VELOCITY_BLOCK_FACTOR, Case, judge
from orderwing.fraud.stage import STAGE
from orderwing.kernel.decision import NOTHING, Decision
from orderwing.runtime.store import encode_row
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.events.fraud import FraudDecided, HoldExtended, OrderBlocked, OrderCleared
from orderwing_schemas.events.payments import OrderAuthorised
from orderwing_schemas.events.public import ReviewVerdict, Verdict
from orderwing_schemas.network import Policies
from support.memory_view import MemoryView
from support.money import HOUR_MS, MINUTE_MS, START_MS, order, view

POLICIES = Policies(review_amount_minor=1_000, block_amount_minor=10_000, velocity_per_hour=2, review_minutes=60)


def authorised(of: Order, at_ms: int = START_MS) -> OrderAuthorised:
    return OrderAuthorised(order=of, authorised_minor=of.total_minor, authorised_at_ms=at_ms)


def worth(amount_minor: int, n: int = 1, customer_key: str = "customer-1") -> Order:
    return order(((1, amount_minor),), order_id=f"ORD-{n}", customer_key=customer_key)


def tell(at: MemoryView, event: Event, now_ms: int = START_MS) -> Decision:
    """Every row goes through the changelog, as after a restart."""
    decision = STAGE.decide(at, event, now_ms)
    restored = tuple(msgspec.json.decode(encode_row(row), type=type(row)) for row in decision.puts)
    return at.apply(Decision(decision.emits, restored, decision.drops))


def events(decision: Decision) -> list[Event]:
    return [emit.event for emit in decision.emits]


def decided(decision: Decision) -> FraudDecided:
    (told,) = [e for e in events(decision) if isinstance(e, FraudDecided)]
    return told


def verdict(of: Order, word: Verdict) -> ReviewVerdict:
    return ReviewVerdict(order_id=of.order_id, customer_key=of.customer_key, verdict=word, reviewer="ann")


def test_an_ordinary_order_is_cleared_with_all_its_facts() -> None:
    cleared, told = events(tell(view(POLICIES), authorised(worth(999))))
    assert isinstance(cleared, OrderCleared)
    assert cleared.order == worth(999)
    assert isinstance(told, FraudDecided)
    assert (told.outcome, told.rules, told.by) == ("cleared", (), "rules")


def test_an_order_told_twice_is_decided_once() -> None:
    at = view(POLICIES)
    tell(at, authorised(worth(10)))
    assert tell(at, authorised(worth(10))) == NOTHING


def test_a_machines_orders_are_all_blocked_and_not_all_kept() -> None:
    at = view(POLICIES)
    outcomes = [decided(tell(at, authorised(worth(10, n), START_MS + n), START_MS + n)).outcome for n in range(200)]
    most = VELOCITY_BLOCK_FACTOR * POLICIES.velocity_per_hour
    assert set(outcomes[most:]) == {"blocked"}
    assert sum(isinstance(row, Sighting) for row in at.rows.values()) <= most + 1


def case(of: Order, orders_last_hour: int, minor_last_hour: int) -> Case:
    return Case(of, of.total_minor, orders_last_hour, minor_last_hour, POLICIES)


CASES = {
    "amount_beyond_limit": (case(worth(10_000), 1, 10_000), case(worth(9_999), 1, 9_999)),
    "velocity_of_a_machine": (
        case(worth(1), 2 * VELOCITY_BLOCK_FACTOR + 1, 1),
        case(worth(1), 2 * VELOCITY_BLOCK_FACTOR, 1),
    ),
    "high_amount": (case(worth(1_000), 1, 1_000), case(worth(999), 1, 999)),
    "velocity": (case(worth(1), 3, 3), case(worth(1), 2, 2)),
    "high_amount_in_an_hour": (case(worth(1), 2, 10_000), case(worth(1), 2, 9_999)),
    "guest_high_amount": (
        case(worth(500, customer_key="guest:ORD-1"), 1, 500),
        case(worth(500), 1, 500),
    ),
    "rush_high_amount": (
        case(order(((1, 750),), service_level=ServiceLevel.TWO_HOURS), 1, 750),
        case(order(((1, 750),)), 1, 750),
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_fires_at_its_limit_and_not_below(rule: object) -> None:
    named = {one.name: one for one in RULES}
    assert set(named) == set(CASES)
    (fires, spares) = CASES[getattr(rule, "name", "")]
    one = named[getattr(rule, "name", "")]
    assert one.fires(fires)
    assert not one.fires(spares)


def test_the_severest_rule_decides_and_all_are_named() -> None:
    outcome, rules = judge(CASES["amount_beyond_limit"][0])
    assert outcome is Outcome.BLOCKED
    assert rules == ("amount_beyond_limit", "high_amount")


def test_a_blocked_order_is_told_by_region_and_by_order() -> None:
    blocked, told = events(tell(view(POLICIES), authorised(worth(10_000))))
    assert isinstance(blocked, OrderBlocked)
    assert (blocked.region, blocked.order_id) == ("north", "ORD-1")
    assert isinstance(told, FraudDecided)
    assert told.outcome == "blocked"


def test_velocity_counts_the_last_hour_of_one_customer() -> None:
    at = view(POLICIES)
    outcomes = [decided(tell(at, authorised(worth(1, n)), START_MS)).outcome for n in range(3)]
    assert outcomes == ["cleared", "cleared", "in_review"]
    other = decided(tell(at, authorised(worth(1, 3, "customer-2"))))
    assert other.outcome == "cleared"
    later_ms = START_MS + HOUR_MS
    assert decided(tell(at, authorised(worth(1, 4), later_ms), later_ms)).outcome == "cleared"


def test_sightings_lapse() -> None:
    at = view(POLICIES)
    tell(at, authorised(worth(1)))
    (sighting,) = at.scan(Sighting, "customer-1")
    assert sighting.wake_at_ms == START_MS + HOUR_MS
    at.apply(STAGE.due(at, sighting, START_MS + HOUR_MS))
    assert not at.rows


def test_a_review_holds_the_stock_beyond_its_deadline() -> None:
    extended, told = events(tell(view(POLICIES), authorised(worth(1_000))))
    assert isinstance(told, FraudDecided)
    assert (told.outcome, told.review_until_ms) == ("in_review", START_MS + HOUR_MS)
    assert isinstance(extended, HoldExtended)
    assert extended.until_ms == START_MS + HOUR_MS + 30 * MINUTE_MS


@pytest.mark.parametrize(("word", "outcome"), [(Verdict.CLEAR, "cleared"), (Verdict.BLOCK, "blocked")])
def test_a_person_ends_a_review_once(word: Verdict, outcome: str) -> None:
    at = view(POLICIES)
    tell(at, authorised(worth(1_000)))
    told = decided(tell(at, verdict(worth(1_000), word)))
    assert (told.outcome, told.by, told.rules) == (outcome, "reviewer", ("high_amount",))
    assert not list(at.scan(Review, "customer-1"))
    for late in Verdict:
        assert tell(at, verdict(worth(1_000), late)) == NOTHING


def test_a_verdict_on_no_review_changes_nothing() -> None:
    at = view(POLICIES)
    assert tell(at, verdict(worth(1_000), Verdict.CLEAR)) == NOTHING
    tell(at, authorised(worth(10)))
    assert tell(at, verdict(worth(10), Verdict.BLOCK)) == NOTHING


@pytest.mark.parametrize(("amount_minor", "outcome"), [(4_999, "cleared"), (5_000, "blocked")])
def test_the_deadline_clears_below_half_of_what_blocks(amount_minor: int, outcome: str) -> None:
    at = view(POLICIES)
    tell(at, authorised(worth(amount_minor)))
    (review,) = at.scan(Review, "customer-1")
    assert review.wake_at_ms == START_MS + HOUR_MS
    told = decided(at.apply(STAGE.due(at, review, START_MS + HOUR_MS)))
    assert (told.outcome, told.by) == (outcome, "deadline")
    assert tell(at, verdict(worth(amount_minor), Verdict.CLEAR)) == NOTHING


def test_the_table_leads_from_review_to_both_ends() -> None:
    assert {state for state, _ in REVIEW_STATES} == {Outcome.IN_REVIEW}
    assert set(REVIEW_STATES.values()) == {Outcome.CLEARED, Outcome.BLOCKED}
