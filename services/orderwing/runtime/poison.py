"""Poison: dead letters, the rows in which an order's later records wait, and the budget that halts a stage."""

from __future__ import annotations

import traceback
from base64 import b64encode
from dataclasses import dataclass

from orderwing.kernel.decision import RecordCause, letter_id
from orderwing.kernel.ports import Record
from orderwing.kernel.row import Row
from orderwing.runtime.deadlines import Deadline
from orderwing_schemas.codec import UndecodableError
from orderwing_schemas.events.operations import DeadLettered

_SMALLEST_SAMPLE = 200
_MEMORY = 1000  # decisions after which older ones count half


class RefusedError(Exception):
    """The bus will never take what this cause led to."""


class MisplacedError(Exception):
    """A record on a partition that is not its key's."""


class TruncatedError(Exception):
    """The record was too large to be kept."""


class BudgetExceededError(Exception):
    """Too much poison for it to be the records' fault; the message says so in one sentence."""


class ParkedRecord(Row, frozen=True, kw_only=True):
    """A record or due deadline that waits: the dead letter itself (with `dead_letter_id`), or one parked behind it.

    Key: `order|decision number`, or `!dead letter|number` where no order is known. Dropped when it is decided or an
    operator drops it. A deadline is kept as a record of the changelog: its `offset` is the row's decision number.
    """

    group: str
    number: int
    order_id: str | None
    dead_letter_id: str | None
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    record_key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    deadline_ms: int | None = None
    truncated: bool = False

    @property
    def key(self) -> str:
        return f"{self.group}|{self.number:016d}"

    @property
    def record(self) -> Record:
        return Record(
            self.topic, self.partition, self.offset, self.record_key, self.value, self.headers, self.timestamp_ms
        )

    @property
    def record_cause(self) -> RecordCause:
        return RecordCause(self.topic, self.partition, self.offset)

    @property
    def deadline(self) -> Deadline | None:
        if self.deadline_ms is None:
            return None
        return Deadline(self.deadline_ms, (self.record_key or b"").decode(), self.offset, self.order_id)


def parked(
    record: Record, number: int, order_id: str | None, dead_letter_id: str | None, deadline: Deadline | None, keep: bool
) -> ParkedRecord:
    """`keep` is False where the bus refuses a row with the record's value."""
    return ParkedRecord(
        group=order_id if order_id is not None else lone_group(dead_letter_id or ""),
        number=number,
        order_id=order_id,
        dead_letter_id=dead_letter_id,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        record_key=record.key,
        value=record.value if keep else None,
        headers=tuple(record.headers) if keep else (),
        deadline_ms=None if deadline is None else deadline.wake_at_ms,
        truncated=not keep,
    )


def lone_group(dead_letter_id: str) -> str:
    """The group of a dead letter of no known order."""
    return f"!{dead_letter_id}"


def waiting_group(stage: str, deadline: Deadline) -> str:
    """The group behind which a deadline waits: its order's, or its own dead letter."""
    if deadline.order_id is not None:
        return deadline.order_id
    return lone_group(letter_id(stage, deadline.cause))


def reason_of(error: Exception) -> str:
    """A short code that holds nothing of the record."""
    if isinstance(error, UndecodableError):
        return error.reason
    if isinstance(error, RefusedError):
        return f"refused: {error}"
    return type(error).__name__


def dead_letter(stage: str, waiting: ParkedRecord, error: Exception, now_ms: int) -> DeadLettered:
    return DeadLettered(
        dead_letter_id=waiting.dead_letter_id or "",
        stage=stage,
        order_id=waiting.order_id,
        topic=waiting.topic,
        partition=waiting.partition,
        offset=waiting.offset,
        reason=reason_of(error),
        traceback="".join(traceback.format_exception(error, limit=-12))[-8000:],
        key_base64=_base64(waiting.record_key),
        value_base64=_base64(waiting.value),
        headers=tuple((name, (value or b"").decode("utf-8", "replace")) for name, value in waiting.headers),
        at_ms=now_ms,
    )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


@dataclass
class Budget:
    """Poison is tolerated up to `share` of recent decisions and `consecutive` in a row."""

    share: float
    consecutive: int
    good: int = 0
    bad: int = 0
    in_a_row: int = 0

    def decided(self) -> None:
        self.good += 1
        self.in_a_row = 0
        if self.good + self.bad > _MEMORY:
            self.good //= 2
            self.bad //= 2

    def poisoned(self, reason: str) -> None:
        """Raises BudgetExceededError."""
        self.bad += 1
        self.in_a_row += 1
        if self.in_a_row >= self.consecutive:
            told = f"{self.in_a_row} records in a row"
        elif self.bad > self.share * max(self.good + self.bad, _SMALLEST_SAMPLE):
            told = f"{self.bad} of the last {self.good + self.bad} records"
        else:
            return
        raise BudgetExceededError(
            f"Halted: {told} could not be decided (last reason: {reason}). Nothing was skipped: "
            "mend the stage and restart it, or raise ORDERWING_POISON_SHARE or ORDERWING_POISON_CONSECUTIVE."
        )
