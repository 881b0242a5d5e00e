"""One attempt at a batch: every record and due deadline of a partition decided, one by one, into an overlay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from orderwing.kernel.decision import Cause, Decision
from orderwing.kernel.ports import Outgoing, Record
from orderwing.kernel.row import Row
from orderwing.kernel.stage import Handler, RawRecord, Stage
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partition import Partition
from orderwing.runtime.partitioning import partition_of
from orderwing.runtime.poison import (
    MisplacedError,
    RefusedError,
)
from orderwing.runtime.store import Overlay
from orderwing.runtime.trace_context import Origin
from orderwing.runtime.tracing import Tracer
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.base import Event
from orderwing_schemas.codec import UndecodableError, decode, decode_as, type_of
from orderwing_schemas.topics import Topic, changelog, control, dead_letters


class Output(msgspec.Struct, gc=False):
    """What one decision leads to. `letter` says that it is about poison, so that it cannot become poison itself."""

    cause: Cause
    number: int
    outgoings: list[Outgoing]
    letter: bool = False


Refused = Mapping[tuple[Cause, bool], str]
Readers = Mapping[bytes | None, tuple[type[Event], Handler]]  # by `ce_type`


@dataclass
class Decider:
    """A stage with all that its decisions need besides a partition."""

    stage: Stage
    clock: DomainClock
    tracer: Tracer | None = None
    inputs: Mapping[str, tuple[Topic, Readers]] = field(init=False)
    outputs: Outputs = field(init=False)

    def __post_init__(self) -> None:
        self.inputs = {topic.name: (topic, self._readers(topic)) for topic in self.stage.inputs}
        self.control = control(self.stage.name)
        self.dead_letters = dead_letters(self.stage.name)
        self.changelog = changelog(self.stage.name).name
        self.outputs = Outputs(self.stage.name, self.changelog)

    def _readers(self, topic: Topic) -> Readers:
        handlers = self.stage.handlers  # none, of a stage that reads strangers
        return {event.EVENT_TYPE.encode(): (event, handlers[event]) for event in topic.events if event in handlers}


class Deciding:
    """What one batch makes of a partition so far. `refused`: what the bus would not take at an earlier attempt.

    Cause by cause; what a handler raises is raised. `under`: the batch before, whose transaction is still under way.
    """

    def __init__(
        self,
        decider: Decider,
        partition: Partition,
        wall_ms: int,
        refused: Refused | None = None,
        under: Deciding | None = None,
    ) -> None:
        self.partition = partition
        self.overlay: Overlay = Overlay(partition.store, partition.reference, None if under is None else under.overlay)
        self.before: int = partition.decisions if under is None else under.number
        self.number: int = self.before
        self.items: list[Output] = []
        self.emitted: Counter[str] = Counter()  # by topic
        self.spans: list[DecisionSpan] = []  # empty without a tracer
        self._decider = decider
        self._stage = decider.stage
        self._inputs = decider.inputs
        self._outputs = decider.outputs
        self._reference = partition.reference
        self._wall_ms = wall_ms
        self._now_ms = decider.clock.domain_ms(wall_ms)
        self._refused = refused or {}
        self._tracer = decider.tracer
        self._span: DecisionSpan | None = None

    # --- records ---------------------------------------------------------------------------------------------------

    def _record(self, record: Record, cause: Cause) -> None:
        if self._refused and (reason := self._refused.get((cause, False))) is not None:
            raise RefusedError(reason)
        now_ms, raw = self._now_ms, self._stage.raw
        if record.timestamp_ms > self._wall_ms:
            now_ms = self._decider.clock.domain_ms(record.timestamp_ms)
        decision = self._decide(record, now_ms) if raw is None else raw(self.overlay, _raw(record), now_ms)
        self._take(decision, cause, now_ms)

    def _decide(self, record: Record, now_ms: int) -> Decision:
        topic, readers = self._inputs[record.topic]
        event_type = type_of(record.headers)
        if event_type not in readers:
            raise _unexpected(record, event_type)
        kind, handler = readers[event_type]
        event = decode_as(kind, record.value)
        key = (record.key or b"").decode("utf-8", "replace")
        if partition_of(topic, key, self._reference) != record.partition:
            raise MisplacedError(f"{topic.name}: the record's key belongs to another partition")
        return handler(self.overlay, event, now_ms)

    def _take(self, decision: Decision, cause: Cause, now_ms: int) -> None:
        number = self.number
        outgoings = self._outputs.emits(decision.emits, cause, number, now_ms, self._reference, self._span)
        self.overlay.apply(decision, number)
        self._keep(Output(cause, number, outgoings))

    def _keep(self, output: Output) -> None:
        self.items.append(output)
        for outgoing in output.outgoings:
            self.emitted[outgoing.topic] += 1

    # --- deadlines -------------------------------------------------------------------------------------------------

    def _due(self, deadline: Deadline, cause: Cause) -> None:
        if self._refused and (reason := self._refused.get((cause, False))) is not None:
            raise RefusedError(reason)
        kind, key = self._place(deadline)
        row = self.overlay.get(kind, key)
        if row is None:
            return
        now_ms = max(deadline.wake_at_ms, self._now_ms)
        decision = self._stage.deadlines[kind](self.overlay, row, now_ms)
        if all(type(put) is not kind or put.key != key for put in decision.puts) and (kind, key) not in decision.drops:
            # A deadline comes once: without this it would come again after a restore.
            decision = Decision(decision.emits, (*decision.puts, replace(row, wake_at_ms=None)), decision.drops)
        self._take(decision, cause, now_ms)

    def _place(self, deadline: Deadline) -> tuple[type[Row], str]:
        name, _, key = deadline.row.partition(":")
        return next(kind for kind in self._stage.deadlines if kind.__name__ == name), key

    def _stands(self, deadline: Deadline) -> bool:
        """Whether its row still waits for it."""
        return self._place(deadline) not in self.overlay.changes and self.partition.deadlines.holds(deadline)

    def _as_record(self, deadline: Deadline) -> Record:
        number = self.partition.number
        return Record(self._decider.changelog, number, deadline.number, deadline.row.encode(), None, (), 0)

    # --- spans -----------------------------------------------------------------------------------------------------

    def _begin(
        self, kind: str, cause: Cause, told: Origin, stamped_ms: int | None = None, earlier: int | None = None
    ) -> None:
        if self._tracer is not None:
            raw, number = self._stage.raw is not None, self.number
            self._span = DecisionSpan(
                self._tracer, kind, cause, self.partition.number, number, told, stamped_ms, raw, earlier
            )
            self.spans.append(self._span)

    def _end(self, outcome: str, error: str | None = None) -> None:
        if self._span is not None:
            self._span.done(outcome, error)


def _raw(record: Record) -> RawRecord:
    return RawRecord(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))


def _unexpected(record: Record, event_type: bytes | None) -> UndecodableError:
    """Why a record of a type that its topic does not carry cannot be decoded."""
    told = None if event_type is None else event_type.decode("utf-8", "replace")
    try:
        decode(record.value, told)
    except UndecodableError as error:
        return error
    return UndecodableError("unexpected_type", f"{record.topic} does not carry {told}")
