"""What the facts of an order say of its promise and of the time by which it must go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orderwing.views.facts import Fact
from orderwing.views.status import ENDED, order_state, part_states

_PATIENCE_MS = 15 * 60_000  # domain time that a step may take which waits for nobody
_PATIENCE_WALL_MS = 60_000  # and at least so much wall time, however fast domain time runs
_MAY_REST = (*ENDED, "backordered", "unknown")
_PLANNED = ("frozen", "released", "picked", "packed", "shipped", "in_transit")


@dataclass(frozen=True, slots=True)
class Standing:
    """Domain times are 0 where there is none.

    `promise_ms` is the earliest promise that is not kept yet, `late` says that a plan comes later than promised.
    From `stuck_ms` on the order should have gone on. `waiting` units of it are not in stock.
    """

    state: str
    home: str = ""
    promise_ms: int = 0
    late: bool = False
    stuck_ms: int = 0
    waiting: int = 0


def standing(facts: Sequence[Fact], factor: float, review_ms: int) -> Standing:
    """`factor` is the clock's, `review_ms` what a reviewer may take."""
    state = order_state(facts)
    home = next((fact.ref for fact in facts if fact.what == "accepted"), "")
    if state in ENDED:
        return Standing(state, home)
    plans = _open_plans(facts)
    reserved = max((f for f in facts if f.what.startswith("reservation:")), key=lambda f: f.offset, default=None)
    return Standing(
        state=state,
        home=home,
        promise_ms=min((plan.promise_ms for plan in plans), default=0),
        late=any(plan.arrival_ms > plan.promise_ms for plan in plans),
        stuck_ms=_stuck_ms(state, facts, plans, factor, review_ms),
        waiting=reserved.rest[0] if reserved is not None else 0,
    )


def _open_plans(facts: Sequence[Fact]) -> list[Fact]:
    """The standing plan of each part that is not delivered."""
    latest: dict[str, Fact] = {}
    for fact in facts:
        if fact.what.startswith("planned:") and (fact.ref not in latest or fact.offset > latest[fact.ref].offset):
            latest[fact.ref] = fact
    if not any(fact.what.startswith("delivered:") for fact in facts):
        return list(latest.values())
    states = part_states(facts)
    return [plan for part, plan in latest.items() if states.get(part) != "delivered"]


def _stuck_ms(state: str, facts: Iterable[Fact], plans: Sequence[Fact], factor: float, review_ms: int) -> int:
    if state in _MAY_REST:
        return 0
    patience_ms = max(_PATIENCE_MS, int(_PATIENCE_WALL_MS * factor))
    since_ms = max((fact.at_ms for fact in facts), default=0)
    if state == "in_review":
        return since_ms + review_ms + patience_ms
    if state == "allocated":  # the last part to be frozen
        return max(since_ms, *(plan.freeze_ms for plan in plans), 0) + patience_ms
    if state in _PLANNED:
        return max(since_ms, *(plan.arrival_ms for plan in plans), 0) + patience_ms
    return since_ms + patience_ms
