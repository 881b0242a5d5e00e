"""The payment provider outside the pipeline, with a book of its own."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from orderwing.runtime.outputs import Outputs
from orderwing.runtime.simulated_cluster import SimulatedCluster
from orderwing.simulation.outside import Agenda, Reader, event_of, publish
from orderwing_schemas import topics
from orderwing_schemas.events.payments import Outcome, PaymentAnswered, PaymentRequested, Purpose


class Provider:
    """Payment gateway and provider in one: answers late, twice, or with a failure; charges each key once."""

    def __init__(self, cluster: SimulatedCluster, agenda: Agenda, random: Random, faults: Counter[str]) -> None:
        self.book: list[dict[str, Any]] = []
        self._cluster = cluster
        self._agenda = agenda
        self._random = random
        self._faults = faults
        self._answers: dict[str, Outcome] = {}
        self._amounts: dict[str, int] = {}
        self._asked: Counter[str] = Counter()
        self._held: Counter[str] = Counter()  # authorised and neither captured nor voided, by order
        self._voided: set[str] = set()
        self._reader = Reader(cluster, topics.PAYMENTS_REQUESTED)
        self._outputs = Outputs("payment_gateway", changelog="")

    def step(self) -> bool:
        busy = False
        for record in self._reader.new():
            request = event_of(record)
            assert isinstance(request, PaymentRequested)
            self._agenda.at(self._cluster.wall_ms + self._delay_ms(request), lambda r=request: self._answer(r))  # type: ignore[misc]
            busy = True
        return busy

    def _delay_ms(self, request: PaymentRequested) -> int:
        if "tok_slow" in (request.payment_token or ""):
            self._faults["provider slow"] += 1
            return self._random.randrange(100_000)  # up to 100 minutes of domain time: holds lapse meanwhile
        return self._random.randrange(20, 600)

    def _answer(self, request: PaymentRequested) -> None:
        outcome = self._decide(request)
        self._tell(request, outcome)
        if self._random.random() < 0.08:
            self._faults["provider answered twice"] += 1
            self._tell(request, outcome)

    def _tell(self, request: PaymentRequested, outcome: Outcome) -> None:
        answer = PaymentAnswered(
            order_id=request.order_id, purpose=request.purpose, idempotency_key=request.idempotency_key,
            outcome=outcome, attempts=1,
            amount_minor=self._amounts.get(request.idempotency_key, request.amount_minor),
            reference=f"ref-{request.idempotency_key}" if outcome is Outcome.APPROVED else None,
        )  # fmt: skip
        publish(self._cluster, topics.PAYMENTS_ANSWERED, answer, source=self._outputs)

    def _decide(self, request: PaymentRequested) -> Outcome:
        """Some fail at the first asking, some for ever; of those that were booked all the same, some answer late."""
        key, token = request.idempotency_key, request.payment_token or ""
        self._asked[key] += 1
        if "tok_dead" in token:
            self._faults["provider dead"] += 1
            return Outcome.FAILED
        odds = 1.0 if "tok_error" in token else 0.3 if "tok_decline" in token else 0.04
        if self._asked[key] > 1 or self._random.random() >= odds:
            return self._book(request)
        self._faults["provider failed"] += 1
        if self._random.random() < 0.5:
            booked = self._book(request)
            later_ms = self._cluster.wall_ms + self._random.randrange(100, 3_000)
            self._agenda.at(later_ms, lambda: self._tell(request, booked))
        return Outcome.FAILED

    def _book(self, request: PaymentRequested) -> Outcome:
        """Each key once. A void gives back what is left, and keeps an authorisation that comes later from standing."""
        key, order_id, purpose = request.idempotency_key, request.order_id, request.purpose
        if key not in self._answers:
            held, amount = self._held[order_id], request.amount_minor
            refused = "tok_decline" in (request.payment_token or "") or order_id in self._voided
            declined = purpose is Purpose.AUTHORISE and refused
            if purpose is Purpose.VOID:
                amount = max(0, held)
                self._voided.add(order_id)
            self._answers[key] = Outcome.DECLINED if declined else Outcome.APPROVED
            self._amounts[key] = amount
            if not declined:
                self._held[order_id] += amount if purpose is Purpose.AUTHORISE else -amount
            self.book.append(
                {
                    "order_id": order_id,
                    "purpose": purpose.value,
                    "idempotency_key": key,
                    "amount_minor": amount,
                    "outcome": self._answers[key].value,
                }
            )
        return self._answers[key]
