"""One attempt at a batch: every record and due deadline of a partition decided, one by one, into an overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from orderwing.kernel.decision import Cause, Decision, RecordCause, event_id
from orderwing.kernel.ports import Outgoing, Record
from orderwing.kernel.row import Row
from orderwing.kernel.stage import RawRecord, Stage
from orderwing.runtime.clock import DomainClock
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.observer import Letter
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.partition import Partition
from orderwing.runtime.partitioning import partition_of
from orderwing.runtime.poison import (
    Budget,
    MisplacedError,
    ParkedRecord,
    RefusedError,
    TruncatedError,
    dead_letter,
    lone_group,
    parked,
    reason_of,
    waiting_group,
)
from orderwing.runtime.store import Overlay
from orderwing.runtime.trace_context import Origin, origin
from orderwing.runtime.tracing import Tracer
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.codec import UndecodableError, decode, encode
from orderwing_schemas.events.operations import DeadLetterSettled
from orderwing_schemas.topics import Topic, changelog, control, dead_letters


class Output(msgspec.Struct):
    """What one decision leads to. `letter` says that it is about poison, so that it cannot become poison itself."""

    cause: Cause
    number: int
    outgoings: list[Outgoing]
    letter: bool = False


Refused = Mapping[tuple[Cause, bool], str]


@dataclass
class Decider:
    """A stage with all that its decisions need besides a partition."""

    stage: Stage
    clock: DomainClock
    tracer: Tracer | None = None
    topics: dict[str, Topic] = field(init=False)
    outputs: Outputs = field(init=False)

    def __post_init__(self) -> None:
        self.topics = {topic.name: topic for topic in self.stage.inputs}
        self.control = control(self.stage.name)
        self.dead_letters = dead_letters(self.stage.name)
        self.changelog = changelog(self.stage.name).name
        self.outputs = Outputs(self.stage.name, self.changelog)


class Attempt:
    """`refused` names what the bus would not take at an earlier attempt. Raises BudgetExceededError."""

    def __init__(
        self, decider: Decider, partition: Partition, wall_ms: int, budget: Budget, refused: Refused | None = None
    ) -> None:
        self.partition = partition
        self.overlay = Overlay(partition.store, partition.reference)
        self.number = partition.decisions
        self.items: list[Output] = []
        self.letters: list[Letter] = []
        self.released: list[str | None] = []
        self.spans: list[DecisionSpan] = []  # empty without a tracer
        self._decider = decider
        self._stage = decider.stage
        self._wall_ms = wall_ms
        self._now_ms = decider.clock.domain_ms(wall_ms)
        self._budget = budget
        self._refused = refused or {}
        self._parked = partition.parked > 0
        self._tracer = decider.tracer
        self._span: DecisionSpan | None = None

    # --- records ---------------------------------------------------------------------------------------------------

    def record(self, record: Record) -> None:
        if record.topic == self._decider.control.name:
            self._settle(record)
            return
        self.number += 1
        cause = RecordCause(record.topic, record.partition, record.offset)
        if self._tracer is not None:
            self._begin("record", cause, origin(record.headers), record.timestamp_ms)
        if self._parked and (order := origin(record.headers).order_id) is not None and self._waits(order):
            self._park(record, cause, order)
            return
        try:
            now_ms = self._at(record.timestamp_ms)
            self._take(self._decide(record, cause, now_ms), cause, now_ms)
        except Exception as error:
            self._poison(record, None, cause, origin(record.headers).order_id, error)
        else:
            self._budget.decided()
            if self._span is not None:
                self._span.done("decided")

    def _at(self, timestamp_ms: int) -> int:
        return self._now_ms if timestamp_ms <= self._wall_ms else self._decider.clock.domain_ms(timestamp_ms)

    def _decide(self, record: Record, cause: Cause, now_ms: int) -> Decision:
        stage = self._stage
        if self._refused and (reason := self._refused.get((cause, False))) is not None:
            raise RefusedError(reason)
        if stage.raw is not None:
            return stage.raw(self.overlay, RawRecord(*record[:5], tuple(record.headers)), now_ms)
        event_type = None
        for name, value in record.headers:
            if name == "ce_type" and value is not None:
                event_type = value.decode("utf-8", "replace")
        event = decode(record.value, event_type)
        topic = self._decider.topics[record.topic]
        if type(event) not in topic.events:
            raise UndecodableError("unexpected_type", f"{topic.name} does not carry {event_type}")
        key = (record.key or b"").decode("utf-8", "replace")
        if partition_of(topic, key, self.partition.reference) != record.partition:
            raise MisplacedError(f"{topic.name}: the record's key belongs to another partition")
        return stage.handlers[type(event)](self.overlay, event, now_ms)

    def _take(self, decision: Decision, cause: Cause, now_ms: int) -> None:
        reference = self.partition.reference
        outgoings = self._decider.outputs.emits(decision.emits, cause, self.number, now_ms, reference, self._span)
        self.overlay.apply(decision, self.number)
        self.items.append(Output(cause, self.number, outgoings))

    # --- deadlines -------------------------------------------------------------------------------------------------

    def deadline(self, deadline: Deadline) -> None:
        """No effect where the batch has changed the row or parked its order."""
        if not self._still_due(deadline):
            return
        cause = deadline.cause
        self.number += 1
        if self._tracer is not None:
            self._begin("deadline", cause, Origin(None, deadline.order_id))
        try:
            self._due(deadline, cause)
        except Exception as error:
            self._poison(self._as_record(deadline), deadline, cause, deadline.order_id, error)
        else:
            self._budget.decided()
            self._end("decided")

    def _still_due(self, deadline: Deadline) -> bool:
        if self._place(deadline) in self.overlay.changes:
            return False
        return not (self._parked and self._waits(waiting_group(self._stage.name, deadline)))

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

    # --- poison ----------------------------------------------------------------------------------------------------

    def _waits(self, group: str) -> bool:
        return any(True for _ in self.overlay.scan(ParkedRecord, group))

    def _park(self, record: Record, cause: Cause, order_id: str) -> None:
        row = parked(record, self.number, order_id, None, None, (cause, True) not in self._refused)
        self.overlay.apply(Decision(puts=(row,)), self.number)
        self.items.append(Output(cause, self.number, [], letter=True))
        self._end("parked")

    def _letter_id(self, cause: Cause) -> str:
        return event_id(self._stage.name, cause, -1)

    def _poison(
        self, record: Record, deadline: Deadline | None, cause: Cause, order_id: str | None, error: Exception
    ) -> None:
        keep = (cause, True) not in self._refused
        row = parked(record, self.number, order_id, self._letter_id(cause), deadline, keep)
        self.overlay.apply(Decision(puts=(row,)), self.number)
        self._parked = True
        self._write_letter(row, cause, error, self._letter_id(cause))
        self._budget.poisoned(reason_of(error))

    def _write_letter(self, row: ParkedRecord, cause: Cause, error: Exception, identity: str) -> None:
        event = dead_letter(self._stage.name, row, error, self._now_ms)
        topic = self._decider.dead_letters.name
        if self._span is not None:
            self._span.lead_to()  # nothing of what it came to is sent
        headers = self._decider.outputs.headers(event, identity, self._now_ms, topic, self._span)
        key = event.dead_letter_id.encode()
        outgoing = Outgoing(topic, self.partition.number, key, encode(event), headers)
        self.items.append(Output(cause, self.number, [outgoing], letter=True))
        place = f"{row.topic}/{row.partition}/{row.offset}"
        trace = dict(headers)["traceparent"].decode()
        self.letters.append(Letter(event.dead_letter_id, event.order_id, trace, place, event.reason))
        self._end("dead_lettered", event.reason)

    def _settle(self, record: Record) -> None:
        """An operator's word: decide the dead letter again or drop it, then decide those parked behind it."""
        self.number += 1
        try:
            event = decode(record.value, _header(record, "ce_type"))
        except UndecodableError:
            return  # nothing of ours is lost: the dead letter still waits
        if not isinstance(event, DeadLetterSettled):
            return
        cause = RecordCause(record.topic, record.partition, record.offset)
        group = event.order_id if event.order_id is not None else lone_group(event.dead_letter_id)
        for row in list(self.overlay.scan(ParkedRecord, group)):
            head = row.dead_letter_id is not None
            if head and row.dead_letter_id != event.dead_letter_id:
                return
            if head and event.action == "drop":
                self._forget(row)
            elif not self._again(row, cause):
                return
            self.overlay.apply(Decision(drops=((ParkedRecord, row.key),)), self.number)
        self.released.append(event.order_id)

    def _forget(self, row: ParkedRecord) -> None:
        deadline = row.deadline
        if deadline is not None and self._stands(deadline):
            kept = self.overlay.get(*self._place(deadline))
            if kept is not None:
                self.overlay.apply(Decision(puts=(replace(kept, wake_at_ms=None),)), self.number)

    def _again(self, row: ParkedRecord, settled: Cause) -> bool:
        """Decide what was parked, with its own cause; False if it is (still) poison."""
        self.number += 1
        deadline = row.deadline
        cause = row.record_cause if deadline is None else deadline.cause
        if self._tracer is not None:
            told = Origin(origin(row.headers).context, row.order_id)
            self._begin("redriven", cause, told, row.timestamp_ms if deadline is None else None, row.number)
        try:
            if row.truncated:
                raise TruncatedError("too large to keep: read it at its origin, then drop it")
            if deadline is None:
                now_ms = self._at(row.timestamp_ms)
                self._take(self._decide(row.record, cause, now_ms), cause, now_ms)
            elif self._stands(deadline):
                self._due(deadline, cause)
        except Exception as error:
            waiting = replace(row, dead_letter_id=row.dead_letter_id or self._letter_id(cause))
            self.overlay.apply(Decision(puts=(waiting,)), self.number)
            self._write_letter(waiting, settled, error, event_id(self._stage.name, settled, -1))
            return False
        self._end("decided")
        return True

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


def _header(record: Record, name: str) -> str | None:
    found = None
    for header, value in record.headers:
        if header == name and value is not None:
            found = value.decode("utf-8", "replace")
    return found
