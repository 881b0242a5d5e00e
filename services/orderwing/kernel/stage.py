"""A stage is a table of pure functions: one per event it reads, one per kind of row that has deadlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.row import Row
from orderwing.kernel.view import View
from orderwing_schemas.base import Event
from orderwing_schemas.network import Network
from orderwing_schemas.policy import Policy
from orderwing_schemas.topics import Topic

# The second argument is the handler's own event or row class, which a mapping cannot express.
Handler = Callable[[View, Any, int], Decision]
PolicyCheck = Callable[[Policy, Network], str]


class RawRecord(msgspec.Struct, frozen=True):
    """A stranger's record, undecoded, for stages that answer bad input themselves."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Stage:
    """`handlers` by event class, `(view, event, now_ms) -> Decision`; `deadlines` by row class, likewise.

    A stage with `raw` reads strangers: it gets every record undecoded instead. `rows` are all kinds it keeps.
    `policy_check`, of one that decides by the sourcing policy: why a policy cannot be used on a network, or "".
    """

    name: str
    inputs: tuple[Topic, ...]
    handlers: Mapping[type[Event], Handler] = field(default_factory=dict)
    rows: tuple[type[Row], ...] = ()
    deadlines: Mapping[type[Row], Handler] = field(default_factory=dict)
    raw: Callable[[View, RawRecord, int], Decision] | None = None
    policy_check: PolicyCheck | None = None

    def __post_init__(self) -> None:
        read = {event for topic in self.inputs for event in topic.events}
        if self.raw is None and (unread := read ^ set(self.handlers)):
            raise ValueError(f"{self.name}: handlers and inputs differ in {sorted(e.__name__ for e in unread)}")
        if stray := set(self.deadlines) - set(self.rows):
            raise ValueError(f"{self.name}: deadlines of unknown rows {sorted(r.__name__ for r in stray)}")
        if foreign := [t.name for t in self.inputs if self.name not in t.consumers]:
            raise ValueError(f"{self.name} is not declared as a consumer of {foreign}")

    def decide(self, view: View, event: Event | RawRecord, now_ms: int) -> Decision:
        if isinstance(event, RawRecord):
            if self.raw is None:
                raise TypeError(f"{self.name} reads no raw records")
            return self.raw(view, event, now_ms)
        return self.handlers[type(event)](view, event, now_ms)

    def due(self, view: View, row: Row, now_ms: int) -> Decision:
        """The decision of a deadline; a row without a handler has none."""
        handler = self.deadlines.get(type(row))
        return NOTHING if handler is None else handler(view, row, now_ms)
