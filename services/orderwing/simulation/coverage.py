"""What a set of runs has covered: faults by kind, transitions by table, exits by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from orderwing.allocation.rows import TABLE as ALLOCATION
from orderwing.dispatch.rows import TABLE as DISPATCH
from orderwing.fraud.rows import REVIEW_STATES
from orderwing.intake.rows import TABLE as INTAKE
from orderwing.payment_hold.rows import ASK_STATES, STATES
from orderwing.reservation.states import HOLD_STATES, REMOTE_STATES
from orderwing.simulation.faults import OF_THE_CLUSTER
from orderwing.simulation.world import Outcome, machine_of

_TABLES: tuple[dict[tuple[Any, Any], Any], ...] = (
    INTAKE, STATES, ASK_STATES, REVIEW_STATES, HOLD_STATES, REMOTE_STATES, ALLOCATION, DISPATCH,
)  # fmt: skip
OUTSIDE = (
    "provider slow", "provider failed", "provider dead", "provider answered twice", "request lost", "answer lost",
    "gateway killed", "gateway taken over", "short pick", "short after picked",
    "answers out of order", "answer told twice", "proposal told twice", "odd proposal", "counted",
)  # fmt: skip
FAULTS = (*OF_THE_CLUSTER, *OUTSIDE)
# Where the road forks: each of these must be taken by some order of a large set of runs.
EXITS = (
    "input.rejected.v1", "order.rejected.v1", "order.duplicated.v1", "order.conflicted.v1",
    "payment.answered.v1: authorise declined", "payment.answered.v1: authorise failed", "order.refused.v1",
    "fraud.decided.v1: in_review", "fraud.decided.v1: blocked", "fraud.decided.v1: cleared", "review.verdict.v1",
    "hold.extended.v1", "slip.passed.v1", "slip.returned.v1", "want.offered.v1", "one box: found", "one box: not found",
    "stock.told.v1", "route: as told", "route: stale",
    "reservation.recorded.v1: held", "reservation.recorded.v1: reserved", "reservation.recorded.v1: short",
    "reservation.recorded.v1: backordered", "reservation.recorded.v1: lapsed", "reservation.recorded.v1: released",
    "hold.moved.v1", "hold.move_refused.v1", "hold.replacement_requested.v1",
    "part.allocated.v1: first", "part.allocated.v1: own_move", "part.allocated.v1: proposal",
    "part.allocated.v1: replacement", "part.frozen.v1",
    "proposal.answered.v1: accepted", "proposal.answered.v1: refused",
    "shipment.progressed.v1: short_picked", "shipment.progressed.v1: shipped", "shipment.progressed.v1: delivered",
    "payment.answered.v1: capture approved", "payment.answered.v1: capture failed",
    "payment.answered.v1: void approved", "manifest.closed.v1", "record.dead_lettered.v1",
)  # fmt: skip


def _transitions() -> tuple[tuple[str, str, str], ...]:
    def named(state: StrEnum, happening: StrEnum) -> tuple[str, str, str]:
        return machine_of(type(state)), state.value, happening.value

    return tuple(named(state, happening) for table in _TABLES for state, happening in table)


TRANSITIONS = _transitions()
# Guards that no order of events should reach: an ended hold has no part left that could be short. And what a day of
# fifty orders cannot do: fill every departure of thirty days (the property tests do).
UNREACHED = (
    ("reservation.HoldState", "ended", "need"),
    ("allocation.State", "unseen", "no_room"),
    ("allocation.State", "waiting", "no_room"),
    ("allocation.State", "waiting", "room"),
    ("allocation.State", "waiting", "asked"),
    ("allocation.State", "seeking", "moved"),
    ("allocation.State", "seeking", "refused"),
)
OF_TRANSFERS = (  # only where transfers join sites
    ("dispatch.State", "unseen", "awaited"),
    ("dispatch.State", "awaiting", "overdue"),
    ("dispatch.State", "awaiting", "gathered"),
    ("dispatch.State", "packed", "transferred"),
)


class Kinds(NamedTuple):
    """What runs can cover."""

    faults: tuple[str, ...]
    exits: tuple[str, ...]
    transitions: tuple[tuple[str, str, str], ...]


APART = Kinds(FAULTS, EXITS, tuple([one for one in TRANSITIONS if one not in OF_TRANSFERS]))
JOINED = Kinds(
    (*FAULTS, "transfer held up", "cross-docked unit broken"),
    (
        *EXITS,
        "shipment.progressed.v1: transferred",
        "shipment.progressed.v1: arrived",
        "shipment.progressed.v1: overdue",
    ),
    TRANSITIONS,
)


@dataclass
class Coverage:
    """Sums over runs; `missing` is what none of them has covered. `joined`: transfers join the sites of a region."""

    joined: bool = False
    runs: int = 0
    orders: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.orders += outcome.orders
        self.faults += outcome.faults
        self.transitions += outcome.transitions
        self.exits += outcome.exits

    def missing(self) -> list[str]:
        faults, exits, transitions = self.kinds
        gaps = [f"fault {kind}" for kind in faults if not self.faults[kind]]
        gaps += [f"exit {name}" for name in exits if not self.exits[name]]
        gaps += [f"transition {' '.join(t)}" for t in transitions if not self.transitions[t] and t not in UNREACHED]
        return gaps

    @property
    def kinds(self) -> Kinds:
        return JOINED if self.joined else APART
