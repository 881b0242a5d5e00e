"""The deadlines of one partition: which have passed, and which may be decided now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from orderwing.kernel.decision import DeadlineCause


class Deadline(NamedTuple):
    """`row` is the row's changelog key, `number` that of the decision that put it."""

    wake_at_ms: int
    row: str
    number: int
    order_id: str | None

    @property
    def cause(self) -> DeadlineCause:
        return DeadlineCause(self.row, self.wake_at_ms, self.number)


class Probe(NamedTuple):
    """The inputs' ends at a moment: what was in the queues before it is decided before deadlines up to it."""

    at_ms: int
    at_wall_ms: int
    ends: Mapping[str, int]


class Deadlines:
    """A heap with lazy deletion; `_current` has what each row really waits for."""

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._current: dict[str, Deadline] = {}
        self._waiting: dict[str, list[Deadline]] = {}  # by parked order
        self._probe: Probe | None = None
        self._decided_until_ms = -1

    def __len__(self) -> int:
        return len(self._current)

    def load(self, row: str, wake_at_ms: int | None, number: int, order_id: str | None) -> None:
        """As `set`, while restoring: call `loaded` at the end."""
        if wake_at_ms is None:
            self._current.pop(row, None)
        else:
            self._current[row] = Deadline(wake_at_ms, row, number, order_id)

    def loaded(self) -> None:
        self._heap = list(self._current.values())
        heapify(self._heap)

    def set(self, row: str, wake_at_ms: int | None, number: int, order_id: str | None) -> None:
        self.load(row, wake_at_ms, number, order_id)
        if wake_at_ms is not None:
            heappush(self._heap, self._current[row])

    def holds(self, deadline: Deadline) -> bool:
        """Whether its row still waits for it."""
        return self._current.get(deadline.row) == deadline

    def next_wake_ms(self) -> int | None:
        while self._heap and self._current.get(self._heap[0].row) != self._heap[0]:
            heappop(self._heap)
        return self._heap[0].wake_at_ms if self._heap else None

    def wants_probe(self, now_ms: int) -> bool:
        """Whether a deadline has passed of which it is not known what was in the queues before it."""
        wake = self.next_wake_ms()
        return self._probe is None and wake is not None and self._decided_until_ms < wake <= now_ms

    @property
    def probing(self) -> bool:
        return self._probe is not None

    def probed(self, probe: Probe) -> None:
        self._probe = probe

    def progress(self, position: Callable[[str], int | None], stamped_ms: Mapping[str, int]) -> None:
        """Settle the probe once each input's position has reached its end or a record stamped later was polled."""
        if self._probe is None:
            return
        for topic, end in self._probe.ends.items():
            if (position(topic) or 0) < end and stamped_ms.get(topic, -1) <= self._probe.at_wall_ms:
                return
        self._decided_until_ms = self._probe.at_ms
        self._probe = None

    def rewound(self) -> None:
        """The inputs went back: what was known of the queues holds no longer."""
        self._probe = None
        self._decided_until_ms = -1

    def has_due(self) -> bool:
        wake = self.next_wake_ms()
        return wake is not None and wake <= self._decided_until_ms

    def take_due(self, limit: int, waits: Callable[[Deadline], bool]) -> list[Deadline]:
        """At most `limit` due deadlines, earliest first; those that `waits` names are kept for `release`."""
        due: list[Deadline] = []
        while len(due) < limit and self.has_due():
            deadline = heappop(self._heap)
            if waits(deadline):
                self._waiting.setdefault(deadline.order_id or "", []).append(deadline)
            else:
                due.append(deadline)
        return due

    def put_back(self, deadlines: Iterable[Deadline]) -> None:
        for deadline in deadlines:
            if self._current.get(deadline.row) == deadline:
                heappush(self._heap, deadline)

    def release(self, order_id: str | None) -> None:
        """The order (or a deadline without one) waits no longer."""
        self.put_back(self._waiting.pop(order_id or "", ()))

    def passed(self, now_ms: int, limit: int = 1000) -> int:
        """How many deadlines have passed and are not decided, counted up to `limit`."""
        count, stack = 0, [0]
        while stack and count < limit:
            place = stack.pop()
            if place < len(self._heap) and self._heap[place].wake_at_ms <= now_ms:
                count += self._current.get(self._heap[place].row) == self._heap[place]
                stack += (2 * place + 1, 2 * place + 2)
        return count
