"""Proposals: all changes or none, priced anew, and refused with a reason."""

from __future__ import annotations

from orderwing.allocation.capacity import needs
from orderwing.allocation.moves import adopt, answer, ask, gain_of, plan_for, reserve_room
from orderwing.allocation.plans import Holding, holding_of, plan_on, same_holding
from orderwing.allocation.rows import Change, Happening, Move, Part, Plan, SeenProposal, State
from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.view import Draft, View
from orderwing_schemas.events.reoptimizer import PartChange, ProposalMade

REMEMBERED_MS = 86_400_000


class RefusedError(Exception):
    """Why a proposal is not taken; the message is the reason's code."""


def proposal_made(view: View, event: ProposalMade, now_ms: int) -> Decision:
    if view.get(SeenProposal, event.proposal_id) is not None:
        return NOTHING
    draft = Draft(view)
    try:
        move = _priced(draft, event, now_ms)
    except RefusedError as refusal:
        draft = Draft(view)  # forgets what was booked on the way
        stands = tuple(Change(change.part_id, ()) for change in event.changes)
        answer(
            draft,
            Move(move_id="", region=event.region, proposal_id=event.proposal_id, changes=stands),
            str(refusal),
            None,
        )
    else:
        if all(same_holding(plan_for(draft, c.part_id).shipments, c.shipments) for c in move.changes):
            adopt(draft, move, Happening.REPLANNED, now_ms)
        else:
            ask(draft, move)
    draft.put(SeenProposal(proposal_id=event.proposal_id, wake_at_ms=now_ms + REMEMBERED_MS))
    return draft.decision()


def forget(_view: View, row: SeenProposal, _now_ms: int) -> Decision:
    return Decision(drops=((SeenProposal, row.key),))


def _priced(draft: Draft, event: ProposalMade, now_ms: int) -> Move:
    """The move that a proposal comes to, with its room booked. Raises RefusedError."""
    if len({change.part_id for change in event.changes}) != len(event.changes):
        raise RefusedError("not_verified")
    changes = []
    for proposed in event.changes:
        part, plan = _open_part(draft, event, proposed, now_ms)
        holding = _verified(draft, part, proposed)
        shipments = plan_on(draft, part, holding, needs(draft.network, plan.shipments), now_ms)
        if shipments is None:
            raise RefusedError("capacity")
        change = Change(part.part_id, shipments)
        reserve_room(draft, (change,))
        changes.append(change)
    if gain_of(draft, changes) <= 0:
        raise RefusedError("gain_below_churn")
    return Move(move_id=event.proposal_id, region=event.region, proposal_id=event.proposal_id, changes=tuple(changes))


def _open_part(draft: Draft, event: ProposalMade, proposed: PartChange, now_ms: int) -> tuple[Part, Plan]:
    part, plan = draft.get(Part, proposed.part_id), draft.get(Plan, proposed.part_id)
    if part is None or plan is None:
        raise RefusedError("unknown_part")
    if part.region != event.region or part.order_id != proposed.order_id:
        raise RefusedError("not_verified")
    if plan.state is State.FROZEN or plan.freeze_at_ms <= now_ms:
        raise RefusedError("frozen")
    if plan.state is not State.PLANNED:
        raise RefusedError("moving")
    if plan.version != proposed.version:
        raise RefusedError("stale_version")
    return part, plan


def _verified(draft: Draft, part: Part, proposed: PartChange) -> Holding:
    """The holding proposed, if it is exactly the part's lines on sites of its region that it may use."""
    holding = holding_of(proposed.held)
    units: dict[tuple[str, str], int] = {}
    for taken in holding.values():
        for line in taken:
            units[line.line_id, line.sku] = units.get((line.line_id, line.sku), 0) + line.quantity
    if units != {(line.line_id, line.sku): line.quantity for line in part.lines}:
        raise RefusedError("not_verified")
    if len(holding) > 1 and not part.may_split:
        raise RefusedError("not_verified")
    sites = {site.site_id for site in draft.network.sites_by_region[part.region]}
    if not sites.issuperset(holding):
        raise RefusedError("not_verified")
    return holding
