"""The port between the runner and a bus: one group member with a transactional producer.

Two implementations pass one suite (`tests/contract`): `runtime.kafka` and `runtime.simulated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Position(NamedTuple):
    """The next offset to read, with the metadata committed beside it."""

    offset: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """`timestamp_ms` is the broker's append time (wall clock)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`partition` is always explicit, so that both buses and every client agree."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class BusError(Exception):
    """Base of what a bus raises."""


class RecordRefusedError(BusError):
    """The bus will never take this record (too large, ...): poison of whatever caused it. `outgoing` is the record."""

    def __init__(self, outgoing: Outgoing, reason: str) -> None:
        super().__init__(f"{outgoing.topic}: {reason}")
        self.outgoing = outgoing


class TransactionAbortedError(BusError):
    """The transaction is over and nothing of it happened: drop the overlay, rewind, go on."""


class OutcomeUnknownError(BusError):
    """The commit may or may not have happened: restore from the log before anything else."""


class FencedError(BusError):
    """Another instance has taken over, or the producer is beyond repair: the process ends."""


Assigned = Callable[[Sequence[TopicPartition]], None]


class Bus(Protocol):
    """Callbacks run inside `poll`, where no transaction is open."""

    def subscribe(self, topics: Sequence[str], assigned: Assigned, revoked: Assigned) -> None:
        """Join the group. `assigned` and `revoked` (also: lost) get the partitions of all topics concerned."""
        ...

    def poll(self, limit: int, timeout_s: float) -> list[Record]:
        """At most `limit` committed records of resumed partitions; waits up to `timeout_s` for the first only."""
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue at `offset`; what was fetched beyond it is forgotten."""
        ...

    def position(self, partition: TopicPartition) -> int | None:
        """The offset after the last record polled, moved past transaction markers once the end is reached."""
        ...

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position | None]:
        """The group's positions; waits until no transaction that holds one is pending."""
        ...

    def high_watermark(self, partition: TopicPartition) -> int:
        """The end of the log, open transactions included."""
        ...

    def read(self, partition: TopicPartition, end: int) -> Iterator[Record]:
        """Committed records from the beginning up to `end` (a high watermark), apart from the group.

        Waits for open transactions below `end` to finish.
        """
        ...

    def begin(self) -> None: ...

    def produce(self, outgoing: Outgoing) -> None:
        """Into the open transaction. Raises RecordRefusedError, here or at commit."""
        ...

    def send_offsets(self, positions: Mapping[TopicPartition, Position]) -> None: ...

    def commit(self) -> None:
        """Raises TransactionAbortedError, OutcomeUnknownError, FencedError, RecordRefusedError (after aborting)."""
        ...

    def abort(self) -> None: ...

    def wall_ms(self) -> int: ...

    def close(self) -> None: ...
