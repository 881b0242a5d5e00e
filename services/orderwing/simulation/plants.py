"""Defects planted on purpose: a simulator that does not find them is worth nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from orderwing.intake.rows import SeenOrder
from orderwing.kernel.decision import NOTHING, Decision, Emit
from orderwing.kernel.ports import Position, TopicPartition
from orderwing.kernel.row import R, Row
from orderwing.kernel.stage import Handler, Stage
from orderwing.kernel.view import Reference, View
from orderwing.reservation.rows import Hold, HoldState
from orderwing.reservation.stock import Shelf
from orderwing.runtime.simulated import SimulatedBus
from orderwing_schemas.events.payments import PaymentRequested, Purpose
from orderwing_schemas.events.reservation import ReservationOutcome, ReservationRecorded, StockMoved

PLANTS = ("no duplicate check", "release lost", "offsets outside", "lapse ignored", "double capture")


class _Forgetful:
    """A view in which no order was ever seen before."""

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def reference(self) -> Reference:
        return self._view.reference

    def get(self, kind: type[R], key: str) -> R | None:
        return None if issubclass(kind, SeenOrder) else self._view.get(kind, key)

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        return self._view.scan(kind, group)


def _forgetting(handler: Handler) -> Handler:
    return lambda view, event, now_ms: handler(_Forgetful(view), event, now_ms)


def _keeping_stock(handler: Handler) -> Handler:
    """The hold ends, and its shelves never hear of it."""

    def decide(view: View, event: Any, now_ms: int) -> Decision:
        made = handler(view, event, now_ms)
        released = {ReservationOutcome.RELEASED, ReservationOutcome.LAPSED}
        if not any(isinstance(e.event, ReservationRecorded) and e.event.outcome in released for e in made.emits):
            return made
        return Decision(
            emits=tuple(emit for emit in made.emits if not isinstance(emit.event, StockMoved)),
            puts=tuple(row for row in made.puts if not isinstance(row, Shelf)),
            drops=made.drops,
        )

    return decide


def _never_lapsing(handler: Handler) -> Handler:
    def decide(view: View, row: Any, now_ms: int) -> Decision:
        return NOTHING if row.state in {HoldState.SOFT, HoldState.ASKING} else handler(view, row, now_ms)

    return decide


def _capturing_twice(handler: Handler) -> Handler:
    def decide(view: View, event: Any, now_ms: int) -> Decision:
        made = handler(view, event, now_ms)
        again = tuple(
            Emit(e.topic, e.event.model_copy(update={"idempotency_key": f"{e.event.idempotency_key}-again"}))
            for e in made.emits
            if isinstance(e.event, PaymentRequested) and e.event.purpose is Purpose.CAPTURE
        )
        return Decision((*made.emits, *again), made.puts, made.drops)

    return decide


_EVENTS: Mapping[str, tuple[str, Callable[[Handler], Handler]]] = {
    "no duplicate check": ("intake", _forgetting),
    "release lost": ("reservation", _keeping_stock),
    "double capture": ("payment_hold", _capturing_twice),
}


def planted(stage: Stage, plant: str | None) -> Stage:
    """The stage with the defect in it, if it is this stage's."""
    if plant == "lapse ignored" and stage.name == "reservation":
        return replace(stage, deadlines=_wrapped(stage.deadlines, _never_lapsing, Hold))
    name, wrap = _EVENTS.get(plant or "", ("", _forgetting))
    if stage.name != name:
        return stage
    deadlines = {row: wrap(handler) for row, handler in stage.deadlines.items()}
    return replace(stage, handlers={e: wrap(handler) for e, handler in stage.handlers.items()}, deadlines=deadlines)


def _wrapped(
    deadlines: Mapping[type[Row], Handler], wrap: Callable[[Handler], Handler], only: type[Row]
) -> dict[type[Row], Handler]:
    return {row: wrap(handler) if row is only else handler for row, handler in deadlines.items()}


class _OffsetsOutside(SimulatedBus):
    """Commits positions before, and apart from, what they lead to."""

    def send_offsets(self, positions: Mapping[TopicPartition, Position]) -> None:
        self._group.offsets.update(positions)
        super().send_offsets(positions)


def bus_of(plant: str | None) -> type[SimulatedBus]:
    return _OffsetsOutside if plant == "offsets outside" else SimulatedBus
