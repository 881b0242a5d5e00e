"""What the re-optimizer proposed for a part, searched for again among the parts that the proposal moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from orderwing.planning.explaining.asking import WhatIf
from orderwing.planning.explaining.breakeven import Change, Findings
from orderwing.planning.explaining.deciding import Taken, Verdict
from orderwing.planning.explaining.facts import Facts, facts_of, narrowed
from orderwing.planning.explaining.inputs import Input, Unit, of_policies
from orderwing.planning.moving import compared as compared_by
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.sourcing import Rest
from orderwing.planning.wishes import Wishes
from orderwing.reoptimizer.choice import RANK_MINOR, Block, Option, rank_for
from orderwing.reoptimizer.counting import Counts, Rules
from orderwing.reoptimizer.options import Pricer, blocks
from orderwing.reoptimizer.pool import Leg, Line, Pool, PoolPart, Take, way_of
from orderwing.reoptimizer.replan import Budget, Look, replan
from orderwing.reoptimizer.room import NOTHING_BOOKED, Booked, Room
from orderwing_schemas.domain import Candidate, HeldLine, Order
from orderwing_schemas.events.reoptimizer import ProposalFacts, ProposalMade, StandingPart
from orderwing_schemas.network import Item, Network

CHURN = "price of a change"
DECISIONS = 600  # made again for a proposal of one part: each is a search, longer with each part
SEED = 0  # the search that a seed turns only helps the exact one along


@dataclass(frozen=True, kw_only=True)
class Reconsidering(Facts):
    """`parts`: all that the proposal moves, of which `part_id` is asked about. `stock`: units that no part holds.

    `policy` in force then, if a strategy of it counted. What the region's parts had booked: `hours`, units by (site,
    hour since 1970), and of departures too `full`, parcels by (lane, departure); None where no room was heeded.
    `others`: orders of other parts, as far as they are known.
    """

    part_id: str
    parts: tuple[PoolPart, ...]
    policy: Compiled | None = None
    hours: Mapping[tuple[str, int], int] | None = None
    full: Mapping[tuple[str, int], int] | None = None
    others: Mapping[str, Order] = field(default_factory=dict)

    @property
    def part(self) -> PoolPart:
        return next(one for one in self.parts if one.part_id == self.part_id)


def reconsidering(
    proposal: ProposalMade,
    kept: ProposalFacts,
    part_id: str,
    order: Order,
    network: Network,
    items: Sequence[Item],
    policy: Compiled | None = None,
    others: Mapping[str, Order] | None = None,
) -> Reconsidering:
    """What the proposal rests on, as far as the parts that it moves go."""
    versions = {change.part_id: (change.order_id, change.version) for change in proposal.changes}
    parts = tuple([_pooled(proposal.region, one, *versions[one.part_id]) for one in kept.parts])
    mine = next(one for one in parts if one.part_id == part_id)
    zones = {one.zone for one in parts}
    facts = facts_of(
        order,
        network,
        (),
        {(site_id, sku): units for site_id, sku, units in kept.free},
        region=proposal.region,
        now_ms=kept.ready_at_ms,
        lines=[Rest(line.line_id, line.sku, line.quantity) for line in mine.lines],
        steering=_prices(kept, parts, proposal.region, network),
    ).on(narrowed(network, (proposal.region,), zones))
    orders = [order, *(others or {}).values()]
    skus = {line.sku for one in parts for line in one.lines} | {line.sku for one in orders for line in one.lines}
    known = vars(facts) | {
        "items": {item.sku: item for item in items if item.sku in skus},
        "max_delay_minutes": mine.max_delay_minutes,  # a strategy may accept less than the order
    }
    hours = None if kept.hours is None else {(site_id, hour): units for site_id, hour, units in kept.hours}
    full = None if kept.booked is None else {(lane_id, at_ms): parcels for lane_id, at_ms, parcels in kept.booked}
    return Reconsidering(
        **known, part_id=part_id, parts=parts, policy=policy, hours=hours, full=full, others=others or {}
    )


def by_search(facts: Facts) -> Verdict:
    """The way of the part that the re-optimizer would propose, or that it stays as it is."""
    assert isinstance(facts, Reconsidering)
    block = _block(facts)
    chosen = block.options[0]
    for proposal in _look(facts).proposals:
        for change in proposal.changes:
            if change.part.part_id == facts.part_id:
                chosen = next(one for one in block.options if one.takes == change.takes)
    others = sorted(
        [one for one in block.options if one is not chosen],
        key=lambda one: (-one.liking, one.weight.all_minor, one.takes),
    )
    pricer = _pricer(facts)
    told = [_candidate(facts, pricer, block, one, chosen) for one in (chosen, *others)]
    told += [Candidate(label=site_id, lost_because=why) for site_id, why in block.refused]
    churn, rank = facts.network.policies.churn_minor, rank_for([block])
    compared: dict[str, int] = {}
    for one in block.options:
        counts = one.weight.all_minor + (0 if one is block.options[0] else churn) - rank * one.liking
        compared[_label(one)] = min(counts, compared.get(_label(one), counts))
    return Verdict(
        chosen=_label(chosen),
        candidates=tuple(told),
        taken=tuple([Taken(take.site_id, take.sku, take.quantity) for take in chosen.takes]),
        short_units=0,
        cost_minor=chosen.cost_minor,
        promise_at_ms=chosen.arrival_ms,
        note="" if chosen is not block.options[0] else "Nothing would be proposed.",
        compared=compared,
    )


def _prices(
    kept: ProposalFacts, parts: Sequence[PoolPart], region: str, network: Network
) -> Mapping[tuple[str, str], int] | None:
    """Of a unit by (site, SKU), as the proposal has them."""
    if kept.steering is None:
        return None
    skus = dict.fromkeys([line.sku for part in parts for line in part.lines])
    places = [(site.site_id, sku) for site in network.sites_by_region.get(region, ()) for sku in skus]
    return dict(zip(places, kept.steering, strict=True))


def own_inputs(facts: Facts) -> tuple[Input, ...]:
    return (of_policies(facts, "churn_minor", CHURN),)


def is_reproduced(proposal: ProposalMade, facts: Reconsidering) -> bool:
    """Whether the same changes are proposed, at the same gain, when only its own parts are looked at."""
    wanted = {change.part_id: {_place(line): line.quantity for line in change.held} for change in proposal.changes}
    for again in _look(facts).proposals:
        found = {one.part.part_id: {_place(take): take.quantity for take in one.takes} for one in again.changes}
        if found == wanted and again.gain_minor == proposal.expected_gain_minor:
            return True
    return False


def sensible(findings: Findings) -> Findings:
    """Without prices that would outweigh what a customer wishes: the search counts that as a very large sum."""
    return findings._replace(found=tuple([one for one in findings.found if not any(map(_is_absurd, one.changes))]))


def _is_absurd(change: Change) -> bool:
    return change.input.unit is Unit.MINOR and abs(change.by) >= RANK_MINOR // 2


def impossible(facts: Facts, asked: WhatIf) -> str | None:
    """Why a proposal cannot be searched for as if that were so; None for other decisions."""
    if not isinstance(facts, Reconsidering):
        return None
    held = {take.site_id: part.part_id for part in facts.parts for take in part.takes}
    without = next((site_id for site_id in asked.without if site_id in held), None)
    if without is None:
        return None
    return f"part {held[without]} stood at {without} then, so without it there was no plan to better."


def _pooled(region: str, told: StandingPart, order_id: str, version: int) -> PoolPart:
    units: dict[tuple[str, str], int] = {}
    for held in told.held:
        units[held.line_id, held.sku] = units.get((held.line_id, held.sku), 0) + held.quantity
    return PoolPart(
        region=region,
        part_id=told.part_id,
        order_id=order_id,
        version=version,
        zone=told.zone,
        stop_id="",  # it counts for nothing here, nor do amounts and capacities
        service_level=told.service_level,
        one_box=told.one_box,
        may_split=told.may_split,
        lines=tuple([Line(line_id, sku, quantity, 0, 0) for (line_id, sku), quantity in units.items()]),
        takes=tuple([Take(held.site_id, held.line_id, held.sku, held.quantity) for held in told.held]),
        cost_minor=told.cost_minor,
        arrival_at_ms=told.arrival_at_ms,
        promise_at_ms=told.promise_at_ms,
        freeze_at_ms=0,
        max_delay_minutes=told.max_delay_minutes,
        strategy=told.strategy,
        barred=told.barred or (),
        legs=tuple(
            [
                Leg(one.site_id, one.departure_at_ms, one.arrival_at_ms, one.parcels, one.lane_id or "")
                for one in told.legs or ()
            ]
        ),
    )


def _pool(facts: Reconsidering) -> Pool:
    mine = replace(facts.part, max_delay_minutes=facts.max_delay_minutes)
    parts = tuple([mine if one.part_id == facts.part_id else one for one in facts.parts])
    return Pool(facts.region, parts, {(site_id, sku): units for (site_id, sku), units in facts.stock.items()})


def _look(facts: Reconsidering) -> Look:
    network, counts = facts.network, _counts(facts)
    return replan(
        _pool(facts), network, facts.items.get, facts.now_ms, Budget(), SEED, counts=counts, room=_room(facts)
    )


def _pricer(facts: Reconsidering) -> Pricer:
    return Pricer(facts.network, facts.items.get, facts.now_ms, _counts(facts).of, _room(facts))


def _room(facts: Reconsidering) -> Room:
    return Room(facts.network, NOTHING_BOOKED if facts.full is None else Booked(facts.hours or {}, facts.full))


def _counts(facts: Reconsidering) -> Counts:
    rules = Rules(facts.policy, None if facts.steering is None else facts.steering_minor)
    return Counts(rules, facts.network, facts.now_ms, _pool(facts), facts.hours)


def _block(facts: Reconsidering) -> Block:
    return next(one for one in blocks(_pool(facts), _pricer(facts)) if one.part.part_id == facts.part_id)


def _candidate(facts: Reconsidering, pricer: Pricer, block: Block, one: Option, chosen: Option) -> Candidate:
    standing = one is block.options[0]
    return Candidate(
        label=_label(one),
        cost_minor=one.cost_minor,
        terms=() if standing else pricer.terms(block.part, one.takes),  # what stands was priced when it was planned
        lost_because=None if one is chosen else "; ".join(_why(facts, block, one, chosen)),
    )


def _why(facts: Reconsidering, block: Block, one: Option, chosen: Option) -> Iterator[str]:
    if one is block.options[0]:
        yield "it stood"
    way, best = way_of(one.takes, one.arrival_ms), way_of(chosen.takes, chosen.arrival_ms)
    wishes = Wishes(block.part, (way, best), block.part.promise_at_ms)
    more, churn = one.weight.all_minor - chosen.weight.all_minor, facts.network.policies.churn_minor
    counts = one.beside_minor != chosen.beside_minor
    if complaint := wishes.complaint(way, wishes.rank(best)):
        yield complaint
    elif more > 0:
        yield compared_by(chosen.weight, one.weight) if counts else f"dearer by {more}"
    elif chosen is block.options[0] and -more <= churn:
        cheaper = f"{compared_by(chosen.weight, one.weight)}: {-more} in all" if counts else f"cheaper by {-more}"
        yield f"{cheaper}, not above the price of a change of {churn}"
    else:
        yield "its units serve other parts better, or are not there"


def _label(option: Option) -> str:
    return option.label.replace(" + ", "+")


def _place(held: Take | HeldLine) -> tuple[str, str, str]:
    return held.site_id, held.line_id, held.sku
