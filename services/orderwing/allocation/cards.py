"""Decision cards: what was weighed, and why each lost."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.allocation.plans import cost_of, promised_by, terms_of
from orderwing.allocation.rows import Part, Shipments
from orderwing.kernel.view import Draft
from orderwing_schemas import topics
from orderwing_schemas.domain import Available, Candidate
from orderwing_schemas.events.reservation import DecisionCard

MOST_CANDIDATES = 12
MOST_SHELVES = 50


def label(shipments: Shipments) -> str:
    return " + ".join(f"{s.site_id} by {s.lane_id}" for s in shipments)


def candidate(shipments: Shipments, lost_because: str | None) -> Candidate:
    return Candidate(
        label=label(shipments),
        cost_minor=cost_of(shipments),
        terms=terms_of(shipments),
        lost_because=lost_because,
    )


def send(
    draft: Draft,
    part: Part,
    decision: str,
    chosen: Shipments,
    candidates: Sequence[Candidate],
    now_ms: int,
    seen: Sequence[Available] = (),
) -> None:
    card = DecisionCard(
        order_id=part.order_id,
        part_id=part.part_id,
        stage="allocation",
        decision=decision,
        at_ms=now_ms,
        chosen=label(chosen),
        candidates=tuple(candidates[:MOST_CANDIDATES]),
        seen=tuple(seen[:MOST_SHELVES]),
        notes=(promised_by(chosen, part.promise_at_ms),),
        truncated=len(candidates) > MOST_CANDIDATES or len(seen) > MOST_SHELVES,
    )
    draft.emit(topics.ALLOCATION_CARDS, card)


def settled_card(draft: Draft, part: Part, old: Shipments, new: Shipments, cause: str, now_ms: int) -> None:
    """The new plan beat the standing one."""
    lost = f"dearer by {cost_of(old) - cost_of(new)}"
    send(draft, part, f"changed by {cause}", new, (candidate(new, None), candidate(old, lost)), now_ms)
