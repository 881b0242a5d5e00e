"""Whatever the order, repetition and failures of one order's events: captured = shipped, the rest voided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.kernel.decision import Decision
from orderwing.payment_hold.rows import OVER, Ask, Payment, State
from orderwing.payment_hold.stage import STAGE
from orderwing.runtime.store import encode_row
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Order
from orderwing_schemas.events.fraud import FraudDecided
from orderwing_schemas.events.payments import (
    HoldReleaseRequested,
    OrderAuthorised,
    OrderRefused,
    Outcome,
    PaymentAnswered,
    PaymentRecorded,
    PaymentRequested,
    Purpose,
)
from orderwing_schemas.network import Policies
from support.memory_view import MemoryView
from support.money import START_MS, accepted, answer, declined, order, progressed, view


@dataclass
class Provider:
    """Keeps answers by key, as providers do; an authorisation's money is drawn, then given back, never twice."""

    answers: dict[str, PaymentAnswered] = field(default_factory=dict)
    voided_keys: set[str] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)  # what is left of each authorisation
    booked: Counter[Purpose] = field(default_factory=Counter)

    def ask(self, request: PaymentRequested, approve: bool) -> PaymentAnswered:
        key = request.idempotency_key
        if key not in self.answers:
            self.answers[key] = self._book(request, approve and key not in self.voided_keys)
        return self.answers[key]

    def _book(self, request: PaymentRequested, approve: bool) -> PaymentAnswered:
        told = answer(request, Outcome.APPROVED if approve else Outcome.DECLINED)
        if not approve:
            return told
        if request.purpose is Purpose.AUTHORISE:
            assert told.reference is not None
            self.held[told.reference] = request.amount_minor
        else:
            told = self._draw(request, told)
        self.booked[request.purpose] += told.amount_minor
        return told

    def _draw(self, request: PaymentRequested, told: PaymentAnswered) -> PaymentAnswered:
        """From the authorisation named by its reference; a void may name the key that asked for it."""
        named = request.authorisation or ""
        reference = named if named in self.held else f"ref:{named}"
        if reference not in self.held:
            assert request.purpose is Purpose.VOID, "money that was never held"
            self.voided_keys.add(named)
            return told.model_copy(update={"amount_minor": 0})
        if request.purpose is Purpose.VOID:  # all that is left, whatever the request says
            told = told.model_copy(update={"amount_minor": self.held[reference]})
        assert told.amount_minor <= self.held[reference], "more than is held"
        self.held[reference] -= told.amount_minor
        return told


