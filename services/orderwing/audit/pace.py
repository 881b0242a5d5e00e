"""How fast orders went from the shop's record to their first plan, by the broker's stamps alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from orderwing.audit.facts import History
from orderwing.audit.lifecycle import OrderTrace


@dataclass(frozen=True)
class Pace:
    """Wall milliseconds, and planned orders a second from the first one placed to the last one planned.

    Orders that a review or missing stock held up are left out: they waited for people and goods, not for the pipeline.
    """

    p50_ms: int | None
    p99_ms: int | None
    orders_per_s: float


def measure_pace(history: History, traces: Mapping[str, OrderTrace]) -> Pace:
    placed: dict[str, int] = {}
    for fact in history.by_topic.get("orders.inbound", ()):
        placed.setdefault(str(fact.body.get("order_id")), fact.wall_ms)
    ended = {
        order_id: trace.allocated_wall_ms
        for order_id, trace in traces.items()
        if trace.allocated_wall_ms is not None and order_id in placed and not trace.held_up
    }
    if not ended:
        return Pace(None, None, 0.0)
    took = sorted(end - placed[order_id] for order_id, end in ended.items())
    seconds = (max(ended.values()) - min(placed[order_id] for order_id in ended)) / 1000
    return Pace(_percentile(took, 0.5), _percentile(took, 0.99), len(ended) / seconds if seconds else 0.0)


def _percentile(values: list[int], share: float) -> int:
    """Nearest rank, of sorted values."""
    return values[max(0, ceil(share * len(values)) - 1)]
