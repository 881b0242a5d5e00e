"""One transaction: what a batch decided, the rows it changed and the positions it reached, or none of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from msgspec.structs import replace

from orderwing.kernel.decision import Cause
from orderwing.kernel.ports import Bus, Outgoing, Position, RecordRefusedError
from orderwing.runtime.attempt import Attempt
from orderwing.runtime.deciding import Decider, Refused
from orderwing.runtime.poison import ParkedRecord
from orderwing.runtime.store import changelog_key


def send(bus: Bus, decider: Decider, attempts: Sequence[Attempt]) -> Callable[[], float]:
    """Call what is returned to have the transaction end: the seconds that it took.

    If more is waiting it is ending already meanwhile. Both raise RecordRefusedError and what the bus's `commit` raises.
    """
    # 1. Encode, before anything is open.
    rows = [outgoing for attempt in attempts for outgoing in _rows(decider, attempt)]
    positions = {
        tp: Position(position, str(attempt.number))
        for attempt in attempts
        for tp in attempt.partition.inputs
        if (position := bus.position(tp)) is not None
    }
    began_s = perf_counter()
    # 2. Begin.
    bus.begin()
    # 3. What was decided, then the rows as the batch leaves them.
    produce = bus.produce
    for attempt in attempts:
        for item in attempt.items:
            for outgoing in item.outgoings:
                produce(outgoing)
    for outgoing in rows:
        produce(outgoing)
    # 4. Positions, timers' transactions too: without them a paused owner that lost its partition is not fenced.
    # 5. Commit.
    if bus.full:
        return bus.commit_later(positions)

    def end() -> float:
        bus.send_offsets(positions)
        bus.commit()
        return perf_counter() - began_s

    return end


def _rows(decider: Decider, attempt: Attempt) -> list[Outgoing]:
    """Raises RecordRefusedError for a row that cannot be encoded."""
    number = attempt.partition.number
    made = []
    for (kind, key), change in attempt.overlay.changes.items():
        name = changelog_key(kind, key)
        try:
            made.append(decider.outputs.row(name, change.row, change.number, number))
        except Exception as error:
            outgoing = Outgoing(decider.changelog, number, name.encode(), None, [])
            raise RecordRefusedError(outgoing, type(error).__name__) from error
    return made


def culprit(attempts: Sequence[Attempt], refused: Outgoing) -> tuple[Cause, bool]:
    """The cause of a record that the bus would not take, and whether that record is about poison itself."""
    for attempt in attempts:
        for item in attempt.items:
            if any(_same(outgoing, refused) for outgoing in item.outgoings):
                return item.cause, item.letter
        for (kind, key), change in attempt.overlay.changes.items():
            if attempt.partition.number == refused.partition and changelog_key(kind, key).encode() == refused.key:
                item = next(item for item in attempt.items if item.number == change.number)
                return item.cause, kind is ParkedRecord
    raise LookupError(f"{refused.topic}: a record was refused that nobody sent")


def _same(one: Outgoing, other: Outgoing) -> bool:
    """But for headers, which a bus that refuses a record need not tell."""
    return replace(one, headers=[]) == replace(other, headers=[])


def unmet(refused: Refused, attempts: Sequence[Attempt]) -> dict[tuple[Cause, bool], str]:
    """Refusals that the batch has not met; the others are dead letters now, and may be taken once redriven."""
    if any(attempt.redrives for attempt in attempts):
        return {}
    met = {item.cause for attempt in attempts for item in attempt.items}
    return {place: reason for place, reason in refused.items() if place[0] not in met}