@dataclass
class World:
    """The stage, the provider, and records on their way; `chance` picks what happens next."""

    chance: st.DataObject
    of: Order
    shipments: list[dict[str, int]]
    lost: dict[str, int]
    approve: bool
    block: bool
    at: MemoryView = field(default_factory=lambda: view(Policies(authorisation_hours=12)))
    provider: Provider = field(default_factory=Provider)
    now_ms: int = START_MS
    inbox: list[Event] = field(default_factory=list)
    recorded: list[PaymentRecorded] = field(default_factory=list)
    ends: list[Event] = field(default_factory=list)
    disturbances: int = 12

    def disturbed(self, what: str) -> bool:
        """Faults are bounded, so that every run ends."""
        if self.disturbances and self.chance.draw(st.booleans(), label=what):
            self.disturbances -= 1
            return True
        return False

    def run(self) -> None:
        # Reservation may decline before payment_hold has heard of the order.
        self.inbox.append(accepted(self.of))
        if self.lost:
            half = {line: units - 1 for line, units in self.lost.items() if units > 1}
            self.inbox.extend(declined(self.of, units) for units in (half, self.lost) if units)
        while self.inbox or self._wake():
            if not self.inbox:
                continue
            event = self.inbox.pop(self.chance.draw(st.integers(0, len(self.inbox) - 1), label="next"))
            if self.disturbed("repeat"):
                self.inbox.append(event)
            if isinstance(event, PaymentRequested):
                self._asked(event)
            else:
                self._apply(STAGE.decide(self.at, event, self.now_ms))
            if self.disturbed("deadline"):
                self._wake()

    def _wake(self) -> bool:
        """The next deadline, unless the order is over: then only its end is left."""
        payment = self.at.get(Payment, self.of.order_id)
        rows = [row for row in self.at.rows.values() if row.wake_at_ms is not None]
        if (
            (payment is not None and payment.state in OVER)
            or payment is None
            or (payment.state is State.AUTHORISED and not self.disturbances)
        ):
            rows = [row for row in rows if isinstance(row, Ask)]
        if not rows:
            return False
        row = min(rows, key=lambda one: (one.wake_at_ms or 0, one.key))
        self.now_ms = max(self.now_ms, row.wake_at_ms or 0)
        self._apply(STAGE.due(self.at, row, self.now_ms))
        return True

    def _apply(self, decision: Decision) -> None:
        # Every row goes through the changelog, as after a restart.
        restored = tuple(msgspec.json.decode(encode_row(row), type=type(row)) for row in decision.puts)
        self.at.apply(Decision(decision.emits, restored, decision.drops))
        for event in (emit.event for emit in decision.emits):
            match event:
                case PaymentRequested():
                    self.inbox.append(event)
                case PaymentRecorded():
                    self.recorded.append(event)
                case OrderAuthorised():
                    self._pass_fraud()
                case OrderRefused() | HoldReleaseRequested():
                    self.ends.append(event)

    def _asked(self, request: PaymentRequested) -> None:
        """The gateway asks in any order, and may lose the provider's answer."""
        approve = self.approve or request.purpose is not Purpose.AUTHORISE
        if not self.disturbed("failed"):
            self.inbox.append(self.provider.ask(request, approve))
            return
        if self.disturbed("booked all the same"):
            self.provider.ask(request, approve)
        self.inbox.append(answer(request, Outcome.FAILED))

    def _pass_fraud(self) -> None:
        if self.block:
            of = self.of
            self.inbox.append(
                FraudDecided(
                    order_id=of.order_id, customer_key=of.customer_key, outcome="blocked", rules=(), by="rules"
                )
            )
            return
        self.inbox.extend(progressed(self.of, f"s{n}", units) for n, units in enumerate(self.shipments))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    lines = draw(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1000)), min_size=1, max_size=3))
    of = order(lines)
    lost = {f"l{n}": draw(st.integers(0, units)) for n, (units, _) in enumerate(lines)}
    shipments: list[dict[str, int]] = [{} for _ in range(draw(st.integers(1, 4)))]
    for n, (units, _) in enumerate(lines):
        for _ in range(units - lost[f"l{n}"]):
            parcel = shipments[draw(st.integers(0, len(shipments) - 1))]
            parcel[f"l{n}"] = parcel.get(f"l{n}", 0) + 1
    return World(
        chance=draw(st.data()),
        of=of,
        shipments=[parcel for parcel in shipments if parcel],
        lost={line: units for line, units in lost.items() if units},
        approve=draw(st.sampled_from([True, True, True, False])),
        block=draw(st.sampled_from([False, False, False, True])),
    )


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_captured_is_shipped_and_the_rest_is_voided(world: World) -> None:
    world.run()
    payment = world.at.get(Payment, world.of.order_id)
    assert payment is not None
    assert payment.state in OVER
    shipped = Counter[str]()
    if payment.state is State.ENDED and not world.block:
        for parcel in world.shipments:
            shipped.update(parcel)
    value_minor = sum(line.amount_minor * shipped[line.line_id] // line.quantity for line in world.of.lines)
    if payment.state is State.ENDED:
        booked = Counter[Purpose]()
        for told in world.recorded:
            booked[told.purpose] += told.amount_minor
        assert booked[Purpose.CAPTURE] == world.provider.booked[Purpose.CAPTURE] == value_minor
        assert booked[Purpose.CAPTURE] <= world.of.total_minor
        assert booked[Purpose.AUTHORISE] == booked[Purpose.CAPTURE] + booked[Purpose.VOID]
    else:
        assert len(world.ends) == 2
        assert world.provider.booked[Purpose.CAPTURE] == 0
    assert not any(world.provider.held.values()), "money is still held"
    assert len({told.idempotency_key for told in world.recorded}) == len(world.recorded), "recorded twice"
