"""Parts that no departure has room for: their stock stays held, and their plan is tried again as time goes on."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.allocation.capacity import book, needs
from orderwing.allocation.cards import candidate, send
from orderwing.allocation.plans import Holding, Planner, first_cause, freeze_of, tell
from orderwing.allocation.rows import TABLE, Happening, Part, Plan, Shipments
from orderwing.allocation.scales import counting_of, policy_of
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing.planning.calendar import HORIZON_DAYS, HOUR_MS
from orderwing_schemas import topics
from orderwing_schemas.domain import OrderLine
from orderwing_schemas.events.allocation import PartWaiting

RETRY_MS = HOUR_MS  # capacity is counted by the hour


def stand(draft: Draft, part: Part, plan: Plan, shipments: Shipments, lines: tuple[OrderLine, ...] = ()) -> Plan:
    """Make a part's first plan the standing one. `lines` are the part's, where they are at hand."""
    freeze_at_ms = freeze_of(draft.network, shipments)
    plan = replace(plan, version=1, shipments=shipments, held=(), freeze_at_ms=freeze_at_ms, wake_at_ms=freeze_at_ms)
    book(draft, {}, needs(draft.network, shipments))
    draft.put(plan)
    tell(draft, part, plan, first_cause(part), None, lines=lines)
    return plan


def begin(draft: Draft, part: Part, plan: Plan, holding: Holding, now_ms: int) -> Plan:
    """Wait, and say so."""
    plan = replace(plan, held=tuple(holding.items()), wake_at_ms=now_ms + RETRY_MS)
    draft.put(plan)
    event = PartWaiting(
        region=part.region,
        part_id=part.part_id,
        order_id=part.order_id,
        reason=f"no departure from {', '.join(holding)} to {part.zone} has room within {HORIZON_DAYS} days",
        next_attempt_at_ms=now_ms + RETRY_MS,
    )
    draft.emit(topics.PARTS_PLANNED, event)
    return plan


def again(draft: Draft, part: Part, plan: Plan, now_ms: int) -> None:
    """The next attempt on the sites held."""
    counting = counting_of(draft, part, now_ms, policy_of(draft))
    shipments = Planner(draft, part, now_ms, counting).plan_on(dict(plan.held), {})
    if shipments is None:
        draft.put(replace(plan, state=step(TABLE, plan.state, Happening.NO_ROOM), wake_at_ms=now_ms + RETRY_MS))
        return
    stand(draft, part, replace(plan, state=step(TABLE, plan.state, Happening.ROOM)), shipments)
    send(draft, part, "planned: a departure has room now", shipments, (candidate(shipments, None),), now_ms)
