"""The plan of a new part, chosen again by allocation's own decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orderwing.allocation.decide import planned_by
from orderwing.allocation.plans import cost_of, label
from orderwing.allocation.rows import Move, Plan, Shipments
from orderwing.commands.explaining.view import RoomView, Rules
from orderwing.planning.calendar import serving_lanes
from orderwing.planning.explaining.deciding import NOTHING, Taken, Verdict
from orderwing.planning.explaining.facts import Facts, facts_of
from orderwing.planning.explaining.inputs import Input, of_policies
from orderwing.planning.explaining.words import moment
from orderwing.planning.moving import Weight, compared
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.governing import LEFT_OUT
from orderwing.planning.sourcing import Rest
from orderwing_schemas.domain import Candidate, HeldLine, Order
from orderwing_schemas.events.reservation import DecisionCard, PlanFacts, StockReserved
from orderwing_schemas.network import Item, Network

THRESHOLD = "threshold of a move"
UNSEEN = "the card does not hold what it had"
LIKED_LESS = "its customer likes the other better"


@dataclass(frozen=True, kw_only=True)
class Planning(Facts):
    """`stock` is what sites have besides `held`. `hours` and `full` as of a RoomView.

    `had_room`: (lane, departure) that had. `policy` in force then, if a strategy of it counted. `unseen`: sites whose
    stock the card does not hold, as nothing might be moved there. Nor may it to `barred` ones.
    """

    part_id: str
    held: tuple[HeldLine, ...]
    promise_at_ms: int
    hours: Mapping[tuple[str, int], int] = field(default_factory=dict)
    full: Mapping[tuple[str, int], int] = field(default_factory=dict)
    had_room: frozenset[tuple[str, int]] = frozenset()
    policy: Compiled | None = None
    unseen: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()


class Outcome(NamedTuple):
    """Of a new part: its card, the plan on what is held, and the one that allocation wants (the same, or by a move)."""

    card: DecisionCard
    stands: Shipments
    wanted: Shipments


def planning_of(
    card: DecisionCard,
    kept: PlanFacts,
    order: Order,
    network: Network,
    items: Sequence[Item],
    policy: Compiled | None = None,
) -> Planning:
    """What the card's decision saw."""
    seen = card.seen if kept.seen is None else kept.seen
    units: dict[tuple[str, str], int] = {}
    for line in kept.held:
        units[line.line_id, line.sku] = units.get((line.line_id, line.sku), 0) + line.quantity
    facts = facts_of(
        order,
        network,
        items,
        {(site_id, sku): atp for site_id, sku, atp in seen},
        region=kept.region,
        now_ms=card.at_ms,
        lines=[Rest(line_id, sku, quantity) for (line_id, sku), quantity in units.items()],
        steering=_prices(kept, order, network),
    )
    return Planning(
        **vars(facts),
        part_id=card.part_id or "",
        held=kept.held,
        promise_at_ms=kept.promise_at_ms,
        hours={(site_id, hour): booked for site_id, hour, booked in kept.hours or ()},
        full={(lane_id, at_ms): booked for lane_id, at_ms, booked in kept.booked or ()},
        had_room=frozenset(_runs(card.candidates, kept.departures)),
        policy=policy,
        unseen=frozenset(kept.barred),
        barred=frozenset(kept.barred),
    )


def outcome(facts: Planning) -> Outcome:
    """Decided by the stage."""
    order = facts.order.model_copy(update={"max_delay_minutes": facts.max_delay_minutes})
    event = StockReserved(
        region=facts.region,
        part_id=facts.part_id,
        order=order,
        held=facts.held,
        promise_at_ms=facts.promise_at_ms,
        seen=tuple([(*place, units) for place, units in facts.stock.items() if place.site_id not in facts.barred]),
    )
    rules = Rules(facts.network, facts.items, facts.steering)
    decision = planned_by(RoomView(rules, facts.hours, facts.full), event, facts.now_ms, facts.policy)
    card = next(one.event for one in decision.emits if isinstance(one.event, DecisionCard))
    plan = next(row for row in decision.puts if isinstance(row, Plan))
    move = next((row for row in decision.puts if isinstance(row, Move)), None)
    return Outcome(card, plan.shipments, plan.shipments if move is None else move.changes[0].shipments)


def by_allocation(facts: Facts) -> Verdict:
    """The plan that allocation wants, by way of a move where it is not on what is held."""
    assert isinstance(facts, Planning)
    found = outcome(facts)
    stands, wanted = sites_of(found.stands), sites_of(found.wanted)
    weighed = _weighed(found)
    told = {label: _unless_gone(facts, one) for label, (one, _) in weighed.items()}
    costs = {label: weight.all_minor for label, (one, weight) in weighed.items() if one.cost_minor is not None}
    if wanted != NOTHING and wanted not in told:
        told[wanted] = Candidate(label=wanted, cost_minor=cost_of(found.wanted))
        costs[wanted] = cost_of(found.wanted)
    lost = [one for label, one in told.items() if label != wanted]
    ranked = sorted(lost, key=lambda one: (one.cost_minor is None, _is_liked_less(one), costs.get(one.label)))
    threshold = facts.network.policies.move_threshold_minor
    more = 0 if stands == NOTHING else threshold
    chosen = [] if wanted == NOTHING else [told[wanted].model_copy(update={"lost_because": None})]
    return Verdict(
        chosen=wanted,
        candidates=(*chosen, *ranked, *_lacking(facts, told)),
        taken=tuple([Taken(s.site_id, line.sku, line.quantity) for s in found.wanted for line in s.lines]),
        short_units=0,
        cost_minor=cost_of(found.wanted),
        promise_at_ms=max([s.arrival_at_ms for s in found.wanted], default=None),
        note=_note(facts, found),
        compared={NOTHING: 0, **{label: cost + (more if label != stands else 0) for label, cost in costs.items()}},
    )


