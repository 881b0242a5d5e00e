"""Soft holds end in time: confirmed, given back, or lapsed by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from orderwing.audit.facts import History, Violation

MINUTE_MS = 60_000
FIRM = frozenset({"reserved", "backordered", "short"})


def check_soft_holds(history: History, soft_hold_minutes: int, tolerance_minutes: int) -> Iterator[Violation]:
    """An order cleared long after its hold's end must have lapsed first.

    What stood in the queues while reservation was away is decided before its deadlines, hence the tolerance.
    """
    until = _until(history, soft_hold_minutes)
    cleared = {fact.body["order"]["order_id"]: fact.now_ms for fact in history.by_type.get("order.cleared.v1", ())}
    held: set[str] = set()
    for value in history.of("reservation.recorded.v1"):
        order_id, outcome = value["order_id"], value["outcome"]
        if outcome == "held":
            held.add(order_id)
        elif outcome in FIRM and order_id in held:
            late_ms = cleared.get(order_id, 0) - until[order_id]
            if late_ms > tolerance_minutes * MINUTE_MS:
                yield Violation("stock", order_id, f"softly held {late_ms // MINUTE_MS} minutes beyond its end")
            held.discard(order_id)
        else:
            held.discard(order_id)


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
