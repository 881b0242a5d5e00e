"""When another plan for a part is worth leaving the one that stands, as far as cost decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orderwing_schemas.domain import Candidate


class Shortfall(NamedTuple):
    """The plan nearest to be taken: it would be at `cost_minor`, or as it is with `threshold_minor`, if with any."""

    label: str
    is_minor: int
    cost_minor: int
    threshold_minor: int | None


def is_worth_leaving(standing_minor: int, other_minor: int, threshold_minor: int) -> bool:
    """A move has to save more than the threshold."""
    return standing_minor - other_minor > threshold_minor


def by_cost(standing_minor: int, other_minor: int, threshold_minor: int) -> str:
    """Why a plan that is liked as much does not stand."""
    saves = standing_minor - other_minor
    if saves <= 0:
        return f"dearer by {-saves}"
    if not is_worth_leaving(standing_minor, other_minor, threshold_minor):
        return f"cheaper by {saves}, not above the threshold of {threshold_minor}"
    return f"cheaper by {saves}: the hold has to be moved first"


def shortfall(candidates: Sequence[Candidate], threshold_minor: int) -> Shortfall | None:
    """Of a card's candidates the cheapest that lost by cost alone; None where none did.

    Those that cost decided are known by their reason, which only the threshold that then held gives.
    """
    standing = next((one.cost_minor for one in candidates if not one.lost_because and one.cost_minor is not None), None)
    if standing is None:
        return None
    lost = [
        (one.cost_minor, one.label)
        for one in candidates
        if one.cost_minor is not None
        and one.lost_because == by_cost(standing, one.cost_minor, threshold_minor)
        and not is_worth_leaving(standing, one.cost_minor, threshold_minor)
    ]
    if not lost:
        return None
    cost, label = min(lost, key=lambda one: one[0])
    needed = standing - threshold_minor - 1
    return Shortfall(label, cost, needed, standing - cost - 1 if standing > cost else None)
