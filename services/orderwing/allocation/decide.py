"""A new part gets its plan on the sites held, and other sites are weighed; a short pick is a new need."""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.allocation.capacity import needs
from orderwing.allocation.cards import candidate, counted_facts, facts, loser, losers, send, told
from orderwing.allocation.comparing import Comparison
from orderwing.allocation.gathering import gather
from orderwing.allocation.moves import ask, reserve_room
from orderwing.allocation.plans import Holding, Planner, holding_of, lines_of, part_of
from orderwing.allocation.rows import TABLE, Change, Happening, Move, Part, Plan, Shipments, State
from orderwing.allocation.scales import Scales, counting_of
from orderwing.allocation.waiting import begin, stand
from orderwing.allocation.weighing import weigh
from orderwing.kernel.decision import Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.counting import followed
from orderwing.planning.policies.in_force import in_force
from orderwing_schemas import topics
from orderwing_schemas.events.allocation import ReplacementRequested
from orderwing_schemas.events.dispatch import PickShort
from orderwing_schemas.events.reservation import StockReserved
from orderwing_schemas.policy import Strategy


def stock_reserved(view: View, event: StockReserved, now_ms: int) -> Decision:
    return planned_by(view, event, now_ms, in_force(view.reference).policy)


def planned_by(view: View, event: StockReserved, now_ms: int, policy: Compiled | None) -> Decision:
    """Plan v1 on the sites held; a move is asked for where another plan is liked more or saves above the threshold.

    Where no departure has room the part waits. Of `policy` the strategy counts that reservation followed.
    """
    draft = Draft(view)
    known = draft.get(Plan, event.part_id)
    lines, holding = lines_of(event), holding_of(event.held)
    strategy = None if policy is None else _followed(draft, policy, event, holding)
    part = part_of(event, lines, strategy)
    counting = counting_of(draft, part, now_ms, policy)
    planner = Planner(draft, part, now_ms, counting)
    gathered = gather(planner, holding, planner.plan_on(holding, {}) or (), strategy)
    shipments = gathered.shipments
    plan = Plan(
        part_id=part.part_id,
        order_id=part.order_id,
        state=step(
            TABLE,
            State.UNSEEN if known is None else known.state,
            Happening.RESERVED if shipments else Happening.NO_ROOM,
        ),
        version=0,
        shipments=(),
        freeze_at_ms=0,
    )
    draft.put(part)
    plan = stand(draft, part, plan, shipments, lines) if shipments else begin(draft, part, plan, holding, now_ms)
    weighed = weigh(planner, holding, shipments, event.seen)
    scales = Scales(draft, counting, {} if counting is None else needs(draft.network, shipments))
    compared = Comparison(part, shipments, weighed, draft.network.policies.move_threshold_minor, scales)
    others = (*map(loser, gathered.others), *losers(holding, compared))
    lost = (*gathered.others, *weighed)
    hurries = part.max_delay_minutes < event.order.max_delay_minutes
    decided = policy if part.strategy is not None or gathered.others or hurries else None
    again = facts(draft.network, event, shipments, lost, planner.met, decided)
    notes: tuple[str, ...] = ()
    if counting is not None:
        again, notes = counted_facts(again, scales, part, shipments, lost), told(scales, policy, shipments)
    if shipments:
        candidates = (candidate(shipments, None), *others)
        send(draft, part, "planned on the stock held", shipments, candidates, now_ms, event.seen, again, notes)
    else:
        said = "no departure has room: the part waits"
        send(draft, part, said, shipments, others, now_ms, event.seen, again, notes)
    _move_if_better(draft, part, plan, compared.best())
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
            cross_docked=event.cross_docked,
        ),
    )
    return draft.decision()


def _followed(draft: Draft, policy: Compiled, event: StockReserved, holding: Holding) -> Strategy:
    known = draft.network.site_by_id
    sites = [known[site_id] for site_id in holding if site_id in known]
    return followed(policy, event.order, draft.reference.item, sites)


def _move_if_better(draft: Draft, part: Part, plan: Plan, best: Shipments | None) -> None:
    if best is None:
        return
    change = Change(part.part_id, best)
    reserve_room(draft, (change,))
    move_id = f"{part.part_id}/v{plan.version + 1}"
    ask(draft, Move(move_id=move_id, region=part.region, proposal_id=None, changes=(change,)))
