"""Decisions as records: CloudEvents headers, the trace, the cause; rows as records of the changelog."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from orderwing.kernel.decision import Cause, Emit, event_ids
from orderwing.kernel.ports import Outgoing
from orderwing.kernel.row import Row
from orderwing.kernel.view import Reference
from orderwing.runtime.partitioning import partition_of
from orderwing.runtime.store import encode_row
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.base import Event
from orderwing_schemas.codec import Headers


class Form(NamedTuple):
    """What records of one kind of event have in common, and how their values are made."""

    headers: Headers
    to_json: Callable[[Event], bytes]


class Outputs:
    """Encodes what `stage` decides."""

    def __init__(self, stage: str, changelog: str) -> None:
        self._stage = stage
        self._changelog = changelog
        self._forms: dict[type[Event], Form] = {}
        self._now_ms = -1
        self._time = ("ce_time", b"")

    def emits(
        self,
        emits: tuple[Emit, ...],
        cause: Cause,
        number: int,
        now_ms: int,
        reference: Reference,
        span: DecisionSpan | None = None,
    ) -> list[Outgoing]:
        """Raises what an event that cannot be keyed, placed or encoded raises."""
        if span is not None:
            span.lead_to(emits)
        if not emits:
            return []
        why = str(cause)
        decision = ("decision", f"{number} {why}".encode())
        made = []
        for emit, identity in zip(emits, event_ids(self._stage, why, len(emits)), strict=True):
            topic, event = emit.topic, emit.event
            headers = self.headers(event, identity, now_ms, topic.name, span)
            headers.insert(0, decision)
            key = topic.key_of(event)
            value = self._forms[type(event)].to_json(event)
            made.append(Outgoing(topic.name, partition_of(topic, key, reference), key.encode(), value, headers))
        return made

    def headers(
        self, event: Event, identity: str, now_ms: int, topic: str = "", span: DecisionSpan | None = None
    ) -> Headers:
        """Attributes of CloudEvents, the type last: `codec.type_of` looks there first. With a `span` its context."""
        if now_ms != self._now_ms:  # of a batch most are the same
            moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
            self._now_ms, self._time = now_ms, ("ce_time", moment.encode())
        form = self._forms.get(type(event)) or self._form(type(event))
        subject = event.subject
        traced = () if span is None else span.headers(subject, identity, topic)
        if subject is None:
            return [self._time, ("ce_id", identity.encode()), *traced, *form.headers]
        return [self._time, ("ce_id", identity.encode()), ("ce_subject", subject.encode()), *traced, *form.headers]

    def _form(self, kind: type[Event]) -> Form:
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_source", f"/orderwing/{self._stage}".encode()),
            ("content-type", b"application/json"),
            ("ce_type", kind.EVENT_TYPE.encode()),
        ]
        form = self._forms[kind] = Form(headers, kind.__pydantic_serializer__.to_json)
        return form

    def row(self, changelog_key: str, row: Row | None, number: int, partition: int) -> Outgoing:
        """What must be known of a deadline without decoding its row stands in headers."""
        if row is None:
            return Outgoing(self._changelog, partition, changelog_key.encode(), None, [])
        headers: Headers = []
        if row.wake_at_ms is not None:
            headers = [("rev", b"%d" % number), ("wake", b"%d" % row.wake_at_ms)]
            if (order_id := getattr(row, "order_id", None)) is not None:
                headers.append(("order", order_id.encode()))
        return Outgoing(self._changelog, partition, changelog_key.encode(), encode_row(row), headers)
