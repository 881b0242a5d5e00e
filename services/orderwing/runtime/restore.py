"""How partitions come back from the log after an assignment, whatever their former owner left open."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.kernel.ports import BEGINNING, Bus, NotYetError, Position, Reader, Record, TopicPartition
from orderwing.runtime.partition import Partition
from orderwing_schemas.codec import UndecodableError


class UnreadableReferenceError(Exception):
    """Reference data that this version cannot read: a sentence."""


def learn(partition: Partition, record: Record) -> None:
    """Take in a record of reference data. Raises UnreadableReferenceError."""
    try:
        partition.reference.apply(record)
    except UndecodableError as error:
        raise UnreadableReferenceError(
            f"Halted: {record.topic}/{record.partition}@{record.offset} is no reference data ({error.reason}): run the "
            "version that wrote it, or write another record of its key, and start the stage again."
        ) from None


class Restore:
    """Steps: committed positions; the logs' ends; all rows and reference data up to them; seek. Resuming is next."""

    def __init__(self, bus: Bus, partitions: Sequence[Partition], changelog: str, reference: str) -> None:
        self.partitions = partitions
        self.since_ms = bus.wall_ms()
        self._bus = bus
        self._changelog = changelog
        self._reference = reference
        self._committed: dict[TopicPartition, Position | None] | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._reader: Reader | None = None
        self._latest: dict[tuple[int, bytes | None], Record] = {}  # of reference data, by partition and key

    def step(self, timeout_s: float) -> bool:
        """Whether all is restored; what is in the way is asked for again at the next step.

        Raises UnreadableReferenceError where reference data cannot be read.
        """
        try:
            if self._committed is None:
                inputs = [tp for partition in self.partitions for tp in partition.inputs]
                # Answered only when no transaction of the former owner holds a position any longer.
                self._committed = dict(self._bus.committed(inputs))
            if self._reader is None:
                logs = [
                    TopicPartition(t, p.number) for p in self.partitions for t in (self._changelog, self._reference)
                ]
                # High watermarks: reading to the last stable offset would miss rows whose commit is under way.
                self._ends = dict(self._bus.high_watermarks(logs))
                self._reader = self._bus.reader(self._ends)
        except NotYetError:
            return False
        if not self._reader.done:
            self._read(self._reader, timeout_s)
        if not self._reader.done:
            return False
        self.close()
        self._finish(self._committed)
        return True

    @property
    def missing(self) -> Sequence[TopicPartition]:
        """Logs that are not read to their end, if it has come to that."""
        return () if self._reader is None else self._reader.missing

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _read(self, reader: Reader, timeout_s: float) -> None:
        by_number = {partition.number: partition for partition in self.partitions}
        for record in reader.poll(10_000, timeout_s):
            if record.topic == self._changelog:
                by_number[record.partition].load(record)
            else:
                # Of a key the last one counts, as after compaction: so an operator can write over a stranger's.
                self._latest.pop((record.partition, record.key), None)
                self._latest[record.partition, record.key] = record

    def _finish(self, committed: dict[TopicPartition, Position | None]) -> None:
        by_number = {partition.number: partition for partition in self.partitions}
        for record in self._latest.values():
            learn(by_number[record.partition], record)
        for partition in self.partitions:
            partition.loaded()
            for tp in partition.inputs:
                position = committed[tp]
                if position is not None:
                    partition.decisions = max(partition.decisions, int(position.metadata or 0))
                self._bus.seek(tp, BEGINNING if position is None else position.offset)
            reference = TopicPartition(self._reference, partition.number)
            self._bus.seek(reference, self._ends[reference])
