"""What a stage decides, and the identity of everything that follows from one cause."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import msgspec

from orderwing.kernel.row import Row
from orderwing_schemas.base import Event
from orderwing_schemas.topics import Topic


class Emit(msgspec.Struct, frozen=True, gc=False):
    topic: Topic
    event: Event


class Decision(msgspec.Struct, frozen=True):
    """Emits in their order; rows to keep; (kind, key) of rows to drop."""

    emits: tuple[Emit, ...] = ()
    puts: tuple[Row, ...] = ()
    drops: tuple[tuple[type[Row], str], ...] = ()


NOTHING = Decision()


class RecordCause(msgspec.Struct, frozen=True, gc=False):
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class DeadlineCause(msgspec.Struct, frozen=True, gc=False):
    """`revision` is the number of the decision that put the row: unique in its partition for ever."""

    row: str
    wake_at_ms: int
    revision: int

    def __str__(self) -> str:
        return f"{self.row}@{self.wake_at_ms}#{self.revision}"


Cause = RecordCause | DeadlineCause


def event_ids(stage: str, cause: str, many: int) -> list[str]:
    """Of all outputs of a decision, the same if it is repeated: a hash of who decided and why, and which it is."""
    hashed = _begun(stage).copy()
    hashed.update(cause.encode())
    decision = hashed.hexdigest()
    return [decision + position.to_bytes(3, "big").hex() for position in range(many)]


@lru_cache
def _begun(stage: str) -> blake2b:
    return blake2b(f"{stage}|".encode(), digest_size=13)


def letter_id(stage: str, cause: Cause) -> str:
    """Of the dead letter of a cause that cannot be decided."""
    return blake2b(f"{stage}|{cause}|-1".encode(), digest_size=16).hexdigest()
