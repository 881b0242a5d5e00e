"""What a runner tells the outside about itself. Implementations must not raise and must be quick."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Letter(NamedTuple):
    """What may be told of a dead letter: nothing of the record itself. `record` is its place, `reason` a short code.

    `trace_id` is None where no spans are made.
    """

    dead_letter_id: str
    order_id: str | None
    trace_id: str | None
    record: str
    reason: str


class Observer(Protocol):
    """Counts are increments unless a method says that they are levels."""

    def batch_decided(self, records: int, seconds: float) -> None:
        """A batch of `records` (or due deadlines) was decided within `seconds`."""
        ...

    def committed(self, seconds: float) -> None:
        """A transaction was committed, `seconds` after it began."""
        ...

    def aborted(self) -> None: ...

    def emitted(self, topic: str, n: int) -> None:
        """`n` records for `topic` are in a transaction that was committed."""
        ...

    def dead_lettered(self, letter: Letter) -> None: ...

    def parked(self, n: int) -> None:
        """Level: records that wait behind a dead letter of their order."""
        ...

    def rows(self, n: int) -> None:
        """Level: rows kept by this process."""
        ...

    def deadlines_due(self, n: int) -> None:
        """Level: deadlines whose time has passed and that are not decided yet."""
        ...

    def lag(self, topic: str, partition: int, n: int) -> None:
        """Level: records between the committed position and the end of an input."""
        ...

    def policy(self, unusable: str) -> None:
        """Level: why the policy in force does not go with the network, so that the network's rules decide; or ""."""
        ...

    def state(self, ready: bool, halted: bool, message: str) -> None:
        """Level: `message` says why the runner is not ready, in one sentence."""
        ...


class SilentObserver:
    """Tells nobody."""

    def batch_decided(self, records: int, seconds: float) -> None: ...

    def committed(self, seconds: float) -> None: ...

    def aborted(self) -> None: ...

    def emitted(self, topic: str, n: int) -> None: ...

    def dead_lettered(self, letter: Letter) -> None: ...

    def parked(self, n: int) -> None: ...

    def rows(self, n: int) -> None: ...

    def deadlines_due(self, n: int) -> None: ...

    def lag(self, topic: str, partition: int, n: int) -> None: ...

    def policy(self, unusable: str) -> None: ...

    def state(self, ready: bool, halted: bool, message: str) -> None: ...
