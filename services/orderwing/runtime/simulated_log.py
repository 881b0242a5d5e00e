"""Logs and transactions of the simulated cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from orderwing.kernel.ports import Outgoing, Position, Record, TopicPartition


@dataclass(eq=False)
class Transaction:
    """`logs` are those it wrote to; `offsets` become the group's with the commit."""

    transactional_id: str
    began_ms: int
    timeout_ms: int
    state: Literal["open", "committed", "aborted"] = "open"
    logs: list[Log] = field(default_factory=list)
    group: str | None = None
    offsets: dict[TopicPartition, Position] = field(default_factory=dict)


class Log:
    """One partition. Offsets are never reused; markers take one each, as in Kafka."""

    def __init__(self, place: TopicPartition) -> None:
        self.place = place
        self.last_stable_offset = 0
        self._entries: list[tuple[Record | None, Transaction | None]] = []  # no record: a transaction's marker
        self._open: dict[Transaction, int] = {}  # with the offset of its first record here

    @property
    def high_watermark(self) -> int:
        return len(self._entries)

    def append(self, outgoing: Outgoing, wall_ms: int, transaction: Transaction | None = None) -> Record:
        one, offset = outgoing, len(self._entries)
        record = Record(one.topic, one.partition, offset, one.key, one.value, tuple(one.headers), wall_ms)
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = offset
            transaction.logs.append(self)
        self._entries.append((record, transaction))
        if not self._open:
            self.last_stable_offset = offset + 1
        return record

    def end(self, transaction: Transaction) -> None:
        """Write the marker; `transaction` has its final state."""
        del self._open[transaction]
        self._entries.append((None, transaction))
        self.last_stable_offset = min(self._open.values(), default=len(self._entries))

    def committed(self, begin: int, end: int) -> Iterator[Record]:
        """Records of finished, not aborted transactions and of none, from `begin` to the stable part of `end`."""
        for record, transaction in self._entries[begin : min(end, self.last_stable_offset)]:
            if record is not None and (transaction is None or transaction.state != "aborted"):
                yield record


@dataclass(eq=False, slots=True)
class Cursor:
    """Where a reader stands in a log. `known` once a record or an end has confirmed it."""

    log: Log
    next: int = 0
    known: bool = False
    paused: bool = False

    def take(self, limit: int) -> list[Record]:
        """At most `limit` committed records; the end is confirmed once it is reached."""
        taken = list(islice(self.log.committed(self.next, self.log.high_watermark), limit + 1))
        if len(taken) > limit:
            del taken[limit:]
            if taken:
                self.next, self.known = taken[-1].offset + 1, True
        else:
            self.next, self.known = max(self.next, self.log.last_stable_offset), True
        return taken
