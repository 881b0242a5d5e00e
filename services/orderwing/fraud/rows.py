"""What fraud remembers by customer, and the states of a review."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orderwing.kernel.row import Row


class Outcome(StrEnum):
    CLEARED = "cleared"
    IN_REVIEW = "in_review"
    BLOCKED = "blocked"


class Happening(StrEnum):
    CLEAR = "clear"
    BLOCK = "block"


# Rules decide an order at once or put it in review; from there a person or the deadline decides, once.
REVIEW_STATES = {
    (Outcome.IN_REVIEW, Happening.CLEAR): Outcome.CLEARED,
    (Outcome.IN_REVIEW, Happening.BLOCK): Outcome.BLOCKED,
}


class Sighting(Row, frozen=True, kw_only=True):
    """One order of a customer, for velocity. Dropped by its deadline once it counts no more (an hour), or sooner where
    so many newer ones are kept that any further order is blocked."""

    customer_key: str
    order_id: str
    at_ms: int
    amount_minor: int

    @property
    def key(self) -> str:
        return order_key(self.customer_key, self.order_id)


class Review(Row, frozen=True, kw_only=True):
    """An open review. Dropped when it is decided, by a person or by its deadline.

    `event` is the `order.authorised.v1` as JSON; `clears` is what the deadline will say.
    """

    customer_key: str
    order_id: str
    event: msgspec.Raw
    rules: tuple[str, ...]
    clears: bool

    @property
    def key(self) -> str:
        return order_key(self.customer_key, self.order_id)


def order_key(customer_key: str, order_id: str) -> str:
    return f"{customer_key}|{order_id}"
