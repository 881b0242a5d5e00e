"""Where every accepted order stands, derived from the facts of all stages in any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orderwing.audit.facts import Fact, History, Violation

# Where an order may stay for ever by policy; everything else must move on.
ENDED = frozenset({"refused", "blocked", "declined", "delivered"})
RESTING = frozenset({"backordered"})

_STEPS = ("released", "picked", "packed", "shipped", "in_transit", "delivered")  # of a shipment


@dataclass
class OrderTrace:
    """What the log says of one accepted order. Quantities are units by line id."""

    order: Mapping[str, Any]
    accepted_wall_ms: int
    accepted_at_ms: int
    latest_wall_ms: int = 0
    authorised: bool = False
    refused: bool = False
    fraud: str | None = None
    reservation: Mapping[str, Any] | None = None
    declined: Counter[str] = field(default_factory=Counter)
    allocated_wall_ms: int | None = None
    parts: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    shipped: Counter[str] = field(default_factory=Counter)
    delivered: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    delivered_at_ms: dict[str, tuple[int, int]] = field(default_factory=dict)  # shipment -> (when, promised)

    held_up: bool = False  # by a review or by missing stock

    @property
    def ordered(self) -> Counter[str]:
        return Counter({line["line_id"]: line["quantity"] for line in self.order["lines"]})

    @property
    def state(self) -> str:
        if self.refused:
            return "refused"
        if self.fraud == "blocked":
            return "blocked"
        done = self.delivered + self.declined
        if done == self.ordered:
            return "delivered" if self.delivered else "declined"
        waiting = Counter({w["line_id"]: w["quantity"] for w in (self.reservation or {}).get("waiting", ())})
        if done + waiting == self.ordered:
            return "backordered"
        return self._under_way()

    def _under_way(self) -> str:
        if self.parts - self.frozen:
            return "allocated"
        at = [max(map(_STEPS.index, seen)) for seen in self.statuses.values() if seen]
        if moving := [step for step in at if step < len(_STEPS) - 1]:
            return _STEPS[min(moving)]
        if self.parts:
            return "frozen"
        if self.fraud == "in_review":
            return "in_review"
        outcome = (self.reservation or {}).get("outcome")
        return str(outcome) if outcome else ("authorised" if self.authorised else "accepted")


def trace_of(accepted: Fact) -> OrderTrace:
    order = accepted.body["order"]
    return OrderTrace(order, accepted.wall_ms, order["accepted_at_ms"], accepted.wall_ms)


def trace_orders(history: History) -> dict[str, OrderTrace]:
    traces = {fact.body["order"]["order_id"]: trace_of(fact) for fact in history.by_type.get("order.accepted.v1", ())}
    for event_type, note in NOTES.items():
        for fact in history.by_type.get(event_type, ()):
            trace = traces.get(str(fact.body.get("order_id")))
            if trace is not None:
                trace.latest_wall_ms = max(trace.latest_wall_ms, fact.wall_ms)
                note(trace, fact.body, fact.wall_ms)
    return traces


def _paid(trace: OrderTrace, value: Mapping[str, Any], _wall_ms: int) -> None:
    trace.authorised |= value["purpose"] == "authorise"


def _refused(trace: OrderTrace, _value: Mapping[str, Any], _wall_ms: int) -> None:
    trace.refused = True


def _judged(trace: OrderTrace, value: Mapping[str, Any], _wall_ms: int) -> None:
    if trace.fraud not in {"cleared", "blocked"}:
        trace.fraud = value["outcome"]
    trace.held_up |= value["outcome"] == "in_review"


def _reserved(trace: OrderTrace, value: Mapping[str, Any], _wall_ms: int) -> None:
    """Each record states what waits and what is declined in all."""
    trace.reservation = value
    trace.declined = Counter({line["line_id"]: line["quantity"] for line in value["declined"]})
    trace.held_up |= value["outcome"] == "backordered"


def _allocated(trace: OrderTrace, value: Mapping[str, Any], wall_ms: int) -> None:
    trace.parts.add(value["part_id"])
    if trace.allocated_wall_ms is None or wall_ms < trace.allocated_wall_ms:
        trace.allocated_wall_ms = wall_ms


def _frozen(trace: OrderTrace, value: Mapping[str, Any], _wall_ms: int) -> None:
    trace.frozen.add(value["part_id"])


def _progressed(trace: OrderTrace, value: Mapping[str, Any], _wall_ms: int) -> None:
    shipment, status = value["shipment_id"], value["status"]
    if status == "arrived":  # its goods go on in another shipment
        trace.statuses.pop(shipment, None)
    if status in trace.statuses[shipment] or status not in _STEPS:
        return
    trace.statuses[shipment].add(status)
    if status in {"shipped", "delivered"}:
        units = trace.shipped if status == "shipped" else trace.delivered
        for line in value["lines"]:
            units[line["line_id"]] += line["quantity"]
    if status == "delivered":
        trace.delivered_at_ms[shipment] = (value["at_ms"], value["promise_at_ms"])


NOTES = {
    "payment.recorded.v1": _paid,
    "order.refused.v1": _refused,
    "fraud.decided.v1": _judged,
    "reservation.recorded.v1": _reserved,
    "part.allocated.v1": _allocated,
    "part.frozen.v1": _frozen,
    "shipment.progressed.v1": _progressed,
}


def check_orders(traces: Mapping[str, OrderTrace], restless: frozenset[str]) -> Iterator[Violation]:
    for order_id, trace in traces.items():
        if over := trace.delivered + trace.declined - trace.ordered:
            yield Violation("duplicated", order_id, f"more delivered or declined than ordered: {dict(over)}")
        if (trace.refused or trace.fraud == "blocked") and trace.shipped:
            yield Violation("money", order_id, "shipped, although refused or blocked")
        if order_id not in restless and trace.state not in ENDED | RESTING:
            yield Violation("stuck", order_id, f"rests in {trace.state}")
