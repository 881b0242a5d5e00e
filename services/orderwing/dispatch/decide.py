"""Release what allocation froze, follow what warehouses answer. A stranger's answer that fits nothing is put aside."""

from __future__ import annotations

from orderwing.dispatch.progress import advance, send_off, short_pick
from orderwing.dispatch.rows import TABLE, Happening, Progress, Shipment, State, Transfer, Units
from orderwing.dispatch.transfers import arrived, await_transfers, facts_of, forget, overdue
from orderwing.dispatch.waves import released
from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import ForDispatch, ShipmentOrdered
from orderwing_schemas.events.dispatch import AnswerIgnored, TransferAsked
from orderwing_schemas.events.public import WarehouseAnswered, WarehouseStatus


def shipment_ordered(view: View, event: ShipmentOrdered, now_ms: int) -> Decision:
    """Into its wave, and out to the warehouse: at once, or when the goods have come that are to leave with it."""
    draft, state = Draft(view), _state_of(view, event)
    if event.transfers:
        await_transfers(draft, event, state)
    else:
        _release(draft, event, state, now_ms)
    return draft.decision()


def transfer_asked(view: View, event: TransferAsked, now_ms: int) -> Decision:
    """Out to the warehouse, for another site."""
    draft, planned = Draft(view), event.shipment
    to_site_id = planned.to_site_id or ""
    draft.put(Transfer(shipment_id=planned.shipment_id, order_id=event.order_id, to_site_id=to_site_id))
    _release(draft, event, _state_of(view, event), now_ms)
    return draft.decision()


def _state_of(view: View, event: ForDispatch) -> State:
    known = view.get(Progress, event.shipment.shipment_id)
    return State.UNSEEN if known is None else known.state


def _release(draft: Draft, event: ForDispatch, state: State, now_ms: int) -> None:
    planned = event.shipment
    state = step(TABLE, state, Happening.ORDERED)
    shipment = facts_of(event, [Units(line.line_id, line.sku, line.quantity) for line in planned.lines])
    draft.put(shipment)
    draft.put(Progress(shipment_id=planned.shipment_id, order_id=event.order_id, state=state))
    released(draft, event, shipment, now_ms)


def warehouse_answered(view: View, event: WarehouseAnswered, now_ms: int) -> Decision:
    """Answers come twice, late and out of order; the shipment only ever goes forward."""
    if event.status is WarehouseStatus.ARRIVED:
        draft = Draft(view)
        why = arrived(draft, event, now_ms)
        return draft.decision() if why is None else _ignored(event, why)
    shipment, progress = view.get(Shipment, event.shipment_id), view.get(Progress, event.shipment_id)
    if shipment is None or progress is None:
        return _ignored(event, "unknown_shipment")
    if shipment.site_id != event.site_id:
        return _ignored(event, "wrong_site")
    if shipment.order_id != event.order_id:
        return _ignored(event, "wrong_order")
    draft = Draft(view)
    transfer = view.get(Transfer, event.shipment_id)
    if progress.state is State.AWAITING:
        reason: str | None = "not_released"
    elif event.status is WarehouseStatus.SHORT_PICKED:
        reason = short_pick(draft, shipment, progress, event.missing, now_ms, transfer)
    elif transfer is not None:
        reason = send_off(draft, shipment, progress, transfer, event.status, now_ms)
    else:
        reason = advance(draft, shipment, progress, event.status, now_ms)
    return draft.decision() if reason is None else _ignored(event, reason)


def progress_due(view: View, progress: Progress, now_ms: int) -> Decision:
    """A shipment that ended long ago is forgotten; one that waits in vain is told of."""
    if progress.state is State.AWAITING:
        return overdue(view, progress, now_ms)
    draft = Draft(view)
    draft.drop(Progress, progress.shipment_id)
    shipment = view.get(Shipment, progress.shipment_id)
    if shipment is not None:
        draft.drop(Shipment, shipment.shipment_id)
        forget(draft, shipment)
    return draft.decision()


def _ignored(event: WarehouseAnswered, reason: str) -> Decision:
    ignored = AnswerIgnored(
        site_id=event.site_id,
        order_id=event.order_id,
        shipment_id=event.shipment_id,
        status=event.status,
        reason=reason,
        missing=event.missing,
    )
    return Decision(emits=(Emit(topics.ANSWERS_IGNORED, ignored),))
