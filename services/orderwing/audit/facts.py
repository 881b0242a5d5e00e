"""The log as the auditor sees it: plain values with the identity their headers claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from orderwing.runtime.skipping import epoch_ms

DOORS = ("orders.inbound", "stock.inbound", "wms.inbound", "operations.inbound")  # where strangers write


@dataclass(frozen=True, slots=True)
class Fact:
    """One committed record. `value` is None where it is no JSON object; `now_ms` is the decision's domain time."""

    topic: str
    partition: int
    offset: int
    wall_ms: int
    type: str
    id: str
    source: str
    cause: str
    decision: str
    now_ms: int
    value: dict[str, Any] | None

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def body(self) -> dict[str, Any]:
        return self.value or {}


@dataclass(frozen=True, slots=True)
class Violation:
    """`kind` is one of KINDS; `subject` an order, shelf, part or place in the log."""

    kind: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {self.detail}"


KINDS = (
    "lost", "duplicated", "oversold", "stuck", "stock", "money", "capacity", "freeze", "rule", "ledger", "cost",
    "foreign",
)  # fmt: skip


def fact_of(
    topic: str,
    partition: int,
    offset: int,
    wall_ms: int,
    headers: Mapping[str, str],
    value: bytes | None,
) -> Fact:
    """A fact from a record. Of strangers' records only place and value count: they may claim to be anybody's."""
    body = _object(value)
    ours = {} if topic in DOORS else headers
    decision, _, cause = ours.get("decision", "").partition(" ")
    return Fact(
        topic=topic,
        partition=partition,
        offset=offset,
        wall_ms=wall_ms,
        type=headers.get("ce_type") or str((body or {}).get("type", "")),
        id=headers.get("ce_id", ""),
        source=ours.get("ce_source", ""),
        cause=cause or ours.get("cause", ""),  # a header of its own in logs of earlier versions
        decision=decision,
        now_ms=epoch_ms(ours.get("ce_time")),
        value=body,
    )


def _object(value: bytes | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        body = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


class History:
    """All facts by topic, ours also by type; each partition in its order."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.by_topic: dict[str, list[Fact]] = defaultdict(list)
        self.by_type: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            self.by_topic[fact.topic].append(fact)
            if fact.topic not in DOORS:
                self.by_type[fact.type].append(fact)

    def of(self, event_type: str) -> Iterator[dict[str, Any]]:
        """The values of one event type."""
        for fact in self.by_type.get(event_type, ()):
            yield fact.body

    def made_by(self, stage: str) -> Iterator[Fact]:
        source = f"/orderwing/{stage}"
        for facts in self.by_topic.values():
            for fact in facts:
                if fact.source == source:
                    yield fact
