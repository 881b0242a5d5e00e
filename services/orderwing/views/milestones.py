"""What an order reaches once in its life, seen when the facts of it come in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from orderwing.runtime import metric_defs as metric
from orderwing.views.facts import Fact
from orderwing.views.tally import Count

_MILESTONES = (("allocated", "planned"), ("shipped", "shipped"), ("delivered", "delivered"))


def reached(facts: Sequence[Fact], news: Collection[str]) -> Iterator[Count]:
    """Of an order's facts, of which `news` have just come; topics come in any order."""
    kinds = {what.partition(":")[0] for what in news}
    for milestone, kind in _MILESTONES:
        if kind not in kinds and "accepted" not in kinds:
            continue
        accepted = next((fact for fact in facts if fact.what == "accepted"), None)
        told = [fact for fact in facts if fact.what.startswith(kind)]
        if accepted is not None and told and ("accepted" in kinds or all(fact.what in news for fact in told)):
            wall_ms = min(fact.wall_ms for fact in told) - accepted.wall_ms
            yield metric.ORDER_SECONDS, max(0, wall_ms) / 1000, (milestone,)
    if "frozen" in kinds and all(fact.what in news for fact in facts if fact.what.startswith("frozen:")):
        yield metric.FROZEN_ORDERS, 1, ()


def parcels(facts: Sequence[Fact]) -> Count:
    """Of an order that is delivered."""
    return metric.ORDER_PARCELS, len({fact.what for fact in facts if fact.what.startswith("delivered:")}), ()
