"""What a runner keeps of one partition of its stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderwing.kernel.ports import Record, TopicPartition
from orderwing.kernel.row import Row
from orderwing.kernel.stage import Stage
from orderwing.runtime.deadlines import Deadline, Deadlines
from orderwing.runtime.poison import ParkedRecord, waiting_group
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.store import Change, Store, changelog_key


class Partition:
    """`decisions` counts what was ever decided here; it is committed as the metadata of the inputs' positions."""

    def __init__(self, number: int, stage: Stage, inputs: Sequence[str]) -> None:
        self.number = number
        self._stage = stage.name
        self.inputs = [TopicPartition(topic, number) for topic in inputs]
        self.reference = ReferenceTable()
        self.store = Store((*stage.rows, ParkedRecord))
        self.deadlines = Deadlines()
        self.decisions = 0
        self.stamped_ms: dict[str, int] = {}  # by input, the time of the last record decided
        self._timed = frozenset(stage.deadlines)
        self._timed_names = frozenset(kind.__name__ for kind in stage.deadlines)

    @property
    def parked(self) -> int:
        return len(self.store.tables[ParkedRecord])

    def waits(self, deadline: Deadline) -> bool:
        """Whether its order is parked, or it is a dead letter itself."""
        table = self.store.tables[ParkedRecord]
        return len(table) > 0 and bool(table.keys(waiting_group(self._stage, deadline)))

    def load(self, record: Record) -> None:
        """One record of the changelog, while restoring. Raises UnknownKindError."""
        key = (record.key or b"").decode()
        self.store.load(key, record.value)
        if key.partition(":")[0] in self._timed_names:
            headers = dict(record.headers)
            wake, order = headers.get("wake"), headers.get("order")
            self.deadlines.load(
                key,
                None if wake is None or record.value is None else int(wake),
                int(headers.get("rev") or 0),
                None if order is None else order.decode(),
            )

    def loaded(self) -> None:
        self.deadlines.loaded()

    def merge(self, changes: Mapping[tuple[type[Row], str], Change], decisions: int) -> None:
        """Take over what a committed batch changed."""
        self.decisions = decisions
        self.store.merge(changes.items())
        if not self._timed:
            return
        for (kind, key), change in changes.items():
            if kind in self._timed:
                wake = None if change.row is None else change.row.wake_at_ms
                order_id = getattr(change.row, "order_id", None)
                self.deadlines.set(changelog_key(kind, key), wake, change.number, order_id)
