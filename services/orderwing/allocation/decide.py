"""A new part gets its plan on the sites held, and other sites are weighed; a short pick is a new need."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.allocation.capacity import book, needs
from orderwing.allocation.cards import candidate, send
from orderwing.allocation.moves import ask, reserve_room
from orderwing.allocation.plans import UnplannableError, cost_of, freeze_of, holding_of, part_of, plan_on, tell
from orderwing.allocation.rows import TABLE, Change, Happening, Move, Part, Plan, Shipments, State
from orderwing.allocation.weighing import Weighed, best_of, weigh
from orderwing.kernel.decision import Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.domain import Candidate
from orderwing_schemas.events.allocation import ReplacementRequested
from orderwing_schemas.events.dispatch import PickShort
from orderwing_schemas.events.reservation import StockReserved


def stock_reserved(view: View, event: StockReserved, now_ms: int) -> Decision:
    """Plan v1 on the sites held; a move is asked for where another plan saves more than the threshold."""
    draft = Draft(view)
    known = draft.get(Plan, event.part_id)
    state = step(TABLE, State.UNSEEN if known is None else known.state, Happening.RESERVED)
    part, holding = part_of(event), holding_of(event.held)
    shipments = plan_on(draft, part, holding, {}, now_ms)
    if shipments is None:
        raise UnplannableError(f"part {part.part_id}: no departure from {', '.join(holding)} to {part.zone} has room")
    freeze_at_ms = freeze_of(draft.network, shipments)
    plan = Plan(
        part_id=part.part_id,
        order_id=part.order_id,
        state=state,
        version=1,
        shipments=shipments,
        freeze_at_ms=freeze_at_ms,
        wake_at_ms=freeze_at_ms,
    )
    own = needs(draft.network, shipments)
    book(draft, {}, own)
    draft.put(part)
    draft.put(plan)
    tell(draft, part, plan, "first" if event.replaces is None else "replacement", None)
    weighed = weigh(draft, part, holding, own, event.seen, now_ms)
    candidates = (candidate(shipments, None), *(_lost(draft, plan, other) for other in weighed))
    send(draft, part, "planned on the stock held", shipments, candidates, now_ms, event.seen)
    _move_if_better(draft, part, plan, best_of(weighed))
    return draft.decision()


def short_picked(view: View, event: PickShort, _now_ms: int) -> Decision:
    """The part goes on with what was found; what was missing is asked for as a new part."""
    draft = Draft(view)
    plan = draft.get(Plan, event.part_id)
    state = step(TABLE, State.UNSEEN if plan is None else plan.state, Happening.SHORT_PICKED)
    if plan is not None:
        draft.put(replace(plan, state=state))
    draft.emit(
        topics.HOLDS_ASKED,
        ReplacementRequested(
            region=event.region,
            part_id=event.part_id,
            order_id=event.order_id,
            order_version=event.order_version,
            shipment_id=event.shipment_id,
            site_id=event.site_id,
            missing=event.missing,
        ),
    )
    return draft.decision()


def _move_if_better(draft: Draft, part: Part, plan: Plan, best: Shipments | None) -> None:
    threshold = draft.network.policies.move_threshold_minor
    if best is None or plan.cost_minor - cost_of(best) <= threshold:
        return
    change = Change(part.part_id, best)
    reserve_room(draft, (change,))
    move_id = f"{part.part_id}/v{plan.version + 1}"
    ask(draft, Move(move_id=move_id, region=part.region, proposal_id=None, changes=(change,)))


def _lost(draft: Draft, plan: Plan, other: Weighed) -> Candidate:
    if other.shipments is None:
        return Candidate(label=other.label, lost_because="no departure has room")
    dearer = cost_of(other.shipments) - plan.cost_minor
    if dearer >= 0:
        return candidate(other.shipments, f"dearer by {dearer}")
    threshold = draft.network.policies.move_threshold_minor
    if -dearer <= threshold:
        return candidate(other.shipments, f"cheaper by {-dearer}, not above the threshold of {threshold}")
    return candidate(other.shipments, f"cheaper by {-dearer}: the hold has to be moved first")
