"""What has been fetched, handed out one partition at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from orderwing.kernel.ports import TopicPartition


class Fetched(Protocol):
    """As the client's messages are."""

    def topic(self) -> str | None: ...

    def partition(self) -> int | None: ...

    def offset(self) -> int | None: ...


M = TypeVar("M", bound=Fetched)


class Turns(Generic[M]):
    """Messages wait by the number of their partition; the number that has waited longest is next, with all it has.

    Outputs go mostly to partitions of the same number, and the client sends one request for each partition, the broker
    writes one marker into each. A batch of one number costs a fraction of one of the same size across all numbers.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[M]] = {}
        self.count = 0

    def add(self, messages: Iterable[M]) -> None:
        for message in messages:
            self._waiting.setdefault(message.partition() or 0, []).append(message)
            self.count += 1

    def take(self) -> Sequence[M]:
        number = next(iter(self._waiting), None)
        taken = [] if number is None else self._waiting.pop(number)
        self.count -= len(taken)
        return taken

    def forget(self, place: TopicPartition) -> int | None:
        """The offset of the first message that will not be handed out; None if there is none."""
        waiting = self._waiting.pop(place.partition, [])
        kept = [message for message in waiting if message.topic() != place.topic]
        self.count -= len(waiting) - len(kept)
        if kept:
            self._waiting[place.partition] = kept
        return next((message.offset() for message in waiting if message.topic() == place.topic), None)

    def clear(self) -> None:
        self._waiting.clear()
        self.count = 0
