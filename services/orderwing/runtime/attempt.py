"""One attempt at a batch: every record and due deadline of a partition decided, one by one, into an overlay.

What cannot be decided becomes a dead letter, and what comes later of its order waits behind it.
"""

from __future__ import annotations

from msgspec.structs import replace

from orderwing.kernel.decision import Cause, Decision, RecordCause, letter_id
from orderwing.kernel.ports import Outgoing, Record
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.deciding import Decider, Deciding, Output, Refused
from orderwing.runtime.observer import Letter
from orderwing.runtime.partition import Partition
from orderwing.runtime.poison import (
    Budget,
    ParkedRecord,
    TruncatedError,
    dead_letter,
    lone_group,
    parked,
    reason_of,
    waiting_group,
)
from orderwing.runtime.trace_context import Origin, origin
from orderwing_schemas.codec import UndecodableError, decode, encode, header_map
from orderwing_schemas.events.operations import DeadLetterSettled


class Attempt(Deciding):
    """Call `record` and `deadline` in their order. Raises BudgetExceededError."""

    def __init__(
        self,
        decider: Decider,
        partition: Partition,
        wall_ms: int,
        budget: Budget,
        refused: Refused | None = None,
        under: Attempt | None = None,
    ) -> None:
        super().__init__(decider, partition, wall_ms, refused, under)
        self.letters: list[Letter] = []
        self.released: list[str | None] = []
        self.redrives = False  # whether an operator's word was among the records
        self._budget = budget
        self._control = decider.control.name
        self._parked: bool = partition.parked > 0 or (under is not None and under._parked)

    def record(self, record: Record) -> None:
        if record.topic == self._control:
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
            self._record(record, cause)
        except Exception as error:
            self._poison(record, None, cause, origin(record.headers).order_id, error)
        else:
            self._budget.decided()
            if self._span is not None:
                self._span.done("decided")

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

    # --- poison ----------------------------------------------------------------------------------------------------

    def _waits(self, group: str) -> bool:
        return any(True for _ in self.overlay.scan(ParkedRecord, group))

    def _park(self, record: Record, cause: Cause, order_id: str) -> None:
        row = parked(record, self.number, order_id, None, None, (cause, True) not in self._refused)
        self.overlay.apply(Decision(puts=(row,)), self.number)
        self._keep(Output(cause, self.number, [], letter=True))
        self._end("parked")

    def _letter_id(self, cause: Cause) -> str:
        return letter_id(self._stage.name, cause)

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
        # Nothing of what it came to is sent.
        trace_id = None if self._span is None else self._span.lead_to().trace_id
        headers = self._decider.outputs.headers(event, identity, self._now_ms, topic, self._span)
        key = event.dead_letter_id.encode()
        outgoing = Outgoing(topic, self.partition.number, key, encode(event), headers)
        self._keep(Output(cause, self.number, [outgoing], letter=True))
        place = f"{row.topic}/{row.partition}/{row.offset}"
        self.letters.append(Letter(event.dead_letter_id, event.order_id, trace_id, place, event.reason))
        self._end("dead_lettered", event.reason)

    # --- an operator's word ------------------------------------------------------------------------------------------

    def _settle(self, record: Record) -> None:
        """An operator's word: decide the dead letter again or drop it, then decide those parked behind it."""
        self.redrives = True
        self.number += 1
        try:
            event = decode(record.value, header_map(record.headers).get("ce_type"))
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
                self._record(row.record, cause)
            elif self._stands(deadline):
                self._due(deadline, cause)
        except Exception as error:
            waiting = replace(row, dead_letter_id=row.dead_letter_id or self._letter_id(cause))
            self.overlay.apply(Decision(puts=(waiting,)), self.number)
            self._write_letter(waiting, settled, error, self._letter_id(settled))
            return False
        self._end("decided")
        return True
