"""What intake remembers of an order, and the states it can be in."""

from __future__ import annotations

from enum import StrEnum

from orderwing.kernel.row import Row


class State(StrEnum):
    UNSEEN = "unseen"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Happening(StrEnum):
    PASSED = "passed"  # first seen, every check holds
    FAILED = "failed"  # first seen, some check does not
    REPEATED = "repeated"  # seen again, alike in every fact
    DIFFERED = "differed"  # seen again with other facts


# The first answer stands: nothing that comes later changes it.
TABLE = {
    (State.UNSEEN, Happening.PASSED): State.ACCEPTED,
    (State.UNSEEN, Happening.FAILED): State.REJECTED,
    (State.ACCEPTED, Happening.REPEATED): State.ACCEPTED,
    (State.ACCEPTED, Happening.DIFFERED): State.ACCEPTED,
    (State.REJECTED, Happening.REPEATED): State.REJECTED,
    (State.REJECTED, Happening.DIFFERED): State.REJECTED,
}


class SeenOrder(Row, frozen=True, kw_only=True):
    """An order that got its answer. `facts` is its digest, `reasons` and `detail` say why it was rejected.

    Dropped by its deadline, `duplicate_horizon_days` after a rejection, twice as long after it was accepted: it may be
    under way for as long as that before it has ended. The same id is a new order then.
    """

    order_id: str
    state: State
    facts: bytes
    reasons: tuple[str, ...] = ()
    detail: str = ""

    @property
    def key(self) -> str:
        return self.order_id
