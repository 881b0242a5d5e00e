"""Release what allocation froze, follow what warehouses answer. A stranger's answer that fits nothing is put aside."""

from __future__ import annotations

from orderwing.dispatch.progress import advance, short_pick, tell
from orderwing.dispatch.rows import TABLE, Happening, InWave, Progress, Shipment, State, Units, Wave
from orderwing.dispatch.waves import close_ms, wave_id_of
from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import ShipmentOrdered
from orderwing_schemas.events.dispatch import AnswerIgnored, ShipmentReleased
from orderwing_schemas.events.public import WarehouseAnswered, WarehouseStatus


def shipment_ordered(view: View, event: ShipmentOrdered, now_ms: int) -> Decision:
    """Into its wave, and out to the warehouse."""
    draft, planned = Draft(view), event.shipment
    known = draft.get(Progress, planned.shipment_id)
    state = step(TABLE, State.UNSEEN if known is None else known.state, Happening.ORDERED)
    wave_id = wave_id_of(planned.lane_id, planned.departure_at_ms)
    shipment = Shipment(
        shipment_id=planned.shipment_id,
        region=event.region,
        site_id=event.site_id,
        order_id=event.order_id,
        order_version=event.order_version,
        part_id=event.part_id,
        lines=tuple(Units(line.line_id, line.sku, line.quantity) for line in planned.lines),
        promise_at_ms=event.promise_at_ms,
    )
    draft.put(shipment)
    draft.put(Progress(shipment_id=planned.shipment_id, order_id=event.order_id, state=state))
    draft.put(InWave(wave_id=wave_id, shipment_id=planned.shipment_id, stop_id=event.stop_id, parcels=planned.parcels))
    draft.put(
        Wave(
            wave_id=wave_id,
            site_id=event.site_id,
            carrier=planned.carrier,
            departure_at_ms=planned.departure_at_ms,
            wake_at_ms=close_ms(planned.departure_at_ms),
        )
    )
    draft.emit(topics.SHIPMENTS_RELEASED, _released(event, wave_id, now_ms))
    tell(draft, shipment, "released", shipment.lines, now_ms)
    return draft.decision()


def warehouse_answered(view: View, event: WarehouseAnswered, now_ms: int) -> Decision:
    """Answers come twice, late and out of order; the shipment only ever goes forward."""
    shipment, progress = view.get(Shipment, event.shipment_id), view.get(Progress, event.shipment_id)
    if shipment is None or progress is None:
        return _ignored(event, "unknown_shipment")
    if shipment.site_id != event.site_id:
        return _ignored(event, "wrong_site")
    if shipment.order_id != event.order_id:
        return _ignored(event, "wrong_order")
    draft = Draft(view)
    if event.status is WarehouseStatus.SHORT_PICKED:
        reason = short_pick(draft, shipment, progress, event.missing, now_ms)
    else:
        reason = advance(draft, shipment, progress, event.status, now_ms)
    return draft.decision() if reason is None else _ignored(event, reason)


def progress_due(view: View, progress: Progress, _now_ms: int) -> Decision:
    """A shipment that ended long ago is forgotten."""
    return Decision(drops=((Progress, progress.shipment_id), (Shipment, progress.shipment_id)))


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


def _released(event: ShipmentOrdered, wave_id: str, now_ms: int) -> ShipmentReleased:
    planned = event.shipment
    return ShipmentReleased(
        site_id=event.site_id,
        shipment_id=planned.shipment_id,
        order_id=event.order_id,
        wave_id=wave_id,
        carrier=planned.carrier,
        lane_id=planned.lane_id,
        zone=event.zone,
        stop_id=event.stop_id,
        delivery_point=event.delivery_point,
        service_level=event.service_level,
        lines=planned.lines,
        departure_at_ms=planned.departure_at_ms,
        arrival_at_ms=planned.arrival_at_ms,
        promise_at_ms=event.promise_at_ms,
        released_at_ms=now_ms,
    )
