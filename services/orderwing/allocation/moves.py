"""Moves: a better plan on other shelves becomes the standing one only when reservation has moved the hold."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from orderwing.allocation.capacity import book, free, needs
from orderwing.allocation.cards import settled_card
from orderwing.allocation.freeze import freeze, part_for
from orderwing.allocation.plans import Cause, first_cause, freeze_of, held_by, same_holding, tell
from orderwing.allocation.refusals import kept_card
from orderwing.allocation.rows import TABLE, Change, Happening, Move, Plan, State
from orderwing.allocation.scales import Scales, counting_of, policy_of
from orderwing.allocation.waiting import RETRY_MS
from orderwing.kernel.decision import Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import MoveRequested, ProposalAnswered
from orderwing_schemas.events.reservation import HoldMoved, MoveRefused, PartMove


def plan_for(draft: Draft, part_id: str) -> Plan:
    """Raises LookupError: whoever asks knows that there is one."""
    plan = draft.get(Plan, part_id)
    if plan is None:
        raise LookupError(f"part {part_id} has no plan")
    return plan


def reserve_room(draft: Draft, changes: Sequence[Change]) -> None:
    """Book the new plans beside the standing ones."""
    for change in changes:
        standing = plan_for(draft, change.part_id).shipments
        book(draft, needs(draft.network, standing), needs(draft.network, change.shipments))


def ask(draft: Draft, move: Move) -> None:
    """Ask reservation for all of a move, whose room is booked; its parts take nothing else meanwhile."""
    asked = []
    for change in move.changes:
        plan = plan_for(draft, change.part_id)
        if not same_holding(plan.shipments, change.shipments):
            asked.append(
                PartMove(
                    part_id=plan.part_id,
                    order_id=plan.order_id,
                    version=plan.version,
                    held=held_by(change.shipments),
                )
            )
        asked_state = step(TABLE, plan.state, Happening.ASKED)
        wake_at_ms = None if asked_state is State.SEEKING else plan.wake_at_ms
        draft.put(replace(plan, state=asked_state, wake_at_ms=wake_at_ms))
    draft.put(move)
    draft.emit(topics.HOLDS_ASKED, MoveRequested(region=move.region, move_id=move.move_id, moves=tuple(asked)))


def adopt(draft: Draft, move: Move, happening: Happening, now_ms: int) -> None:
    """Make the new plans the standing ones, free what the old ones took, answer a proposal."""
    cause: Cause = "own_move" if move.proposal_id is None else "proposal"
    gain = 0
    for change in move.changes:
        plan = plan_for(draft, change.part_id)
        part = part_for(draft, change.part_id)
        free(draft, needs(draft.network, plan.shipments), needs(draft.network, change.shipments))
        freeze_at_ms = freeze_of(draft.network, change.shipments)
        new = replace(
            plan,
            state=step(TABLE, plan.state, happening),
            version=plan.version + 1,
            shipments=change.shipments,
            held=(),
            freeze_at_ms=freeze_at_ms,
            wake_at_ms=freeze_at_ms,
        )
        draft.put(new)
        gain += plan.cost_minor - new.cost_minor - draft.network.policies.churn_minor
        if plan.version:
            tell(draft, part, new, cause, plan.cost_minor, move.proposal_id)
        else:
            tell(draft, part, new, first_cause(part), None)
        scales = Scales(draft, counting_of(draft, part, now_ms, policy_of(draft)), needs(draft.network, new.shipments))
        settled_card(draft, part, plan.shipments, new.shipments, cause, now_ms, scales)
        _freeze_if_due(draft, new, now_ms)
    if move.proposal_id is not None:
        answer(draft, move, "better", gain)


def hold_moved(view: View, event: HoldMoved, now_ms: int) -> Decision:
    draft = Draft(view)
    move = _under_way(draft, event.move_id)
    draft.drop(Move, move.move_id)
    adopt(draft, move, Happening.MOVED, now_ms)
    return draft.decision()


def move_refused(view: View, event: MoveRefused, now_ms: int) -> Decision:
    """The standing plans stand; what was booked for the others is free."""
    draft = Draft(view)
    move = _under_way(draft, event.move_id)
    draft.drop(Move, move.move_id)
    for change in move.changes:
        plan = plan_for(draft, change.part_id)
        free(draft, needs(draft.network, change.shipments), needs(draft.network, plan.shipments))
        state = step(TABLE, plan.state, Happening.REFUSED)
        wake_at_ms = now_ms + RETRY_MS if state is State.WAITING else plan.freeze_at_ms
        back = replace(plan, state=state, wake_at_ms=wake_at_ms)
        draft.put(back)
        part, by_proposal = part_for(draft, change.part_id), move.proposal_id is not None
        kept_card(draft, part, plan, change.shipments, event.reason, by_proposal, event.seen, now_ms)
        if state is not State.WAITING:
            _freeze_if_due(draft, back, now_ms)
    if move.proposal_id is not None:
        answer(draft, move, event.reason, None)
    return draft.decision()


def answer(draft: Draft, move: Move, reason: str, gain_minor: int | None) -> None:
    event = ProposalAnswered(
        region=move.region,
        proposal_id=move.proposal_id or "",
        accepted=gain_minor is not None,
        reason=reason,
        part_ids=tuple(change.part_id for change in move.changes),
        gain_minor=gain_minor,
    )
    draft.emit(topics.PARTS_PLANNED, event)


def _freeze_if_due(draft: Draft, plan: Plan, now_ms: int) -> None:
    if plan.freeze_at_ms <= now_ms:
        freeze(draft, plan)


def _under_way(draft: Draft, move_id: str) -> Move:
    move = draft.get(Move, move_id)
    if move is None:
        raise LookupError(f"no move {move_id} is under way")
    return move
