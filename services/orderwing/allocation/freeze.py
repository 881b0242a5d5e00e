"""Freeze: at the first departure less its picking time a part becomes final and goes to the warehouses."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.allocation.plans import as_planned
from orderwing.allocation.rows import TABLE, Happening, Part, Plan, State
from orderwing.allocation.waiting import again
from orderwing.kernel.decision import Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.domain import PlannedShipment, Point
from orderwing_schemas.events.allocation import PartFrozen, ShipmentOrdered

DAY_MS = 86_400_000


def plan_due(view: View, plan: Plan, now_ms: int) -> Decision:
    """A plan's deadline: its freeze, or once frozen its end; the next attempt of one that waits for room."""
    draft = Draft(view)
    if plan.state is State.FROZEN:
        draft.drop(Plan, plan.part_id)
        draft.drop(Part, plan.part_id)
    elif plan.state is State.WAITING:
        again(draft, part_for(draft, plan.part_id), plan, now_ms)
    else:
        freeze(draft, plan)
    return draft.decision()


def freeze(draft: Draft, plan: Plan) -> None:
    """Freeze now, or note that it is due while reservation has not answered a move."""
    state = step(TABLE, plan.state, Happening.FREEZE_DUE)
    if state is not State.FROZEN:
        draft.put(replace(plan, state=state, wake_at_ms=None))
        return
    part = part_for(draft, plan.part_id)
    over_ms = max(shipment.departure_at_ms for shipment in plan.shipments)
    forget_at_ms = over_ms + draft.network.policies.duplicate_horizon_days * DAY_MS
    draft.put(replace(plan, state=state, wake_at_ms=forget_at_ms))
    draft.emit(
        topics.PARTS_PLANNED,
        PartFrozen(region=part.region, part_id=part.part_id, order_id=part.order_id, version=plan.version),
    )
    shipments = as_planned(part.part_id, plan.shipments)
    transfers = tuple([one for one in shipments if one.to_site_id])
    for shipment in shipments:
        if shipment.to_site_id is None:
            _order(draft, part, shipment, transfers)


def _order(draft: Draft, part: Part, shipment: PlannedShipment, transfers: tuple[PlannedShipment, ...]) -> None:
    draft.emit(
        topics.SHIPMENTS_ORDERED,
        ShipmentOrdered(
            site_id=shipment.site_id,
            region=part.region,
            order_id=part.order_id,
            order_version=part.order_version,
            part_id=part.part_id,
            service_level=part.service_level,
            stop_id=part.stop_id,
            zone=part.zone,
            delivery_point=Point(latitude=part.latitude, longitude=part.longitude),
            promise_at_ms=part.promise_at_ms,
            shipment=shipment,
            transfers=transfers,
        ),
    )


def part_for(draft: Draft, part_id: str) -> Part:
    """Raises LookupError: a plan has its part as long as it lives."""
    part = draft.get(Part, part_id)
    if part is None:
        raise LookupError(f"part {part_id} is not known")
    return part
