"""What becomes a span: one decision, from the record that caused it to the records that it leads to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from orderwing.kernel.decision import Cause, DeadlineCause, Emit, RecordCause
from orderwing.runtime.trace_context import Origin, SpanContext, acceptance_of, span_id_of, trace_id_of
from orderwing_schemas.topics import ORDERS_ACCEPTED, ORDERS_INBOUND, ORDERS_PLACED

Kind = Literal["consumer", "producer", "internal"]
Attributes = dict[str, str | int | Sequence[str]]
_OPENING = (ORDERS_INBOUND.name, ORDERS_PLACED.name)  # nothing of an order comes before its records there


@dataclass(slots=True)
class Span:
    """`parent` is a span of the same trace. Times are wall nanoseconds; `error` is a short code."""

    name: str
    kind: Kind
    context: SpanContext
    parent: str | None
    start_ns: int
    end_ns: int
    attributes: Attributes
    links: Sequence[SpanContext] = ()
    events: Sequence[tuple[str, int]] = ()
    error: str | None = None


class Service(Protocol):
    """`ratio` says of a trace id whether a trace that begins here is recorded."""

    @property
    def service(self) -> str: ...
    @property
    def ratio(self) -> Callable[[str], bool]: ...


class DecisionSpan:
    """One decision on the way: `lead_to` its emits, give each its `headers`, then `done`.

    `raw`: the record is a stranger's, whose word on sampling does not count. `number` is unique in `partition`; None in
    a worker, which may tell of one record twice. `earlier` is the number of the decision that parked the same cause.
    """

    __slots__ = (
        "_created",
        "_earlier",
        "_kind",
        "_origin",
        "_raw",
        "_span",
        "_stamped_ms",
        "_start_ns",
        "_tracer",
        "cause",
        "context",
        "number",
        "order_id",
        "parent",
        "partition",
        "types",
    )  # fmt: skip

    def __init__(
        self,
        tracer: Service,
        kind: str,
        cause: Cause,
        partition: int,
        number: int | None,
        origin: Origin,
        stamped_ms: int | None = None,
        raw: bool = False,
        earlier: int | None = None,
    ) -> None:
        self._tracer = tracer
        self._kind = kind
        self._origin = origin
        self._raw = raw
        self._earlier = earlier
        self._stamped_ms = stamped_ms
        self._start_ns = time.time_ns()
        self._span: Span | None = None
        self._created: list[Span] = []
        self.cause = cause
        self.partition = partition
        self.number = number
        self.order_id = None if raw else origin.order_id
        self.context: SpanContext | None = None
        self.parent: str | None = None
        self.types: list[str] = []

    @property
    def source(self) -> SpanContext | None:
        """The producer's context."""
        return self._origin.context

    @property
    def spans(self) -> list[Span]:
        return [*([] if self._span is None else [self._span]), *self._created]

    # --- where it stands -------------------------------------------------------------------------------------------

    def lead_to(self, emits: Sequence[Emit] = ()) -> SpanContext:
        """Its context, which is known once its emits are."""
        if self._raw and emits:
            self.order_id = emits[0].event.subject
        order_id, source = self.order_id, self._origin.context
        if order_id is not None:
            trace = trace_id_of(order_id)
        elif source is not None and not self._raw:
            trace = source.trace_id
        else:
            trace = trace_id_of(f"{self._tracer.service}|{self.cause}")
        inherits = source is not None and source.trace_id == trace
        if source is not None and inherits:
            self.parent = source.span_id
            sampled = self._tracer.ratio(trace) if self._raw else source.sampled
        else:
            self.parent = None if order_id is None or self._opens else acceptance_of(order_id)
            sampled = self._tracer.ratio(trace)
        state = source.state if source is not None and inherits else b""
        self.context = SpanContext(trace, self._identity(emits), sampled, state)
        self.types = [emit.event.EVENT_TYPE for emit in emits]
        self._created.clear()
        return self.context

    @property
    def _opens(self) -> bool:
        return isinstance(self.cause, RecordCause) and self.cause.topic in _OPENING

    def _identity(self, emits: Sequence[Emit]) -> str:
        if self.order_id is not None and any(emit.topic is ORDERS_ACCEPTED for emit in emits):
            return acceptance_of(self.order_id)
        return self._own_id(self.number)

    def _own_id(self, number: int | None) -> str:
        what = self.cause if number is None else f"{self.partition}|{number}"
        return span_id_of(self._tracer.service, what)

    # --- what it leads to ------------------------------------------------------------------------------------------

    def headers(self, subject: str | None, identity: str, topic: str) -> list[tuple[str, bytes]]:
        """Of a record about the order `subject` (or none) with the CloudEvents id `identity`."""
        own = self.context or self.lead_to()
        trace = own.trace_id if subject is None else trace_id_of(subject)
        if trace == own.trace_id:
            return own.headers()
        created = SpanContext(trace, span_id_of(identity), self._tracer.ratio(trace))
        if subject is not None and created.sampled:
            self._create(created, subject, topic)
        return created.headers()

    def _create(self, context: SpanContext, order_id: str, topic: str) -> None:
        operation = {"messaging.operation.name": "create", "messaging.operation.type": "create"}
        place = {"messaging.system": "kafka", "messaging.destination.name": topic}
        told: Attributes = {**place, **operation, "orderwing.order_id": order_id, **self._stage()}
        links = [self.context] if self.context is not None and self.context.sampled else []
        start_ns = self._start_ns
        parent = acceptance_of(order_id)
        self._created.append(
            Span(f"create {topic}", "producer", context, parent, start_ns, time.time_ns(), told, links)
        )

    def done(self, outcome: str, error: str | None = None, **more: str | int) -> None:
        """`outcome` and `error` are short codes that hold nothing of the record."""
        context = self.context or self.lead_to()
        if not context.sampled:
            return
        told: Attributes = {**self._place(), **self._stage(), "orderwing.outcome": outcome}
        if self.order_id is not None:
            told["orderwing.order_id"] = self.order_id
        if self._stamped_ms is not None:
            told["orderwing.queued_ms"] = max(0, self._start_ns // 1_000_000 - self._stamped_ms)
        told |= more
        if self.types and error is None:
            told["orderwing.emitted"] = tuple(dict.fromkeys(self.types))
        name, kind = self._name()
        now_ns = time.time_ns()
        self._span = Span(name, kind, context, self.parent, self._start_ns, now_ns, told, self._links(), error=error)

    def link_to(self, batch: SpanContext) -> None:
        if self._span is not None:
            self._span.links = (*self._span.links, batch)

    def _links(self) -> list[SpanContext]:
        links = []
        if self.source is not None and self.source.span_id != self.parent:
            links.append(self.source)
        if self._earlier is not None and self.context is not None:
            links.append(self.context._replace(span_id=self._own_id(self._earlier)))
        return links

    def _stage(self) -> Mapping[str, str | int]:
        told: dict[str, str | int] = {"orderwing.stage": self._tracer.service, "orderwing.decision": self._kind}
        return told if self.number is None else {**told, "orderwing.decision.number": self.number}

    def _name(self) -> tuple[str, Kind]:
        if isinstance(self.cause, DeadlineCause):
            return f"deadline {self.cause.row.partition(':')[0]}", "internal"
        return f"process {self.cause.topic}", "consumer"

    def _place(self) -> Mapping[str, str | int]:
        cause = self.cause
        if isinstance(cause, DeadlineCause):  # the row's key may name a customer
            return {"orderwing.deadline": cause.row.partition(":")[0], "orderwing.wake_at_ms": cause.wake_at_ms}
        return {
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": cause.topic,
            "messaging.destination.partition.id": str(cause.partition),
            "messaging.kafka.offset": cause.offset,
            "messaging.consumer.group.name": self._tracer.service,
        }
