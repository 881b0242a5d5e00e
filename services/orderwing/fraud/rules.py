"""The rules, each with a name that operators see. Severe ones block, the others ask for a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from orderwing.fraud.rows import Outcome
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.network import Policies

GUEST_PREFIX = "guest:"
# Of the amount at which anybody is reviewed, the share from which less is known or less time is left to notice.
GUEST_SHARE_PERCENT = 50
RUSH_SHARE_PERCENT = 75
# Beyond this multiple of the allowed velocity no person orders.
VELOCITY_BLOCK_FACTOR = 5


class Case(NamedTuple):
    """An order and what it comes to, beside what its customer did within the last hour, this order included."""

    order: Order
    total_minor: int
    orders_last_hour: int
    minor_last_hour: int
    policies: Policies

    @property
    def guest(self) -> bool:
        return self.order.customer_key.startswith(GUEST_PREFIX)


class Rule(NamedTuple):
    name: str
    outcome: Outcome
    fires: Callable[[Case], bool]


def _share_of_review(case: Case, percent: int) -> bool:
    return case.total_minor * 100 >= case.policies.review_amount_minor * percent


RULES = (
    Rule("amount_beyond_limit", Outcome.BLOCKED, lambda case: case.total_minor >= case.policies.block_amount_minor),
    Rule(
        "velocity_of_a_machine",
        Outcome.BLOCKED,
        lambda case: case.orders_last_hour > VELOCITY_BLOCK_FACTOR * case.policies.velocity_per_hour,
    ),
    Rule("high_amount", Outcome.IN_REVIEW, lambda case: case.total_minor >= case.policies.review_amount_minor),
    Rule("velocity", Outcome.IN_REVIEW, lambda case: case.orders_last_hour > case.policies.velocity_per_hour),
    # Many small orders that together pass what a single one may cost.
    Rule(
        "high_amount_in_an_hour",
        Outcome.IN_REVIEW,
        lambda case: case.orders_last_hour > 1 and case.minor_last_hour >= case.policies.block_amount_minor,
    ),
    Rule(
        "guest_high_amount",
        Outcome.IN_REVIEW,
        lambda case: case.guest and _share_of_review(case, GUEST_SHARE_PERCENT),
    ),
    Rule(
        "rush_high_amount",
        Outcome.IN_REVIEW,
        lambda case: case.order.service_level is ServiceLevel.TWO_HOURS and _share_of_review(case, RUSH_SHARE_PERCENT),
    ),
)


def judge(case: Case, rules: Sequence[Rule] = RULES) -> tuple[Outcome, tuple[str, ...]]:
    """The severest outcome, and the names of all rules that fired, in their order."""
    fired = [rule for rule in rules if rule.fires(case)]
    names = tuple(rule.name for rule in fired)
    for outcome in (Outcome.BLOCKED, Outcome.IN_REVIEW):
        if any(rule.outcome is outcome for rule in fired):
            return outcome, names
    return Outcome.CLEARED, names


def clears_unseen(order: Order, policies: Policies) -> bool:
    """What the deadline of a review nobody looked at says.

    Below half the amount that blocks outright the loss of a good customer weighs more than the risk, so it clears;
    from there on it blocks.
    """
    return order.total_minor * 2 < policies.block_amount_minor
