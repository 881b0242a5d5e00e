"""Spans of decisions, after OpenTelemetry's conventions for messaging. Nothing of OpenTelemetry is loaded here.

What a record leads to is a `process` span, a child of the producer's context in the record's headers; what it emits
carries that span's context. Where an emitted record belongs to another trace than the decision (a receipt of stock
that fills ten orders), it carries a `create` span of its own trace, linked to the decision. Receiving a batch and
committing it is a span with a trace of its own, linked to the records' contexts: a batch has many parents, so none.
Spans are handed over after the commit; an aborted batch leaves none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

from orderwing.runtime.settings import Settings
from orderwing.runtime.trace_context import SpanContext, acceptance_of, span_id_of, trace_id_of
from orderwing.runtime.tracing_spans import Attributes, DecisionSpan, Span


def traces_file(run_dir: Path, service: str, instance: str) -> Path:
    return run_dir / f"{service}.{instance}.traces.jsonl"


@contextmanager
def tracing(service: str, settings: Settings) -> Iterator[Tracer | None]:
    """The service's tracer while it runs, None where nothing is exported. Raises OperatorError."""
    telemetry = settings.telemetry
    if telemetry.exporter == "none":
        yield None
        return
    open_tracer = import_module("orderwing.runtime.tracing_export").open_tracer
    with open_tracer(service, settings.runtime.instance, telemetry, settings.runtime.run_dir) as tracer:
        yield tracer


class Sink(Protocol):
    """Takes finished spans. Must not raise."""

    def export(self, spans: Sequence[Span]) -> None: ...

    def close(self) -> None:
        """Wait a little for what is still on its way."""
        ...


@dataclass
class Tracer:
    """One service's. `ratio` says of a trace id whether it is recorded; a record's own flag goes before it."""

    service: str
    sink: Sink
    ratio: Callable[[str], bool]

    def __post_init__(self) -> None:
        self.ratio = lru_cache(maxsize=8192)(self.ratio)

    def sampled_order(self, order_id: str) -> bool:
        return self.ratio(trace_id_of(order_id))

    def proposed(self, topic: str, identity: str, order_ids: Iterable[str], took_ns: int) -> Span | None:
        """What made the record `identity` for `topic`, in `took_ns` up to now: a trace of its own that is linked to
        the orders that it concerns, None unless one of them is recorded."""
        traced = [order_id for order_id in order_ids if self.sampled_order(order_id)]
        if not traced:
            return None
        context = SpanContext(trace_id_of(identity), span_id_of(self.service, identity))
        operation = {"messaging.operation.name": "create", "messaging.operation.type": "create"}
        place = {"messaging.system": "kafka", "messaging.destination.name": topic}
        told: Attributes = {**place, **operation, "orderwing.stage": self.service, "orderwing.order_ids": tuple(traced)}
        links = [SpanContext(trace_id_of(order_id), acceptance_of(order_id)) for order_id in traced]
        now_ns = time.time_ns()
        return Span(f"create {topic}", "producer", context, None, now_ns - took_ns, now_ns, told, links)

    def export(self, decisions: Iterable[DecisionSpan]) -> None:
        """For workers, which decide one record at a time."""
        if spans := [span for decision in decisions for span in decision.spans]:
            self.sink.export(spans)

    def committed(self, decisions: Sequence[DecisionSpan], batch: Batch) -> None:
        """The decisions of a transaction that is committed now."""
        links = [source for one in decisions if (source := one.source) is not None and source.sampled]
        spans = [span for one in decisions for span in one.spans]
        if not spans:
            return  # of traces that are not recorded
        first = decisions[0]
        trace = trace_id_of(f"batch|{self.service}|{first.partition}|{first.number}")
        context = SpanContext(trace, span_id_of(trace))
        for one in decisions:
            one.link_to(context)
        group = {"messaging.consumer.group.name": self.service, "orderwing.stage": self.service}
        messages = {"messaging.batch.message_count": batch.records, "orderwing.deadlines": batch.deadlines}
        operation = {"messaging.operation.name": "poll", "messaging.operation.type": "receive"}
        told: Attributes = {"messaging.system": "kafka", **operation, **group, **messages}
        now_ns = time.time_ns()
        events = (("decided", batch.decided_ns), ("committed", now_ns))
        name = f"poll {self.service}"
        spans.append(Span(name, "internal", context, None, batch.began_ns, now_ns, told, links, events))
        self.sink.export(spans)


@dataclass
class Batch:
    """What was received at once, and when it was decided."""

    records: int
    deadlines: int
    began_ns: int = field(default_factory=time.time_ns)
    decided_ns: int = 0

    def decided(self) -> None:
        self.decided_ns = time.time_ns()
