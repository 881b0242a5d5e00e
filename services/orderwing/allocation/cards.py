"""Decision cards: what was weighed, and why each lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orderwing.allocation.comparing import Comparison, Weighed
from orderwing.allocation.plans import Holding, cost_of, promised_by, terms_of, way_of, wishes_for
from orderwing.allocation.rows import Part, Shipments
from orderwing.kernel.view import Draft
from orderwing_schemas import topics
from orderwing_schemas.domain import Available, Candidate
from orderwing_schemas.events.reservation import DecisionCard, PlanFacts, StockReserved
from orderwing_schemas.network import Network

MOST_CANDIDATES = 12
MOST_SHELVES = 50
MOST_KEPT = 2_000  # shelves: with more a decision cannot be made again from its card
NO_ROOM = "no departure has room"


def label(shipments: Shipments) -> str:
    return " + ".join([f"{s.site_id} by {s.lane_id}" for s in shipments]) or "nothing"


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


def facts(network: Network, event: StockReserved, standing: Shipments, weighed: Sequence[Weighed]) -> PlanFacts | None:
    """What a new part's card keeps. None where it is too much to keep."""
    if len(event.held) > MOST_SHELVES or len(event.seen) > MOST_KEPT:
        return None
    plans = (standing, *[other.shipments for other in weighed if other.shipments])
    return PlanFacts(
        region=event.region,
        network_version=network.version,
        held=event.held,
        promise_at_ms=event.promise_at_ms,
        departures=tuple([shipment.departure_at_ms for shipments in plans for shipment in shipments]),
        seen=event.seen if len(event.seen) > MOST_SHELVES else None,
    )


def send(
    draft: Draft,
    part: Part,
    decision: str,
    chosen: Shipments,
    candidates: Iterable[Candidate],
    now_ms: int,
    seen: Sequence[Available] = (),
    plan: PlanFacts | None = None,
) -> None:
    told = tuple(candidates)
    card = DecisionCard(
        order_id=part.order_id,
        part_id=part.part_id,
        stage="allocation",
        decision=decision,
        at_ms=now_ms,
        chosen=label(chosen),
        candidates=told[:MOST_CANDIDATES],
        seen=tuple(seen[:MOST_SHELVES]),
        notes=(promised_by(chosen, part.promise_at_ms),) if chosen else (),
        truncated=len(told) > MOST_CANDIDATES or len(seen) > MOST_SHELVES,
        plan=plan,
    )
    draft.emit(topics.ALLOCATION_CARDS, card)


def settled_card(draft: Draft, part: Part, old: Shipments, new: Shipments, cause: str, now_ms: int) -> None:
    """The new plan beat the standing one."""
    if not old:
        send(draft, part, f"planned by {cause}", new, (candidate(new, None),), now_ms)
        return
    wishes = wishes_for(part, (old, new))
    lost = wishes.complaint(way_of(old), wishes.rank(way_of(new))) or f"dearer by {cost_of(old) - cost_of(new)}"
    send(draft, part, f"changed by {cause}", new, (candidate(new, None), candidate(old, lost)), now_ms)
