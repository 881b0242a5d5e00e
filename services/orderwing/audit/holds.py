"""Soft holds end in time: confirmed, given back, or lapsed by themselves."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf

from orderwing.audit.facts import History, Violation

MINUTE_MS = 60_000
FIRM = frozenset({"reserved", "backordered", "short"})
BUSY_WALL_MS = 30_000  # a queue that is decided first takes no longer


def check_soft_holds(history: History, soft_hold_minutes: int, tolerance_minutes: int) -> Iterator[Violation]:
    """An order cleared long after its hold's end must have lapsed first.

    Long counts from the first decision in the region after that end: while reservation is away nothing lapses. What
    stood in the queues meanwhile is decided before its deadlines, hence the tolerance.
    """
    tolerance_ms = max(tolerance_minutes * MINUTE_MS, BUSY_WALL_MS * _factor(history))
    until, alive = _until(history, soft_hold_minutes), _decisions(history)
    home = {value["order"]["order_id"]: value["order"].get("home_region") for value in history.of("order.accepted.v1")}
    cleared = {fact.body["order"]["order_id"]: fact.now_ms for fact in history.by_type.get("order.cleared.v1", ())}
    held: set[str] = set()
    for value in history.of("reservation.recorded.v1"):
        order_id, outcome = value["order_id"], value["outcome"]
        if outcome == "held":
            held.add(order_id)
        elif outcome in FIRM and order_id in held:
            lapses_ms = _first_after(alive.get(home.get(order_id), ()), until[order_id])
            late_ms = cleared.get(order_id, 0) - lapses_ms
            if late_ms > tolerance_ms:
                yield Violation("stock", order_id, f"softly held {late_ms // MINUTE_MS:.0f} minutes beyond its end")
            held.discard(order_id)
        else:
            held.discard(order_id)


def _factor(history: History) -> float:
    return max((float(value["factor"]) for value in history.of("clock.fixed.v1")), default=1.0)


def _decisions(history: History) -> Mapping[str | None, Sequence[int]]:
    """Domain times at which a region's stock changed, sorted."""
    times: dict[str | None, list[int]] = defaultdict(list)
    for fact in history.by_type.get("stock.moved.v1", ()):
        times[fact.body.get("region")].append(fact.now_ms)
    return {region: sorted(found) for region, found in times.items()}


def _first_after(times: Sequence[int], at_ms: int) -> float:
    """Infinite if nothing was decided after it: then nothing could have lapsed."""
    place = bisect_right(times, at_ms)
    return times[place] if place < len(times) else inf


def _until(history: History, soft_hold_minutes: int) -> dict[str, int]:
    """Domain time at which each soft hold ends at the latest."""
    until: dict[str, int] = {}
    for fact in history.by_type.get("reservation.recorded.v1", ()):
        if fact.body["outcome"] == "held":
            until.setdefault(fact.body["order_id"], fact.now_ms + soft_hold_minutes * MINUTE_MS)
    for value in history.of("hold.extended.v1"):
        order_id = value["order_id"]
        until[order_id] = max(until.get(order_id, 0), value["until_ms"])
    return until
