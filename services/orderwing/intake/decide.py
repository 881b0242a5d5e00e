"""New, duplicate, conflict or rejected; and the soft hold asked for at once."""

from __future__ import annotations

from orderwing.geography import Destination, destination, locate
from orderwing.intake.checks import accepted_line, problems
from orderwing.intake.facts import differences, digest, stop_of
from orderwing.intake.rows import TABLE, Happening, SeenOrder, State
from orderwing.kernel.decision import Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.domain import Order
from orderwing_schemas.events.intake import (
    DeliveryRecorded,
    OrderAccepted,
    OrderConflicted,
    OrderDuplicated,
    OrderRejected,
    SoftHoldRequested,
)
from orderwing_schemas.events.public import OrderPlaced

DAY_MS = 86_400_000


def placed(view: View, event: OrderPlaced, now_ms: int) -> Decision:
    draft = Draft(view)
    facts = digest(event)
    seen = draft.get(SeenOrder, event.order_id)
    if seen is None:
        _first(draft, event, facts, now_ms)
    else:
        _again(draft, seen, facts)
    return draft.decision()


def forget(view: View, row: SeenOrder, _now_ms: int) -> Decision:
    draft = Draft(view)
    draft.drop(SeenOrder, row.key)
    return draft.decision()


def _first(draft: Draft, event: OrderPlaced, facts: bytes, now_ms: int) -> None:
    place = locate(event.personal.city, event.personal.country)
    to = destination(place, draft.network) if place else None
    found = tuple(problems(event, to, draft.reference))
    state = step(TABLE, State.UNSEEN, Happening.FAILED if found else Happening.PASSED)
    row = SeenOrder(
        order_id=event.order_id,
        state=state,
        facts=facts,
        reasons=tuple(dict.fromkeys(reason for reason, _ in found)),
        detail="; ".join(detail for _, detail in found),
        wake_at_ms=now_ms + _remembered_days(draft, state) * DAY_MS,
    )
    draft.put(row)
    if to is None or found:
        _reject(draft, row)
    else:
        _accept(draft, event, to, now_ms)


def _remembered_days(draft: Draft, state: State) -> int:
    """Twice as many of an accepted order: other stages know it until so long after its end, and pass over another."""
    horizon_days = draft.network.policies.duplicate_horizon_days
    return 2 * horizon_days if state is State.ACCEPTED else horizon_days


def _again(draft: Draft, seen: SeenOrder, facts: bytes) -> None:
    same = facts == seen.facts
    step(TABLE, seen.state, Happening.REPEATED if same else Happening.DIFFERED)
    if not same:
        differs_in = differences(seen.facts, facts)
        draft.emit(topics.INTAKE_OUTCOMES, OrderConflicted(order_id=seen.order_id, differs_in=differs_in))
    elif seen.state is State.ACCEPTED:
        draft.emit(topics.INTAKE_OUTCOMES, OrderDuplicated(order_id=seen.order_id))
    else:
        _reject(draft, seen)  # the answer repeats


def _reject(draft: Draft, row: SeenOrder) -> None:
    rejected = OrderRejected(order_id=row.order_id, reasons=row.reasons, detail=row.detail)
    draft.emit(topics.INTAKE_OUTCOMES, rejected)


def _accept(draft: Draft, event: OrderPlaced, to: Destination, now_ms: int) -> None:
    order = Order(
        order_id=event.order_id,
        version=1,
        customer_key=event.customer_id or f"guest:{event.order_id}",
        currency=event.currency,
        lines=tuple(accepted_line(line, draft.reference) for line in event.lines),
        service_level=event.service_level,
        home_region=to.region_id,
        zone=to.zone,
        delivery_point=to.place.point,
        stop_id=stop_of(event.personal, to.place),
        shipping_paid_by=event.shipping_paid_by,
        one_box=event.one_box,
        max_delay_minutes=event.max_delay_minutes,
        may_split=event.may_split,
        backorder=event.backorder,
        placed_at_ms=min(int(event.placed_at.timestamp() * 1000), now_ms),  # else it would be patient till then
        accepted_at_ms=now_ms,
    )
    draft.emit(topics.ORDERS_ACCEPTED, OrderAccepted(order=order, payment_token=event.payment_token))
    draft.emit(topics.HOLDS_REQUESTED, SoftHoldRequested(order=order))
    draft.emit(topics.ORDERS_DELIVERY, DeliveryRecorded(order_id=event.order_id, personal=event.personal))
