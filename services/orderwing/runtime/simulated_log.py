"""Logs and transactions of the simulated cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Entry:
    """`record` is None for the marker that ends a transaction in this log."""

    record: Record | None
    transaction: Transaction | None


class Log:
    """One partition. Offsets are never reused; markers take one each, as in Kafka."""

    def __init__(self, place: TopicPartition) -> None:
        self.place = place
        self.last_stable_offset = 0
        self._entries: list[_Entry] = []
        self._open: dict[Transaction, int] = {}  # with the offset of its first record here

    @property
    def high_watermark(self) -> int:
        return len(self._entries)

    def _settle(self) -> None:
        self.last_stable_offset = min(self._open.values(), default=len(self._entries))

    def append(self, outgoing: Outgoing, wall_ms: int, transaction: Transaction | None = None) -> Record:
        offset = len(self._entries)
        headers: tuple[tuple[str, bytes | None], ...] = tuple(outgoing.headers)
        record = Record(*self.place, offset, outgoing.key, outgoing.value, headers, wall_ms)
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = offset
            transaction.logs.append(self)
        self._entries.append(_Entry(record, transaction))
        self._settle()
        return record

    def end(self, transaction: Transaction) -> None:
        """Write the marker; `transaction` has its final state."""
        del self._open[transaction]
        self._entries.append(_Entry(None, transaction))
        self._settle()

    def committed(self, begin: int, end: int) -> Iterator[Record]:
        """Records of finished, not aborted transactions and of none, from `begin` to the stable part of `end`."""
        for place in range(begin, min(end, self.last_stable_offset)):
            entry = self._entries[place]
            aborted = entry.transaction is not None and entry.transaction.state == "aborted"
            if entry.record is not None and not aborted:
                yield entry.record
