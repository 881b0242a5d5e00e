"""Proposals: all changes or none, priced anew, and refused with a reason."""

from __future__ import annotations

from orderwing.allocation.capacity import needs
from orderwing.allocation.moves import adopt, answer, ask, plan_for, reserve_room
from orderwing.allocation.plans import Holding, Planner, holding_of, same_holding, way_of, wishes_for
from orderwing.allocation.refusals import RefusedError, refused_cards
from orderwing.allocation.rows import Change, Happening, Move, Part, Plan, SeenProposal, Shipments, State
from orderwing.allocation.scales import Scales, counting_of, policy_of
from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.view import Draft, View
from orderwing.planning.traits import refusal
from orderwing_schemas.events.reoptimizer import PartChange, ProposalMade

REMEMBERED_MS = 86_400_000


def proposal_made(view: View, event: ProposalMade, now_ms: int) -> Decision:
    if view.get(SeenProposal, event.proposal_id) is not None:
        return NOTHING
    draft = Draft(view)
    priced: dict[str, Shipments] = {}
    try:
        move = _priced(draft, event, priced, now_ms)
    except RefusedError as refusal:
        draft = Draft(view)  # forgets what was booked on the way
        refused_cards(draft, event.changes, priced, refusal, now_ms)
        stands = tuple(Change(change.part_id, ()) for change in event.changes)
        move = Move(move_id="", region=event.region, proposal_id=event.proposal_id, changes=stands)
        answer(draft, move, refusal.reason, None)
    else:
        if all(same_holding(plan_for(draft, c.part_id).shipments, c.shipments) for c in move.changes):
            adopt(draft, move, Happening.REPLANNED, now_ms)
        else:
            ask(draft, move)
    draft.put(SeenProposal(proposal_id=event.proposal_id, wake_at_ms=now_ms + REMEMBERED_MS))
    return draft.decision()


def forget(_view: View, row: SeenProposal, _now_ms: int) -> Decision:
    return Decision(drops=((SeenProposal, row.key),))


def _priced(draft: Draft, event: ProposalMade, priced: dict[str, Shipments], now_ms: int) -> Move:
    """The move that a proposal comes to, with its room booked and its plans in `priced`. Raises RefusedError.

    What it gains is weighed: true cost, and what the strategies of its parts and steering prices count beside it.
    """
    if len({change.part_id for change in event.changes}) != len(event.changes):
        raise RefusedError("not_verified")
    liked_more, gain, policy = False, 0, policy_of(draft)
    for proposed in event.changes:
        part, plan = _open_part(draft, event, proposed, now_ms)
        holding, own = _verified(draft, part, proposed), needs(draft.network, plan.shipments)
        counting = counting_of(draft, part, now_ms, policy)
        shipments = Planner(draft, part, now_ms, counting).plan_on(holding, own)
        if shipments is None:
            raise RefusedError("capacity", part.part_id)
        priced[part.part_id] = shipments
        gain += (
            _gain(Scales(draft, counting, own), part, plan.shipments, shipments) - draft.network.policies.churn_minor
        )
        wishes = wishes_for(part, (plan.shipments, shipments))
        before, after = wishes.rank(way_of(plan.shipments)), wishes.rank(way_of(shipments))
        if after > before:
            raise RefusedError("too_late" if after >= 2 else "more_parcels", part.part_id)
        liked_more |= after < before
        reserve_room(draft, (Change(part.part_id, shipments),))
    changes = tuple(Change(part_id, shipments) for part_id, shipments in priced.items())
    if gain <= 0 and not liked_more:
        raise RefusedError("gain_below_churn")
    return Move(move_id=event.proposal_id, region=event.region, proposal_id=event.proposal_id, changes=changes)


def _gain(scales: Scales, part: Part, standing: Shipments, other: Shipments) -> int:
    """By how much less the other plan weighs, in minor units. Raises RefusedError for what the strategy leaves out."""
    counting = scales.counting
    if counting is not None:
        if not counting.may_ship_from(len(other), len(standing)):
            raise RefusedError("too_many_sites", part.part_id)
        if scales.too_full(other) and not scales.too_full(standing):
            raise RefusedError("too_full", part.part_id)
    return scales.weight(standing).all_minor - scales.weight(other).all_minor


def _open_part(draft: Draft, event: ProposalMade, proposed: PartChange, now_ms: int) -> tuple[Part, Plan]:
    part_id = proposed.part_id
    part, plan = draft.get(Part, part_id), draft.get(Plan, part_id)
    if part is None or plan is None:
        raise RefusedError("unknown_part", part_id)
    if part.region != event.region or part.order_id != proposed.order_id:
        raise RefusedError("not_verified", part_id)
    if plan.state in (State.WAITING, State.SEEKING):
        raise RefusedError("waiting", part_id)
    if plan.state is State.FROZEN or plan.freeze_at_ms <= now_ms:
        raise RefusedError("frozen", part_id)
    if plan.state is not State.PLANNED:
        raise RefusedError("moving", part_id)
    if plan.version != proposed.version:
        raise RefusedError("stale_version", part_id)
    return part, plan


def _verified(draft: Draft, part: Part, proposed: PartChange) -> Holding:
    """The holding proposed, if it is exactly the part's lines on sites of its region that it may use."""
    holding = holding_of(proposed.held)
    units: dict[tuple[str, str], int] = {}
    for taken in holding.values():
        for line in taken:
            units[line.line_id, line.sku] = units.get((line.line_id, line.sku), 0) + line.quantity
    if units != {(line.line_id, line.sku): line.quantity for line in part.lines}:
        raise RefusedError("not_verified", part.part_id)
    if len(holding) > 1 and not part.may_split:
        raise RefusedError("not_verified", part.part_id)
    sites = {site.site_id: site for site in draft.network.sites_by_region[part.region]}
    if not holding.keys() <= sites.keys():
        raise RefusedError("not_verified", part.part_id)
    for site_id, taken in holding.items():
        if refusal(sites[site_id], [line.sku for line in taken], draft.reference.item):
            raise RefusedError("may_not_ship", part.part_id)
    return holding
