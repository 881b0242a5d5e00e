"""What payment_hold remembers, all keyed by order, and its two state tables."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orderwing.kernel.row import Row
from orderwing_schemas.events.payments import Purpose


class State(StrEnum):
    REQUESTED = "requested"
    AUTHORISED = "authorised"
    CLOSING = "closing"  # nothing more will ship: captures finish, then the rest is voided
    ENDED = "ended"
    REFUSED = "refused"


class Happening(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    GIVEN_UP = "given_up"
    SHIPPED = "shipped"
    NOTHING_OPEN = "nothing_open"
    BLOCKED = "blocked"
    SETTLED = "settled"


STATES = {
    (State.REQUESTED, Happening.APPROVED): State.AUTHORISED,
    (State.REQUESTED, Happening.DECLINED): State.REFUSED,
    (State.REQUESTED, Happening.GIVEN_UP): State.REFUSED,
    (State.AUTHORISED, Happening.SHIPPED): State.AUTHORISED,
    (State.AUTHORISED, Happening.NOTHING_OPEN): State.CLOSING,
    (State.AUTHORISED, Happening.BLOCKED): State.CLOSING,
    (State.CLOSING, Happening.SETTLED): State.ENDED,
}
OVER = (State.ENDED, State.REFUSED)


class AskState(StrEnum):
    WAITING = "waiting"  # the gateway has it
    RESTING = "resting"  # it failed and is asked again at the deadline
    APPROVED = "approved"
    DECLINED = "declined"
    GIVEN_UP = "given_up"


class AskHappening(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"
    DUE = "due"
    GIVEN_UP = "given_up"


ASK_STATES = {
    (AskState.WAITING, AskHappening.APPROVED): AskState.APPROVED,
    (AskState.WAITING, AskHappening.DECLINED): AskState.DECLINED,
    (AskState.WAITING, AskHappening.FAILED): AskState.RESTING,
    (AskState.WAITING, AskHappening.GIVEN_UP): AskState.GIVEN_UP,
    (AskState.RESTING, AskHappening.DUE): AskState.WAITING,
    # A late answer to an earlier try is the provider's word all the same.
    (AskState.RESTING, AskHappening.APPROVED): AskState.APPROVED,
    (AskState.RESTING, AskHappening.DECLINED): AskState.DECLINED,
}
PENDING = (AskState.WAITING, AskState.RESTING)


NOTHING_KEPT = msgspec.Raw(b"null")
FIRST_VERSION = 1  # of the authorisations of an order


class Line(msgspec.Struct, frozen=True):
    """Units; `amount_minor` is for the whole `quantity`."""

    line_id: str
    quantity: int
    amount_minor: int
    shipped: int = 0

    def worth_minor(self, units: int) -> int:
        """Pro rata of the amount, rounded down on the running total: what all units are worth together is exact."""
        return self.amount_minor * units // self.quantity


class Authorisation(msgspec.Struct, frozen=True):
    """Money held at the provider. `drawn_minor` was asked as captures; `voiding` once its rest is being given back."""

    reference: str
    version: int
    amount_minor: int
    drawn_minor: int = 0
    voiding: bool = False


class Payment(Row, frozen=True, kw_only=True):
    """The money of one order. Dropped `duplicate_horizon_days` after its end, with every other row of the order.

    `wake_at_ms`: renewal while authorised, drop when over. `asked_version` counts the authorisations asked for.
    The last of `authorisations` pays what ships next. `accepted` is the whole `order.accepted.v1` as JSON until the
    provider has answered the first authorisation.
    """

    order_id: str
    version: int
    region: str
    currency: str
    payment_token: str
    state: State
    lines: tuple[Line, ...]
    asked_version: int = FIRST_VERSION
    authorisations: tuple[Authorisation, ...] = ()
    accepted: msgspec.Raw = NOTHING_KEPT

    @property
    def key(self) -> str:
        return self.order_id

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)


class Declined(Row, frozen=True, kw_only=True):
    """Units of each line that will never ship, as told so far; may be older than its Payment. Dropped with it,
    or by its own deadline where the order never came."""

    order_id: str
    units: dict[str, int]

    @property
    def key(self) -> str:
        return self.order_id


class Ask(Row, frozen=True, kw_only=True):
    """One thing asked of the provider, under one idempotency key for all its tries. Dropped with its Payment.

    `subject` is the amount version of an authorisation or void, the shipment of a capture. `wake_at_ms`: the next try.
    """

    order_id: str
    purpose: Purpose
    subject: str
    amount_minor: int
    state: AskState = AskState.WAITING
    authorisation: str | None = None
    failures: int = 0

    @property
    def key(self) -> str:
        return ask_key(self.order_id, self.purpose, self.subject)

    @property
    def is_first_authorisation(self) -> bool:
        return self.purpose is Purpose.AUTHORISE and self.subject == str(FIRST_VERSION)

    @property
    def idempotency_key(self) -> str:
        return f"{self.order_id}:{self.purpose}:{self.subject}"


def ask_key(order_id: str, purpose: Purpose, subject: str) -> str:
    return f"{order_id}|{purpose}|{subject}"
