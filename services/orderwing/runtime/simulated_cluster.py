"""A deterministic cluster in memory: what the simulator injects its faults into."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from orderwing.kernel.ports import BusError, Outgoing, Record, TopicPartition
from orderwing.runtime.simulated_group import Group
from orderwing.runtime.simulated_log import Log, Transaction

if TYPE_CHECKING:
    from orderwing.runtime.simulated import SimulatedBus


class Fault(StrEnum):
    """What an interruption makes of the call it interrupts."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    ABORT = "abort"
    UNKNOWN_COMMITTED = "unknown outcome, committed"
    UNKNOWN_ABORTED = "unknown outcome, aborted"


class SimulatedCrash(BaseException):
    """The process that uses the bus ends here, whatever it is doing."""


Interruption = Callable[[str, "SimulatedBus"], Fault | None]


class SimulatedCluster:
    """Time moves by `advance` alone. `rng` (if any) decides how much of which partition a poll sees.

    `interrupt(point, bus)` is called before `begin`, `send_offsets` and `commit`; it may let others run and time pass
    meanwhile (which makes a zombie of the caller), and may return a fault. `idle(seconds)` is called by a poll that
    finds nothing.
    """

    def __init__(self, wall_ms: int = 1_700_000_000_000, rng: random.Random | None = None) -> None:
        self.wall_ms = wall_ms
        self.rng = rng
        self.interrupt: Interruption = lambda point, bus: None
        self.idle: Callable[[float], None] = lambda seconds: None
        self.max_bytes: dict[str, int] = {}
        self.partitions: dict[str, int] = {}
        self.logs: dict[TopicPartition, Log] = {}
        self.groups: dict[str, Group] = {}
        self.epochs: dict[str, int] = {}
        self.changes = 0  # of what readers may see
        self._open: list[Transaction] = []
        self._members = 0

    def create_topic(self, name: str, partitions: int) -> None:
        """A topic that exists stays as it is."""
        if name not in self.partitions:
            self.partitions[name] = partitions
            places = [TopicPartition(name, number) for number in range(partitions)]
            self.logs.update((place, Log(place)) for place in places)

    def log(self, place: TopicPartition) -> Log:
        try:
            return self.logs[place]
        except KeyError:
            raise BusError(f"Topic {place.topic} is missing: run `orderwing topics apply`.") from None

    def group(self, name: str, session_timeout_ms: int = 6_000) -> Group:
        return self.groups.setdefault(name, Group(session_timeout_ms))

    def member_name(self, instance: str) -> str:
        self._members += 1
        return f"{instance}-{self._members:06d}"

    def advance(self, milliseconds: int) -> None:
        """Let time pass: silent members are evicted, old transactions aborted and their producers fenced."""
        self.wall_ms += milliseconds
        for group in self.groups.values():
            group.evict_silent(self.wall_ms)
        for transaction in list(self._open):
            if self.wall_ms - transaction.began_ms > transaction.timeout_ms:
                self.epochs[transaction.transactional_id] += 1
                self.finish(transaction, commit=False)

    def publish(self, outgoing: Outgoing) -> Record:
        """A record of an outside producer without transactions."""
        self.changes += 1
        return self.log(TopicPartition(outgoing.topic, outgoing.partition)).append(outgoing, self.wall_ms)

    def initialise(self, transactional_id: str) -> int:
        """A producer starts: whatever its predecessor left open is aborted, and the predecessor fenced."""
        for transaction in [t for t in self._open if t.transactional_id == transactional_id]:
            self.finish(transaction, commit=False)
        self.epochs[transactional_id] = self.epochs.get(transactional_id, -1) + 1
        return self.epochs[transactional_id]

    def begin(self, transactional_id: str, timeout_ms: int) -> Transaction:
        transaction = Transaction(transactional_id, self.wall_ms, timeout_ms)
        self._open.append(transaction)
        return transaction

    def finish(self, transaction: Transaction, *, commit: bool) -> None:
        self.changes += 1
        transaction.state = "committed" if commit else "aborted"
        self._open.remove(transaction)
        for log in transaction.logs:
            log.end(transaction)
        if commit and transaction.group is not None:
            self.group(transaction.group).offsets.update(transaction.offsets)

    def pending(self, group: str, partitions: Iterable[TopicPartition]) -> bool:
        """Whether an open transaction holds positions of these."""
        wanted = set(partitions)
        return any(t.group == group and not wanted.isdisjoint(t.offsets) for t in self._open)
