"""Spans on their way out, by OpenTelemetry's SDK: to a collector, or to a file of OTLP/JSON lines."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.trace import SpanContext as OtelContext

from orderwing.runtime.errors import OperatorError
from orderwing.runtime.settings import Telemetry
from orderwing.runtime.trace_context import SpanContext
from orderwing.runtime.tracing import Sink, Tracer, traces_file
from orderwing.runtime.tracing_spans import Span

_KINDS = {"consumer": SpanKind.CONSUMER, "producer": SpanKind.PRODUCER, "internal": SpanKind.INTERNAL}
_SCOPE = InstrumentationScope("orderwing", version("orderwing"))
_IDS = ("traceId", "spanId", "parentSpanId")
_QUEUE = 32_768  # spans that wait for a slow collector; beyond it the oldest are dropped
_EXPORT_EVERY_MS = 1_000
_FLUSH_MS = 3_000


@contextmanager
def open_tracer(service: str, instance: str, telemetry: Telemetry, run_dir: Path) -> Iterator[Tracer]:
    """Raises OperatorError where the file cannot be written."""
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "orderwing",
            "service.instance.id": instance,
            "service.version": version("orderwing"),
        }
    )
    sink: Sink
    if telemetry.exporter == "file":
        sink = FileSink(telemetry.file or traces_file(run_dir, service, instance), resource)
    else:
        sink = OtlpSink(telemetry.endpoint, resource)
    try:
        yield Tracer(service, sink, sampler(telemetry.ratio))
    finally:
        sink.close()


def sampler(ratio: float) -> Callable[[str], bool]:
    """Whether a trace that begins here is recorded: by its id alone, so that every service says the same."""
    by_id = TraceIdRatioBased(ratio)

    def sampled(trace_id: str) -> bool:
        return by_id.should_sample(None, int(trace_id, 16), "").decision is Decision.RECORD_AND_SAMPLE

    return sampled


class FileSink:
    """Each call is one line, an `ExportTraceServiceRequest`, written before it returns: a killed process has told what
    it has committed, up to its last transaction."""

    def __init__(self, path: Path, resource: Resource) -> None:
        self._resource = resource
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise OperatorError(f"{path} cannot be written ({error.strerror}): set ORDERWING_TELEMETRY_FILE.") from None

    def export(self, spans: Sequence[Span]) -> None:
        line = otlp_json([readable(span, self._resource) for span in spans])
        try:
            os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError:
            return  # a full disk must not stop orders

    def close(self) -> None:
        os.close(self._file)


class OtlpSink:
    """Spans go to a collector by OTLP over HTTP (protobuf), from a thread of the SDK's: nothing waits for it."""

    def __init__(self, endpoint: str, resource: Resource) -> None:
        self._resource = resource
        self._processor = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_FLUSH_MS / 1000),
            max_queue_size=_QUEUE,
            schedule_delay_millis=_EXPORT_EVERY_MS,
        )

    def export(self, spans: Sequence[Span]) -> None:
        for span in spans:
            self._processor.on_end(readable(span, self._resource))

    def close(self) -> None:
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def readable(span: Span, resource: Resource) -> ReadableSpan:
    parent = None if span.parent is None else _context(span.context._replace(span_id=span.parent), remote=True)
    return ReadableSpan(
        span.name,
        context=_context(span.context),
        parent=parent,
        resource=resource,
        attributes=span.attributes,
        events=[Event(name, timestamp=at_ns) for name, at_ns in span.events],
        links=[Link(_context(link, remote=True)) for link in span.links],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(context: SpanContext, *, remote: bool = False) -> OtelContext:
    state = TraceState.from_header([context.state.decode("ascii")]) if context.state else None
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return OtelContext(int(context.trace_id, 16), int(context.span_id, 16), remote, flags, state)


def otlp_json(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """An `ExportTraceServiceRequest` as OTLP/JSON has it: protobuf's JSON, but ids in hexadecimal, enums as numbers."""
    told: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for resource in told["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for carrier in (span, *span.get("links", ())):
                    for name in _IDS:
                        if name in carrier:
                            carrier[name] = b64decode(carrier[name]).hex()
    return told
