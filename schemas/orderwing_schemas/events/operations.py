"""What the runner writes about itself: dead letters, and the operator's word on them."""

from __future__ import annotations

from typing import Literal

from orderwing_schemas.base import EpochMs, Event


class DeadLettered(Event):
    """A record that could not be decoded or decided, with its original bytes (base64) and where it came from."""

    type: Literal["record.dead_lettered.v1"] = "record.dead_lettered.v1"
    dead_letter_id: str
    stage: str
    order_id: str | None
    topic: str
    partition: int
    offset: int
    reason: str
    traceback: str
    key_base64: str | None
    value_base64: str | None
    headers: tuple[tuple[str, str], ...]
    at_ms: EpochMs


class DeadLetterSettled(Event):
    """Redrive: decide it again, then all parked behind it. Drop: forget it, decide those parked behind it."""

    type: Literal["dead_letter.settled.v1"] = "dead_letter.settled.v1"
    dead_letter_id: str
    order_id: str | None
    action: Literal["redrive", "drop"]
