"""What was proposed and not taken: the card of every part that it named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderwing.allocation.cards import candidate, send
from orderwing.allocation.rows import Part, Plan, Shipments
from orderwing.kernel.view import Draft
from orderwing_schemas.domain import Available, Candidate
from orderwing_schemas.events.reoptimizer import PartChange

_WORDS = {
    "unknown_part": "the part is not planned here",
    "not_verified": "it is not the part's lines, each once, on sites that it may use",
    "may_not_ship": "a site may not ship what it would have to",
    "waiting": "the part waits for room",
    "frozen": "the plan is final",
    "moving": "another move is under way",
    "stale_version": "it was made for another version of the plan",
    "capacity": "no departure has room",
    "too_late": "it arrives later than the customer accepts",
    "more_parcels": "more parcels, and the customer wants one box",
    "too_full": "the policy leaves a site out, as its hour is too full",
    "too_many_sites": "the policy allows no more sites",
    "gain_below_churn": "it saves no more than a change costs",
    "no_stock": "the stock is not there",
    "gone": "the hold is over",
    "changed": "other units are held",
    "foreign_site": "a site is not of the region",
    "barred": "the policy leaves a site out",
}


class RefusedError(Exception):
    """Why a proposal is not taken. `reason` is a code, `part_id` the part that it is about, if one alone."""

    def __init__(self, reason: str, part_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.part_id = part_id


def refused_cards(
    draft: Draft,
    proposed: Sequence[PartChange],
    priced: Mapping[str, Shipments],
    refusal: RefusedError,
    now_ms: int,
) -> None:
    """One for each part that is planned here: the plan that is kept, and what was proposed as far as it was priced."""
    for change in {change.part_id: change for change in proposed}.values():
        part, plan = draft.get(Part, change.part_id), draft.get(Plan, change.part_id)
        if part is None or plan is None or part.order_id != change.order_id:
            continue
        why = _why(refusal, part.part_id)
        if change.part_id in priced:
            other = candidate(priced[change.part_id], why)
        else:
            sites = dict.fromkeys(line.site_id for line in change.held)
            other = Candidate(label=" + ".join(sites), lost_because=why)
        kept = (candidate(plan.shipments, None),) if plan.shipments else ()
        send(draft, part, "refused a proposal", plan.shipments, (*kept, other), now_ms)


def kept_card(
    draft: Draft,
    part: Part,
    plan: Plan,
    other: Shipments,
    reason: str,
    proposal: bool,
    seen: Sequence[Available],
    now_ms: int,
) -> None:
    """Reservation did not move the hold, so the plan stands."""
    kept = (candidate(plan.shipments, None),) if plan.shipments else ()
    decision = "refused a proposal" if proposal else "kept the plan"
    lost = candidate(other, f"reservation did not move the hold: {_WORDS.get(reason, reason)}")
    send(draft, part, decision, plan.shipments, (*kept, lost), now_ms, seen)


def _why(refusal: RefusedError, part_id: str) -> str:
    words = _WORDS.get(refusal.reason, refusal.reason)
    if refusal.part_id in (None, part_id):
        return words
    return f"all or none, and of part {refusal.part_id}: {words}"
