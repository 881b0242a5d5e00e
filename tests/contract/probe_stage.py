"""A small stage for the contract of runner and bus: it counts an order's records and rings at deadlines."""

from __future__ import annotations

from dataclasses import dataclass

from orderwing.kernel.decision import Decision
from orderwing.kernel.row import Row
from orderwing.kernel.stage import Stage
from orderwing.kernel.view import Draft, View
from orderwing_schemas.events.intake import OrderConflicted, OrderDuplicated, OrderRejected
from orderwing_schemas.events.reference import NetworkPublished
from orderwing_schemas.topics import Topic, changelog, control, dead_letters


class Tally(Row, frozen=True, kw_only=True):
    """How many records an order had. Never dropped: the tests look at it."""

    order_id: str
    count: int

    @property
    def key(self) -> str:
        return self.order_id


class Bell(Row, frozen=True, kw_only=True):
    """Rings at `wake_at_ms`, which drops it."""

    order_id: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.order_id}|{self.name}"


class FaultError(RuntimeError):
    """A defect that the tests switch on and off."""


@dataclass
class Probe:
    """The stage with its topics. `broken`: orders whose records raise; `oversize`: whose emits the bus refuses."""

    name: str

    def __post_init__(self) -> None:
        self.broken: set[str] = set()
        self.oversize: set[str] = set()
        self.detail_bytes = 5 << 20
        self.first = self._topic("first", OrderDuplicated)
        self.second = self._topic("second", OrderConflicted)
        self.out = Topic(
            f"{self.name}.out", "order_id", (OrderDuplicated, OrderRejected), self.name, ("tests",), "What it says."
        )
        self.reference = Topic(
            f"{self.name}.reference", "key", (NetworkPublished,), "tests", (self.name,), "Its network.", compacted=True
        )
        self.stage = Stage(
            name=self.name,
            inputs=(self.first, self.second),
            handlers={OrderDuplicated: self.count, OrderConflicted: self.set_bell},
            rows=(Tally, Bell),
            deadlines={Bell: self.ring},
        )

    @property
    def topics(self) -> tuple[Topic, ...]:
        own = (changelog(self.name), dead_letters(self.name), control(self.name))
        return (self.first, self.second, self.out, self.reference, *own)

    def _topic(self, name: str, event: type[OrderDuplicated] | type[OrderConflicted]) -> Topic:
        return Topic(f"{self.name}.{name}", "order_id", (event,), "tests", (self.name,), "What it reads.")

    def count(self, view: View, event: OrderDuplicated, now_ms: int) -> Decision:
        if event.order_id in self.broken:
            raise FaultError
        draft = Draft(view)
        tally = draft.get(Tally, event.order_id) or Tally(order_id=event.order_id, count=0)
        draft.put(Tally(order_id=event.order_id, count=tally.count + 1))
        draft.emit(self.out, event)
        if event.order_id in self.oversize:
            detail = "x" * self.detail_bytes
            draft.emit(self.out, OrderRejected(order_id=event.order_id, reasons=("large",), detail=detail))
        return draft.decision()

    def set_bell(self, view: View, event: OrderConflicted, now_ms: int) -> Decision:
        """`differs_in`: name and time of the bell."""
        name, wake_at_ms = event.differs_in
        draft = Draft(view)
        draft.put(Bell(order_id=event.order_id, name=name, wake_at_ms=int(wake_at_ms)))
        return draft.decision()

    def ring(self, view: View, row: Bell, now_ms: int) -> Decision:
        if row.order_id in self.broken:
            raise FaultError
        draft = Draft(view)
        tally = draft.get(Tally, row.order_id)
        count = "0" if tally is None else str(tally.count)
        draft.drop(Bell, row.key)
        draft.emit(self.out, OrderRejected(order_id=row.order_id, reasons=(row.name, count), detail=str(now_ms)))
        return draft.decision()
