"""The port between the runner and a bus: one group member with a transactional producer.

Two implementations pass one suite (`tests/contract`): `runtime.kafka` and `runtime.simulated`. No call waits for long:
what is not ready yet raises NotYetError, and the runner asks again in its next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

BEGINNING = -2  # in `seek`: the oldest record there is


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Position(NamedTuple):
    """The next offset to read, with the metadata committed beside it."""

    offset: int
    metadata: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """`timestamp_ms` is the broker's append time (wall clock)."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """`partition` is always explicit, so that both buses and every client agree."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class BusError(Exception):
    """Base of what a bus raises; raised itself for what an operator must mend, in one sentence."""


class NotYetError(BusError):
    """An open transaction is in the way: ask again."""


class RecordRefusedError(BusError):
    """The bus will never take this record (too large, ...): poison of whatever caused it. `outgoing` is the record."""

    def __init__(self, outgoing: Outgoing, reason: str) -> None:
        super().__init__(f"{outgoing.topic}: {reason}")
        self.outgoing = outgoing
        self.reason = reason


class TransactionAbortedError(BusError):
    """The transaction is over and nothing of it happened: drop the overlay, rewind, go on."""


class OutcomeUnknownError(BusError):
    """The commit may or may not have happened: restore from the log before anything else."""


class FencedError(BusError):
    """Another instance has taken over, or the producer is beyond repair: the process ends."""


Assigned = Callable[[Sequence[TopicPartition]], None]


class Reader(Protocol):
    """Reads committed records of some partitions from their beginning to given ends, apart from the group."""

    @property
    def done(self) -> bool:
        """All ends are reached; open transactions below an end keep it away."""
        ...

    @property
    def missing(self) -> Sequence[TopicPartition]:
        """Whose ends are not reached."""
        ...

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]: ...

    def close(self) -> None: ...


class Bus(Protocol):
    """Callbacks run inside `poll`, where no transaction is open. A call that raises leaves none open."""

    def subscribe(self, topics: Sequence[str], assigned: Assigned, revoked: Assigned) -> None:
        """Join the group. `assigned` gets all partitions this member has now, which are paused; `revoked` (also: lost)
        those it has no longer."""
        ...

    def poll(self, limit: int, timeout_s: float) -> Sequence[Record]:
        """At most `limit` committed records of resumed partitions; waits up to `timeout_s` for the first only."""
        ...

    @property
    def full(self) -> bool:
        """Whether the last `poll` brought as many records as it may: there are probably more."""
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue at `offset`; what was fetched beyond it is forgotten."""
        ...

    def position(self, partition: TopicPartition) -> int | None:
        """The offset after the last record polled, moved past transaction markers once the end is reached.

        None before the first record or end after a `seek` to the BEGINNING.
        """
        ...

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Position | None]:
        """The group's positions. Raises NotYetError while a transaction that holds one is pending."""
        ...

    def high_watermarks(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The ends of the logs, open transactions included (not the last stable offsets)."""
        ...

    def reader(self, ends: Mapping[TopicPartition, int]) -> Reader: ...

    def begin(self) -> None: ...

    def produce(self, outgoing: Outgoing) -> None:
        """Into the open transaction. Raises RecordRefusedError, here or at commit, and as `commit`."""
        ...

    def send_offsets(self, positions: Mapping[TopicPartition, Position]) -> None:
        """Raises TransactionAbortedError when this member is no longer of the group's generation, and as `commit`."""
        ...

    def commit(self) -> None:
        """Raises TransactionAbortedError, OutcomeUnknownError, FencedError, RecordRefusedError."""
        ...

    def commit_later(self, positions: Mapping[TopicPartition, Position]) -> Callable[[], float]:
        """`send_offsets` and `commit` while the caller goes on: it may poll, and nothing else of a transaction.

        What is returned is called once: it waits for the end, raises what those two raise, and tells the seconds
        since `begin`. A callback of the group calls it first.
        """
        ...

    def abort(self) -> None: ...

    def wall_ms(self) -> int: ...

    def close(self) -> None: ...
