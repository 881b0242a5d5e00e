"""What of a policy the stages do not do, or not as `orderwing policy try` does."""

from __future__ import annotations

from collections.abc import Iterator

from orderwing_schemas.policy import Gathering, Policy, Strategy

LATER = "acts where plans are made and changed, within a region: who holds stock does not know how full hours are."


def warnings(policy: Policy) -> list[str]:
    """A sentence for each field, after its place in the file."""
    return [f"strategies.{one.name}.{said}" for one in policy.strategies for said in _warnings(one)]


def _warnings(strategy: Strategy) -> Iterator[str]:
    if strategy.filters.max_load_percent is not None:
        yield f"filters.max_load_percent {LATER}"
    if strategy.weights.balance_unit_minor:
        yield f"weights.balance_unit_minor {LATER}"
    if isinstance(strategy.gather, Gathering):
        yield "gather is weighed within each region, for goods held at sites that transfers join: no others are moved."