def _prices(kept: PlanFacts, order: Order, network: Network) -> Mapping[tuple[str, str], int] | None:
    """Of a unit by (site, SKU), as the card has them."""
    if kept.steering is None:
        return None
    lines = {line.line_id for line in kept.held}
    skus = dict.fromkeys([line.sku for line in order.lines if line.line_id in lines])
    places = [(site.site_id, sku) for sku in skus for site in network.sites_by_region.get(kept.region, ())]
    return dict(zip(places, kept.steering, strict=True))


def own_inputs(facts: Planning) -> tuple[Input, ...]:
    return (of_policies(facts, "move_threshold_minor", THRESHOLD),)


def sites_of(shipments: Shipments) -> str:
    return "+".join([leg.partition(" by ")[0] for leg in label(shipments).split(" + ")]) if shipments else NOTHING


def is_reproduced(card: DecisionCard, facts: Planning) -> bool:
    """Whether allocation decides again what it decided, with all that was weighed and when each would have left."""
    again = outcome(facts).card
    return (
        again.chosen == card.chosen
        and again.candidates == card.candidates
        and again.notes == card.notes
        and (again.plan is None or card.plan is None or _kept(again.plan) == _kept(card.plan))
    )


def _kept(plan: PlanFacts) -> tuple[Sequence[int], Sequence[int] | None]:
    return plan.departures, plan.beside


def _weighed(found: Outcome) -> dict[str, tuple[Candidate, Weight]]:
    """By label, the lightest of those of one label."""
    told: dict[str, tuple[Candidate, Weight]] = {}
    besides = iter((found.card.plan.beside or ()) if found.card.plan else ())
    for one in found.card.candidates:
        label = "+".join([site_id for site_id, _ in _legs(one)])
        weight = Weight(0) if one.cost_minor is None else Weight(one.cost_minor, next(besides, 0))
        before = told.get(label)
        if before is not None and one.cost_minor is None:
            continue  # the same sites by another split, for which no departure has room
        if before is None or before[0].cost_minor is None or weight.all_minor < before[1].all_minor:
            told[label] = (one.model_copy(update={"label": label}), weight)
    stands, wanted = sites_of(found.stands), sites_of(found.wanted)
    if found.wanted != found.stands and stands in told and wanted in told:
        one, weight = told[stands]
        told[stands] = (one.model_copy(update={"lost_because": _why_left(told[wanted], weight)}), weight)
    return told


def _why_left(wanted: tuple[Candidate, Weight], stands: Weight) -> str:
    """Why what is held loses to what allocation wants instead."""
    one, weight = wanted
    _, _, why = (one.lost_because or "").partition("what stands: ")
    if why:
        return why if why.startswith("its hour") else LIKED_LESS
    return compared(weight, stands)


def _unless_gone(facts: Planning, one: Candidate) -> Candidate:
    """A hold that is asked about without its site is weighed in vain."""
    if all(leg.partition(" to ")[0] in facts.network.site_by_id for leg in one.label.split("+")):
        return one
    return one.model_copy(update={"lost_because": "it is not there"})


def _is_liked_less(one: Candidate) -> bool:
    return not (one.lost_because or "").startswith(("dearer", "cheaper"))


def _lacking(facts: Planning, told: Mapping[str, Candidate]) -> Iterator[Candidate]:
    """The sites that alone were not weighed, for want of stock."""
    held = {(line.site_id, line.sku): 0 for line in facts.held}
    for line in facts.held:
        held[line.site_id, line.sku] += line.quantity
    for site in facts.sites:
        if site.site_id in told:
            continue
        if site.site_id in facts.barred:
            yield Candidate(label=site.site_id, lost_because=LEFT_OUT)
            continue
        if site.site_id in facts.unseen:
            yield Candidate(label=site.site_id, lost_because=UNSEEN)
            continue
        lacks = 0
        for sku, units in facts.needed.items():
            there = max(0, facts.atp(site.site_id, sku)) + held.get((site.site_id, sku), 0)
            lacks += max(0, units - there)
        if lacks and serving_lanes(facts.network, site.site_id, facts.order.zone, facts.order.service_level):
            yield Candidate(label=site.site_id, lost_because=f"lacks {lacks} of {sum(facts.needed.values())} units")


def _note(facts: Planning, found: Outcome) -> str:
    """What is taken for granted: the hold, and room that the card does not tell of."""
    gone = [site_id for site_id in {line.site_id: 0 for line in facts.held} if site_id not in facts.network.site_by_id]
    if gone:
        return f"It is held at {' and '.join(gone)} all the same: what would be held instead, reservation's card says."
    legs = [(s.lane_id, s.departure_at_ms) for s in found.wanted if not s.is_transfer]
    known = facts.had_room | facts.full.keys()
    untold = [f"{lane_id} at {moment(at_ms)}" for lane_id, at_ms in legs if (lane_id, at_ms) not in known]
    return f"The card does not say whether {' and '.join(untold)} had room: taken as if so." if untold else ""


def _runs(candidates: Sequence[Candidate], departures: Sequence[int]) -> Iterator[tuple[str, int]]:
    """(lane, departure) of the candidates that had room."""
    left = iter(departures)
    for one in candidates:
        lanes = [lane_id for _, lane_id in _legs(one)] if one.cost_minor is not None else []
        yield from zip(lanes, left, strict=False)


def _legs(one: Candidate) -> list[tuple[str, str]]:
    """(site, lane) of a label as allocation writes it."""
    told = [leg.partition(" by ") for leg in one.label.split(" + ")]
    return [(site_id, lane_id) for site_id, _, lane_id in told]
