"""When another plan for a part is worth leaving the one that stands, as far as cost decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orderwing_schemas.domain import Candidate

FIRST_MINOR = 100_000  # from here on it is what counts first that differs


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


class Weight(NamedTuple):
    """What a plan costs, and what counts beside it and is never charged."""

    cost_minor: int
    beside_minor: int = 0

    @property
    def all_minor(self) -> int:
        return self.cost_minor + self.beside_minor


def by_weight(standing: Weight, other: Weight, threshold_minor: int, first: str = "") -> str:
    """Why a plan that is liked as much does not stand, where more than cost may count.

    `first`: says what counts before the cost, if anything.
    """
    if other.beside_minor == standing.beside_minor:
        return by_cost(standing.cost_minor, other.cost_minor, threshold_minor)
    said, saves = compared(standing, other, first), standing.all_minor - other.all_minor
    if saves <= 0:
        return said
    if not is_worth_leaving(standing.all_minor, other.all_minor, threshold_minor):
        return f"{said}: {saves} in all, not above the threshold of {threshold_minor}"
    return f"{said}: the hold has to be moved first"


def compared(standing: Weight, other: Weight, first: str = "") -> str:
    """The other by its cost, and by what counts beside it where that differs."""
    saves = standing.cost_minor - other.cost_minor
    cost = f"cheaper by {saves}" if saves > 0 else f"dearer by {-saves}" if saves else "no dearer"
    against = other.beside_minor - standing.beside_minor
    if not against:
        return cost
    word = "and" if saves and (saves > 0) == (against < 0) else "but"
    if first and abs(against) >= FIRST_MINOR:
        return f"{cost}, {word} {first}"
    return f"{cost}, {word} weights and prices count {abs(against)} {'against' if against > 0 else 'for'} it"


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
