"""What becomes of a batch: its rows taken over once it is committed, or everything as it was before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from orderwing.kernel.ports import Bus, Record, TopicPartition
from orderwing.runtime.attempt import Attempt
from orderwing.runtime.deadlines import Deadline
from orderwing.runtime.observer import Observer
from orderwing.runtime.partition import Partition

Due = Mapping[int, list[Deadline]]


def merge(partitions: Mapping[int, Partition], attempts: Sequence[Attempt], due: Due, observer: Observer) -> None:
    """The batch is committed."""
    for attempt in attempts:
        attempt.partition.merge(attempt.overlay.changes, attempt.number)
        for order_id in attempt.released:
            attempt.partition.deadlines.release(order_id)
    _put_back(partitions, due)
    for topic, n in sum([attempt.emitted for attempt in attempts], Counter()).items():
        observer.emitted(topic, n)
    for attempt in attempts:
        for letter in attempt.letters:
            observer.dead_lettered(letter)


def rewind(bus: Bus, partitions: Mapping[int, Partition], records: Sequence[Record], due: Due) -> None:
    """Back to the committed positions: nothing of the batch has happened."""
    for tp, offset in first_offsets(records).items():
        bus.seek(tp, offset)
    for partition in partitions.values():
        partition.stamped_ms.clear()
        partition.deadlines.rewound()
    _put_back(partitions, due)


def first_offsets(records: Iterable[Record]) -> dict[TopicPartition, int]:
    """Where those of each partition begin."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
    return first


def _put_back(partitions: Mapping[int, Partition], due: Due) -> None:
    """Those that are decided no longer stand in the heap; the others come again."""
    for number, deadlines in due.items():
        if number in partitions:
            partitions[number].deadlines.put_back(deadlines)
