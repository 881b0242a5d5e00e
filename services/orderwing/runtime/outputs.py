"""Decisions as records: CloudEvents headers, the trace, the cause; rows as records of the changelog."""

from __future__ import annotations

from datetime import UTC, datetime

from orderwing.kernel.decision import Cause, Emit, event_ids
from orderwing.kernel.ports import Outgoing
from orderwing.kernel.row import Row
from orderwing.kernel.view import Reference
from orderwing.runtime.partitioning import partition_of
from orderwing.runtime.store import encode_row
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode

Headers = list[tuple[str, bytes]]


class Outputs:
    """Encodes what `stage` decides."""

    def __init__(self, stage: str, changelog: str) -> None:
        self._stage = stage
        self._changelog = changelog
        self._fixed: dict[str, Headers] = {}
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
        made = []
        decision = ("decision", f"{number} {cause}".encode())
        for (topic, event), identity in zip(emits, event_ids(self._stage, cause, len(emits)), strict=True):
            key = topic.key_of(event)
            headers = [decision, *self.headers(event, identity, now_ms, topic.name, span)]
            made.append(Outgoing(topic.name, partition_of(topic, key, reference), key.encode(), encode(event), headers))
        return made

    def headers(
        self, event: Event, identity: str, now_ms: int, topic: str = "", span: DecisionSpan | None = None
    ) -> Headers:
        """Attributes of CloudEvents, the type last: `codec.type_of` looks there first. With a `span` its context."""
        if now_ms != self._now_ms:  # of a batch most are the same
            moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
            self._now_ms, self._time = now_ms, ("ce_time", moment.encode())
        subject = event.subject
        traced = [] if span is None else span.headers(subject, identity, topic)
        fixed = self._fixed.get(event.EVENT_TYPE) or self._fixed_headers(event.EVENT_TYPE)
        if subject is None:
            return [*traced, self._time, ("ce_id", identity.encode()), *fixed]
        return [*traced, self._time, ("ce_id", identity.encode()), ("ce_subject", subject.encode()), *fixed]

    def _fixed_headers(self, event_type: str) -> Headers:
        fixed = self._fixed[event_type] = [
            ("ce_specversion", b"1.0"),
            ("ce_source", f"/orderwing/{self._stage}".encode()),
            ("content-type", b"application/json"),
            ("ce_type", event_type.encode()),
        ]
        return fixed

    def row(self, changelog_key: str, row: Row | None, number: int, partition: int) -> Outgoing:
        """What must be known of a row without decoding it stands in headers."""
        headers = [("rev", b"%d" % number)]
        if row is None:
            return Outgoing(self._changelog, partition, changelog_key.encode(), None, headers)
        if row.wake_at_ms is not None:
            headers.append(("wake", b"%d" % row.wake_at_ms))
            if (order_id := getattr(row, "order_id", None)) is not None:
                headers.append(("order", order_id.encode()))
        return Outgoing(self._changelog, partition, changelog_key.encode(), encode_row(row), headers)
