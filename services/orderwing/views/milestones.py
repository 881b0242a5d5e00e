"""What an order reaches once in its life, seen when the facts of it come in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orderwing.runtime import metric_defs as metric
from orderwing.views.facts import Fact
from orderwing.views.tally import Count

_MILESTONES = (("allocated", "planned:"), ("shipped", "shipped:"), ("delivered", "delivered:"))


def reached(facts: Sequence[Fact], news: Collection[str]) -> Iterator[Count]:
    """Of an order's facts, of which `news` have just come; topics come in any order."""
    accepted = next((fact for fact in facts if fact.what == "accepted"), None)
    if accepted is not None:
        for milestone, kind in _MILESTONES:
            told = [fact for fact in facts if fact.what.startswith(kind)]
            if told and (accepted.what in news or all(fact.what in news for fact in told)):
                wall_ms = min(fact.wall_ms for fact in told) - accepted.wall_ms
                yield metric.ORDER_SECONDS, max(0, wall_ms) / 1000, (milestone,)
    frozen = [fact.what for fact in facts if fact.what.startswith("frozen:")]
    if frozen and all(what in news for what in frozen):
        yield metric.FROZEN_ORDERS, 1, ()


def parcels(facts: Sequence[Fact]) -> Count:
    """Of an order that is delivered."""
    return metric.ORDER_PARCELS, len({fact.what for fact in facts if fact.what.startswith("delivered:")}), ()
