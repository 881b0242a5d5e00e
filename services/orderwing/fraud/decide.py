"""Clear, review or block; and how a review ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from orderwing.fraud.rows import REVIEW_STATES, Happening, Outcome, Review, Sighting, order_key
from orderwing.fraud.rules import VELOCITY_BLOCK_FACTOR, Case, clears_unseen, judge
from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.domain import Order
from orderwing_schemas.events.fraud import FraudDecided, HoldExtended, OrderBlocked, OrderCleared
from orderwing_schemas.events.payments import OrderAuthorised
from orderwing_schemas.events.public import ReviewVerdict
from orderwing_schemas.topics import FRAUD_BY_REGION, FRAUD_DECIDED

By = Literal["rules", "reviewer", "deadline"]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def on_authorised(view: View, event: OrderAuthorised, now_ms: int) -> Decision:
    draft = Draft(view)
    order = event.order
    if draft.get(Sighting, order_key(order.customer_key, order.order_id)) is not None:
        return NOTHING
    before = tuple(view.scan(Sighting, order.customer_key))
    seen = Sighting(
        customer_key=order.customer_key,
        order_id=order.order_id,
        at_ms=event.authorised_at_ms,
        amount_minor=order.total_minor,
        wake_at_ms=now_ms + HOUR_MS,
    )
    draft.put(seen)
    _forget_surplus(draft, before)
    outcome, rules = judge(_case(draft, order, (*before, seen)))
    if outcome is Outcome.IN_REVIEW:
        _review(draft, event, rules, now_ms)
    else:
        _decide(draft, order, outcome, rules, "rules")
    return draft.decision()


def on_verdict(view: View, event: ReviewVerdict, now_ms: int) -> Decision:
    """A verdict for a review that is closed, or never was, changes nothing."""
    draft = Draft(view)
    review = draft.get(Review, order_key(event.customer_key, event.order_id))
    if review is None:
        return NOTHING
    _end(draft, review, Happening(event.verdict.value), by_reviewer=True)
    return draft.decision()


def on_review_due(view: View, review: Review, now_ms: int) -> Decision:
    draft = Draft(view)
    _end(draft, review, Happening.CLEAR if review.clears else Happening.BLOCK, by_reviewer=False)
    return draft.decision()


def on_sighting_due(view: View, sighting: Sighting, now_ms: int) -> Decision:
    draft = Draft(view)
    draft.drop(Sighting, sighting.key)
    return draft.decision()


def _forget_surplus(draft: Draft, before: Sequence[Sighting]) -> None:
    """As many are kept as block the next order: a machine's orders must not make every next one dearer to judge."""
    most = VELOCITY_BLOCK_FACTOR * draft.network.policies.velocity_per_hour
    for oldest in sorted(before, key=lambda sighting: sighting.at_ms)[: max(0, len(before) - most)]:
        draft.drop(Sighting, oldest.key)


def _case(draft: Draft, order: Order, sightings: Sequence[Sighting]) -> Case:
    """The last of `sightings` is that of `order`."""
    seen = sightings[-1]
    recent = [sighting for sighting in sightings if abs(seen.at_ms - sighting.at_ms) < HOUR_MS]
    return Case(
        order=order,
        total_minor=seen.amount_minor,
        orders_last_hour=len(recent),
        minor_last_hour=sum(sighting.amount_minor for sighting in recent),
        policies=draft.network.policies,
    )


def _review(draft: Draft, event: OrderAuthorised, rules: tuple[str, ...], now_ms: int) -> None:
    order, policies = event.order, draft.network.policies
    until_ms = now_ms + policies.review_minutes * MINUTE_MS
    review = Review(
        customer_key=order.customer_key,
        order_id=order.order_id,
        event=msgspec.Raw(encode(event)),
        rules=rules,
        clears=clears_unseen(order, policies),
        wake_at_ms=until_ms,
    )
    draft.put(review)
    # A hold's usual time on top, so that the verdict of the last minute still finds it.
    hold_until_ms = until_ms + policies.soft_hold_minutes * MINUTE_MS
    draft.emit(
        FRAUD_BY_REGION,
        HoldExtended(order_id=order.order_id, version=order.version, region=order.home_region, until_ms=hold_until_ms),
    )
    draft.emit(
        FRAUD_DECIDED,
        FraudDecided(
            order_id=order.order_id,
            customer_key=order.customer_key,
            outcome="in_review",
            rules=rules,
            by="rules",
            review_until_ms=until_ms,
        ),
    )


def _end(draft: Draft, review: Review, happening: Happening, *, by_reviewer: bool) -> None:
    draft.drop(Review, review.key)
    event = decode(bytes(review.event), OrderAuthorised.EVENT_TYPE)
    assert isinstance(event, OrderAuthorised)
    outcome = step(REVIEW_STATES, Outcome.IN_REVIEW, happening)
    _decide(draft, event.order, outcome, review.rules, "reviewer" if by_reviewer else "deadline")


def _decide(draft: Draft, order: Order, outcome: Outcome, rules: tuple[str, ...], by: By) -> None:
    if outcome is Outcome.CLEARED:
        draft.emit(FRAUD_BY_REGION, OrderCleared(order=order))
    else:
        draft.emit(
            FRAUD_BY_REGION,
            OrderBlocked(order_id=order.order_id, version=order.version, region=order.home_region),
        )
    draft.emit(
        FRAUD_DECIDED,
        FraudDecided(
            order_id=order.order_id,
            customer_key=order.customer_key,
            outcome="cleared" if outcome is Outcome.CLEARED else "blocked",
            rules=rules,
            by=by,
        ),
    )
