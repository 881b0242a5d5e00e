"""Dead letters of all stages, and an operator's word on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.operator_log import OperatorLog, outgoing
from orderwing.runtime.skipping import event_in
from orderwing_schemas.events.operations import DeadLettered, DeadLetterSettled
from orderwing_schemas.topics import STAGES, control, dead_letters

Action = Literal["redrive", "drop"]
_WRITER = "dead-letters"


@dataclass(frozen=True)
class DeadLetter:
    """`settled` is the operator's last word; one that was redriven and failed again is open again."""

    letter: DeadLettered
    settled: Action | None = None

    @property
    def place(self) -> str:
        return f"{self.letter.topic}/{self.letter.partition}/{self.letter.offset}"


def find_all(bootstrap: Cluster, stages: Sequence[str] = STAGES) -> list[DeadLetter]:
    """Dead letters in the order of their time, settled ones included."""
    with OperatorLog(bootstrap, _WRITER) as log:
        found = _letters(log, stages)
    return sorted(found, key=lambda dead: (dead.letter.at_ms, dead.letter.dead_letter_id))


def settle(bootstrap: Cluster, dead_letter_id: str, action: Action, *, dry_run: bool = False) -> DeadLetter:
    """Tell the stage to redrive or drop a dead letter; with `dry_run` only find it. Raises OperatorError."""
    with OperatorLog(bootstrap, _WRITER) as log:
        dead = _find(log, dead_letter_id)
        if dead.settled is not None:
            raise OperatorError(f"Dead letter {dead_letter_id} is settled already ({dead.settled}).")
        if not dry_run:
            event = DeadLetterSettled(dead_letter_id=dead_letter_id, order_id=dead.letter.order_id, action=action)
            # The stage's rows about it lie in the partition of the record; all its inputs are partitioned alike.
            log.write([outgoing(control(dead.letter.stage).name, dead.letter.partition, dead_letter_id, event)])
    return dead


def find(bootstrap: Cluster, dead_letter_id: str) -> DeadLetter:
    """Raises OperatorError when there is none of that id."""
    with OperatorLog(bootstrap, _WRITER) as log:
        return _find(log, dead_letter_id)


def _find(log: OperatorLog, dead_letter_id: str) -> DeadLetter:
    for dead in _letters(log, STAGES):
        if dead.letter.dead_letter_id == dead_letter_id:
            return dead
    raise OperatorError(f"There is no dead letter {dead_letter_id}: see `orderwing dead-letters list`.")


def _letters(log: OperatorLog, stages: Sequence[str]) -> list[DeadLetter]:
    letters: dict[str, list[DeadLettered]] = {}
    words: dict[str, list[Action]] = {}
    for record in log.read_topics([make(stage).name for stage in stages for make in (dead_letters, control)]):
        event = event_in(record)
        if isinstance(event, DeadLettered):
            letters.setdefault(event.dead_letter_id, []).append(event)
        elif isinstance(event, DeadLetterSettled):
            words.setdefault(event.dead_letter_id, []).append(event.action)
    return [
        DeadLetter(told[-1], said[-1] if len(said := words.get(name, [])) >= len(told) else None)
        for name, told in letters.items()
    ]
