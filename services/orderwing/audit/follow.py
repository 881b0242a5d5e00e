"""Where a run stands while it runs: cheap sums over the facts as they come, judged by nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from orderwing.audit.facts import Fact
from orderwing.audit.foreign import MISREAD, is_foreign
from orderwing.audit.lifecycle import ENDED, NOTES, RESTING, OrderTrace, trace_of

TOPICS = (
    "inputs.rejected",
    "orders.accepted",
    "orders.rejected",
    "payments.requested",
    "payments.recorded",
    "payments.answered",
    "fraud.decided",
    "reservations.recorded",
    "parts.planned",
    "shipments.progress",
)


class Following:
    """Give it the facts of TOPICS, each partition in its order."""

    def __init__(self) -> None:
        self.answered = 0  # orders' records accepted, rejected, repeated or in conflict
        self.traces: dict[str, OrderTrace] = {}
        self._state: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._changed: set[str] = set()
        self._early: dict[str, list[Fact]] = {}  # of orders whose acceptance is still to come
        self._money: dict[str, tuple[str, str]] = {}  # order and purpose by idempotency key without a final answer
        self._paid: set[str] = set()  # those with one, since the answer may be read before the request
        self._refused: set[str] = set()

    def take(self, facts: Iterable[Fact]) -> None:
        """A stranger's record is passed over: the verdict tells of it."""
        for fact in facts:
            try:
                self._take(fact)
            except MISREAD:
                if not is_foreign(fact):
                    raise

    @property
    def states(self) -> Mapping[str, int]:
        """Orders by state, none with nought."""
        for order_id in self._changed:
            if (before := self._state.get(order_id)) is not None:
                self._counts[before] -= 1
            state = self._state[order_id] = self.traces[order_id].state
            self._counts[state] += 1
        self._changed.clear()
        return +self._counts

    @property
    def at_rest(self) -> bool:
        """Every order that is known has ended or waits by policy, and no money is under way."""
        return not self._money and not self._early and all(state in ENDED | RESTING for state in self.states)

    def _take(self, fact: Fact) -> None:
        body = fact.body
        match fact.type:
            case "order.accepted.v1":
                order_id = body["order"]["order_id"]
                self.traces.setdefault(order_id, trace_of(fact))
                self.answered += 1
                self._changed.add(order_id)
                self.take(self._early.pop(order_id, ()))
            case "order.rejected.v1" | "order.duplicated.v1" | "order.conflicted.v1":
                self.answered += 1
            case "input.rejected.v1":
                self.answered += body["source_topic"] == "orders.inbound"
            case "payment.requested.v1":
                asked = body["order_id"], body["purpose"]
                if body["idempotency_key"] not in self._paid and not self._given_up(*asked):
                    self._money[body["idempotency_key"]] = asked
            case "payment.answered.v1":
                if body["outcome"] != "failed":
                    self._paid.add(body["idempotency_key"])
                    self._money.pop(body["idempotency_key"], None)
            case "order.refused.v1":
                self._refused.add(body["order_id"])
                self._money = {key: asked for key, asked in self._money.items() if not self._given_up(*asked)}
                self._note(fact)
            case _:
                self._note(fact)

    def _given_up(self, order_id: str, purpose: str) -> bool:
        """Authorisations of a refused order are; that what they may have booked is given back, is owed."""
        return purpose == "authorise" and order_id in self._refused

    def _note(self, fact: Fact) -> None:
        if (note := NOTES.get(fact.type)) is None:
            return
        body: Mapping[str, Any] = fact.body
        trace = self.traces.get(str(body.get("order_id")))
        if trace is None:
            if not isinstance(body.get("order_id"), str):
                return  # it speaks of no order
            self._early.setdefault(str(body.get("order_id")), []).append(fact)
            return
        note(trace, body, fact.wall_ms)
        self._changed.add(str(body.get("order_id")))
