"""Decisions as records: CloudEvents headers, the trace, the cause; rows as records of the changelog."""

from __future__ import annotations

from datetime import UTC, datetime

from orderwing.kernel.decision import Cause, Emit, event_id
from orderwing.kernel.ports import Outgoing
from orderwing.kernel.row import Row
from orderwing.kernel.view import Reference
from orderwing.runtime.partitioning import partition_of
from orderwing.runtime.store import encode_row
from orderwing.runtime.trace_context import trace_id_of
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode


class Outputs:
    """Encodes what `stage` decides."""

    def __init__(self, stage: str, changelog: str) -> None:
        self._stage = stage
        self._changelog = changelog
        self._fixed: dict[str, list[tuple[str, bytes]]] = {}
        self._now_ms = -1
        self._now: tuple[tuple[str, bytes], tuple[str, bytes]] = (("ce_time", b""), ("now", b""))

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
        made: list[Outgoing] = []
        if not emits:
            return made
        why = str(cause)
        told = (("cause", why.encode()), ("decision", b"%d" % number), self._times(now_ms)[1])
        for position, (topic, event) in enumerate(emits):
            key = topic.key_of(event)
            headers = self.headers(event, event_id(self._stage, why, position), now_ms, topic.name, span)
            headers.extend(told)
            made.append(Outgoing(topic.name, partition_of(topic, key, reference), key.encode(), encode(event), headers))
        return made

    def headers(
        self, event: Event, identity: str, now_ms: int, topic: str = "", span: DecisionSpan | None = None
    ) -> list[tuple[str, bytes]]:
        """Without a `span` the trace is told all the same, for logs, and that nobody records it."""
        subject = event.subject
        headers = [
            *self._fixed_headers(event.EVENT_TYPE),
            ("ce_id", identity.encode()),
            self._times(now_ms)[0],
        ]
        if span is None:
            headers.append(("traceparent", f"00-{trace_id_of(subject or identity)}-{identity[:16]}-00".encode()))
        else:
            headers.extend(span.headers(subject, identity, topic))
        if subject is not None:
            headers.append(("ce_subject", subject.encode()))
        return headers

    def _times(self, now_ms: int) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
        """Of a batch most are the same."""
        if now_ms != self._now_ms:
            moment = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
            self._now_ms, self._now = now_ms, (("ce_time", moment.encode()), ("now", b"%d" % now_ms))
        return self._now

    def _fixed_headers(self, event_type: str) -> list[tuple[str, bytes]]:
        fixed = self._fixed.get(event_type)
        if fixed is None:
            fixed = self._fixed[event_type] = [
                ("ce_specversion", b"1.0"),
                ("ce_type", event_type.encode()),
                ("ce_source", f"/orderwing/{self._stage}".encode()),
                ("content-type", b"application/json"),
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
