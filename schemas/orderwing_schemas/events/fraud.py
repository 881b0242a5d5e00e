"""Fraud's verdicts, once by region for reservation and once by order for payment and views."""

from __future__ import annotations

from typing import Literal

from orderwing_schemas.base import EpochMs, Event
from orderwing_schemas.domain import Order


class OrderCleared(Event):
    """Makes the hold firm; carries the order, so that a lapsed hold can be made anew."""

    type: Literal["order.cleared.v1"] = "order.cleared.v1"
    order: Order

    @property
    def region(self) -> str:
        return self.order.home_region


class HoldExtended(Event):
    """An open review keeps the soft hold until `until_ms`."""

    type: Literal["hold.extended.v1"] = "hold.extended.v1"
    order_id: str
    version: int
    region: str
    until_ms: EpochMs


class OrderBlocked(Event):
    """Blocked for fraud: reservation releases the hold."""

    type: Literal["order.blocked.v1"] = "order.blocked.v1"
    order_id: str
    version: int
    region: str


class FraudDecided(Event):
    """`outcome`: `cleared`, `in_review`, `blocked`. `rules` name what fired. `by`: `rules`, `reviewer`, `deadline`."""

    type: Literal["fraud.decided.v1"] = "fraud.decided.v1"
    order_id: str
    customer_key: str
    outcome: Literal["cleared", "in_review", "blocked"]
    rules: tuple[str, ...]
    by: Literal["rules", "reviewer", "deadline"]
    review_until_ms: EpochMs | None = None
