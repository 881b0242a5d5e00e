"""Decision cards: what was weighed, and why each lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orderwing.allocation.capacity import Place
from orderwing.allocation.comparing import Comparison, Weighed
from orderwing.allocation.plans import Holding, cost_of, label, promised_by, terms_of, way_of, wishes_for
from orderwing.allocation.rows import Part, Shipments
from orderwing.allocation.scales import Scales, policy_of
from orderwing.kernel.view import Draft
from orderwing.planning.moving import FIRST_MINOR, compared
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.counting import PLAIN
from orderwing_schemas import topics
from orderwing_schemas.domain import Available, Candidate
from orderwing_schemas.events.reservation import DecisionCard, PlanFacts, StockReserved
from orderwing_schemas.network import Network

MOST_CANDIDATES = 12
MOST_SHELVES = 50
MOST_KEPT = 2_000  # shelves: with more a decision cannot be made again from its card
MOST_PLACES = 500  # hours and departures that others had filled: likewise
NO_ROOM = "no departure has room"


def candidate(shipments: Shipments, lost_because: str | None) -> Candidate:
    return Candidate(
        label=label(shipments),
        cost_minor=cost_of(shipments),
        terms=terms_of(shipments),
        lost_because=lost_because,
    )


def losers(holding: Holding, compared: Comparison) -> Iterator[Candidate]:
    """Why each alternative is not the plan; where no plan stands, why what is held is not."""
    if not compared.standing:
        yield Candidate(label=" + ".join(holding), lost_because=NO_ROOM)
    lost = compared.lost()
    for other in compared.weighed:
        if other.shipments:
            yield candidate(other.shipments, next(lost))
        else:
            yield Candidate(label=other.label, lost_because=other.why or NO_ROOM)


def loser(other: Weighed) -> Candidate:
    """What lost to the plan that stands, for a reason that is known."""
    if other.shipments:
        return candidate(other.shipments, other.why)
    return Candidate(label=other.label, lost_because=other.why or NO_ROOM)


def facts(
    network: Network,
    event: StockReserved,
    standing: Shipments,
    weighed: Sequence[Weighed],
    met: Mapping[Place, int],
    policy: Compiled | None,
) -> PlanFacts | None:
    """What a new part's card keeps. None where it is too much to keep.

    `met`: what others had booked of places that mattered. `policy`, if it decided anything about the plan.
    """
    if len(event.held) > MOST_SHELVES or len(event.seen) > MOST_KEPT or len(met) > MOST_PLACES:
        return None
    plans = (standing, *[other.shipments for other in weighed if other.shipments])
    return PlanFacts(
        region=event.region,
        network_version=network.version,
        held=event.held,
        promise_at_ms=event.promise_at_ms,
        departures=tuple([shipment.departure_at_ms for shipments in plans for shipment in shipments]),
        seen=event.seen if len(event.seen) > MOST_SHELVES else None,
        hours=tuple([(owner, when, units) for (kind, owner, when), units in met.items() if kind == "site"]) or None,
        booked=tuple([(owner, when, parcels) for (kind, owner, when), parcels in met.items() if kind == "lane"])
        or None,
        barred=event.barred,
        policy=None if policy is None else policy.policy.policy,
        policy_version=None if policy is None else policy.policy.version,
    )


def counted_facts(
    kept: PlanFacts | None, scales: Scales, part: Part, standing: Shipments, weighed: Sequence[Weighed]
) -> PlanFacts | None:
    """With what counted beside costs: steering prices, and what it came to, by plan."""
    counting = scales.counting
    if kept is None or counting is None:
        return kept
    plans = [one for one in (standing, *[other.shipments for other in weighed]) if one]
    prices = None
    if counting.steering is not None:
        skus = dict.fromkeys([line.sku for line in part.lines])
        sites = counting.network.sites_by_region.get(part.region, ())
        prices = tuple([counting.steering(site.site_id, sku) for sku in skus for site in sites])
    beside = tuple([scales.weight(shipments).beside_minor for shipments in plans])
    return kept.model_copy(update={"steering": prices, "beside": beside})


def told(scales: Scales, policy: Compiled | None, chosen: Shipments) -> tuple[str, ...]:
    """By which strategy, and what counted beside the cost of what was chosen."""
    counting = scales.counting
    if counting is None:
        return ()
    beside = scales.weight(chosen).beside_minor if chosen else 0
    if policy is None or counting.strategy is PLAIN:
        return (f"steering prices count {beside} beside the cost",) if beside else ()
    counts = f"weights and prices count {beside} beside the cost"
    if abs(beside) >= FIRST_MINOR and scales.first:
        counts = scales.first
    said = f"policy {policy.label}, strategy {counting.strategy.name}"
    return (f"{said}: {counts}",) if beside else (said,)


def send(
    draft: Draft,
    part: Part,
    decision: str,
    chosen: Shipments,
    candidates: Iterable[Candidate],
    now_ms: int,
    seen: Sequence[Available] = (),
    plan: PlanFacts | None = None,
    notes: tuple[str, ...] = (),
) -> None:
    listed = tuple(candidates)
    card = DecisionCard(
        order_id=part.order_id,
        part_id=part.part_id,
        stage="allocation",
        decision=decision,
        at_ms=now_ms,
        chosen=label(chosen),
        candidates=listed[:MOST_CANDIDATES],
        seen=tuple(seen[:MOST_SHELVES]),
        notes=(promised_by(chosen, part.promise_at_ms), *notes) if chosen else notes,
        truncated=len(listed) > MOST_CANDIDATES or len(seen) > MOST_SHELVES,
        plan=plan,
    )
    draft.emit(topics.ALLOCATION_CARDS, card)


def settled_card(
    draft: Draft, part: Part, old: Shipments, new: Shipments, cause: str, now_ms: int, scales: Scales
) -> None:
    """The new plan beat the standing one."""
    if not old:
        send(draft, part, f"planned by {cause}", new, (candidate(new, None),), now_ms)
        return
    wishes = wishes_for(part, (old, new))
    lost = wishes.complaint(way_of(old), wishes.rank(way_of(new)))
    candidates = (candidate(new, None), candidate(old, lost or _beaten(scales, old, new)))
    send(draft, part, f"changed by {cause}", new, candidates, now_ms, notes=told(scales, policy_of(draft), new))


def _beaten(scales: Scales, old: Shipments, new: Shipments) -> str:
    was, now = scales.weight(old), scales.weight(new)
    if was.beside_minor == now.beside_minor:
        return scales.too_full(old) or f"dearer by {was.cost_minor - now.cost_minor}"
    return scales.too_full(old) or compared(now, was, scales.first)
