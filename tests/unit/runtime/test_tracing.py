"""Contexts and spans as values; files and a collector as they are."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.kernel.decision import DeadlineCause, Emit, RecordCause
from orderwing.runtime.settings import Telemetry
from orderwing.runtime.trace_context import Origin, SpanContext, acceptance_of, origin, parse, trace_id_of
from orderwing.runtime.tracing import Batch, Tracer
from orderwing.runtime.tracing_export import open_tracer, sampler
from orderwing.runtime.tracing_read import read_journey, traced_orders
from orderwing.runtime.tracing_spans import DecisionSpan
from orderwing_schemas.events.intake import OrderDuplicated
from orderwing_schemas.topics import INTAKE_OUTCOMES, ORDERS_INBOUND, ORDERS_PLACED, SHIPMENTS_RELEASED, WMS_INBOUND

ORDER = "ORD-1"
TRACE = trace_id_of(ORDER)
FOREIGN = SpanContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True, b"shop=1")


class Nowhere:
    def export(self, spans: object) -> None: ...
    def close(self) -> None: ...


def tracer(ratio: float = 1.0, service: str = "gate") -> Tracer:
    return Tracer(service, Nowhere(), sampler(ratio))


def decision(told: Origin, topic: str = ORDERS_PLACED.name, *, raw: bool = False, ratio: float = 1.0) -> DecisionSpan:
    return DecisionSpan(tracer(ratio), "record", RecordCause(topic, 0, 7), 0, 1, told, raw=raw)


# --- contexts ----------------------------------------------------------------------------------------------------


def test_a_context_is_read_as_it_was_written() -> None:
    context = SpanContext(TRACE, "b7ad6b7169203331", False, b"a=1,b=2")
    assert origin([*context.headers(), ("ce_subject", ORDER.encode())]) == (context, ORDER)


@pytest.mark.parametrize(
    "told",
    [
        b"", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", b"ff" + FOREIGN.traceparent[2:],
        FOREIGN.traceparent + b"-x", FOREIGN.traceparent.upper(), FOREIGN.traceparent + b"\n",
        b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    ],
)  # fmt: skip
def test_what_is_no_context_is_none(told: bytes) -> None:
    assert parse(told) is None


def test_a_later_version_of_the_header_is_understood() -> None:
    context = parse(b"01" + FOREIGN.traceparent[2:] + b"-more", FOREIGN.state)
    assert context == FOREIGN


def test_a_subject_that_can_be_no_order_is_none() -> None:
    assert origin([("ce_subject", b"|what?")]).order_id is None


# --- decisions ---------------------------------------------------------------------------------------------------


def test_a_strangers_context_is_linked_and_does_not_decide_what_is_recorded() -> None:
    emits = [Emit(ORDERS_PLACED, OrderDuplicated(order_id=ORDER))]
    span = decision(Origin(FOREIGN, None), ORDERS_INBOUND.name, raw=True)
    context = span.lead_to(emits)
    span.done("decided")
    assert (context.trace_id, context.state, span.parent) == (TRACE, b"", None)
    assert [link for told in span.spans for link in told.links] == [FOREIGN]
    assert not decision(Origin(FOREIGN, None), ORDERS_INBOUND.name, raw=True, ratio=0.0).lead_to(emits).sampled


def test_a_warehouse_that_tells_our_context_back_continues_it_and_one_that_does_not_joins_the_acceptance() -> None:
    emits = [Emit(INTAKE_OUTCOMES, OrderDuplicated(order_id=ORDER))]
    ours = SpanContext(TRACE, "00f067aa0ba902b7", True, b"wms=1")
    for told, parent in ((ours, ours.span_id), (None, acceptance_of(ORDER))):
        span = decision(Origin(told, None), WMS_INBOUND.name, raw=True)
        assert span.lead_to(emits).trace_id == TRACE
        assert span.parent == parent


def test_what_one_cause_does_to_many_orders_is_told_in_each_ones_trace() -> None:
    cause = DeadlineCause("Wave:site|7", 9, 4)
    span = DecisionSpan(tracer(service="dispatch"), "deadline", cause, 2, 5, Origin(None, None))
    own = span.lead_to([Emit(SHIPMENTS_RELEASED, OrderDuplicated(order_id=f"ORD-{n}")) for n in (1, 2)])
    headers = [span.headers(f"ORD-{n}", f"{n}{n:031x}", SHIPMENTS_RELEASED.name) for n in (1, 2)]
    span.done("decided")

    mine, *created = span.spans
    assert (mine.context, mine.name, "site" in str(mine)) == (own, "deadline Wave", False)
    for n, (made, sent) in enumerate(zip(created, headers, strict=True), 1):
        assert origin(sent).context == made.context
        assert (made.context.trace_id, made.parent) == (trace_id_of(f"ORD-{n}"), acceptance_of(f"ORD-{n}"))
        assert list(made.links) == [own]


def test_the_share_is_chosen_by_the_trace_alone() -> None:
    orders = [f"ORD-{n}" for n in range(2_000)]
    few, more = tracer(0.1), tracer(0.3, "dispatch")
    chosen = {order for order in orders if few.sampled_order(order)}
    assert 130 < len(chosen) < 270
    assert chosen < {order for order in orders if more.sampled_order(order)}


def test_nothing_is_loaded_where_nothing_is_exported() -> None:
    told = (
        "import sys, orderwing.runtime.run_stage, orderwing.gateways.payments, orderwing.simulators.warehouse;"
        "sys.exit(any(name.partition('.')[0] == 'opentelemetry' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0


# --- on their way out --------------------------------------------------------------------------------------------


def export(traced: Tracer) -> list[DecisionSpan]:
    """An order's acceptance and what follows from it, each a transaction."""
    first = DecisionSpan(traced, "record", RecordCause(ORDERS_PLACED.name, 0, 7), 0, 1, Origin(None, ORDER))
    context = first.lead_to()
    second = DecisionSpan(traced, "record", RecordCause(INTAKE_OUTCOMES.name, 0, 8), 0, 2, Origin(context, ORDER))
    for span in (first, second):
        span.done("decided")
        traced.committed([span], Batch(1, 0))
    return [first, second]


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP receiver over HTTP: its address, and what it was sent."""
    received: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf":
                received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_collector_gets_the_spans(collector: tuple[str, list[ExportTraceServiceRequest]], tmp_path: Path) -> None:
    address, received = collector
    with open_tracer("intake", "a", Telemetry(exporter="otlp", endpoint=address, ratio=1.0), tmp_path) as traced:
        first, second = export(traced)

    spans = [s for request in received for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
    (resource,) = {str(r.resource.attributes) for request in received for r in request.resource_spans}
    assert '"intake"' in resource
    by_id = {span.span_id.hex(): span for span in spans}
    assert first.context is not None
    assert second.context is not None
    child = by_id[second.context.span_id]
    assert (child.trace_id.hex(), child.parent_span_id.hex()) == (TRACE, first.context.span_id)
    assert {s.name for s in spans} == {"process orders.placed", "process orders.rejected", "poll intake"}


def test_a_collector_that_is_away_stops_nobody(tmp_path: Path) -> None:
    telemetry = Telemetry(exporter="otlp", endpoint="http://127.0.0.1:1", ratio=1.0)
    with open_tracer("intake", "a", telemetry, tmp_path) as traced:
        export(traced)


def test_files_hold_journeys(tmp_path: Path) -> None:
    telemetry = Telemetry(exporter="file", ratio=1.0)
    with open_tracer("intake", "a", telemetry, tmp_path) as traced:
        first, second = export(traced)
    with (tmp_path / "intake.a.traces.jsonl").open("ab") as file:
        file.write(f'{{"cut short {TRACE}\n'.encode())
    with open_tracer("intake", "b", telemetry, tmp_path) as traced:
        export(traced)  # who took over after a crash tells some again

    journey = read_journey(tmp_path, ORDER)
    assert first.context is not None
    assert second.context is not None
    assert [span.span_id for span in journey.spans] == [first.context.span_id, second.context.span_id]
    assert [span.span_id for span in journey.children(journey.spans[0])] == [second.context.span_id]
    assert not journey.missing
    assert not list(traced_orders(tmp_path))  # none was accepted
    line = json.loads((tmp_path / "intake.a.traces.jsonl").read_text("utf-8").splitlines()[0])
    (span, batch) = line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (span["traceId"], span["kind"]) == (TRACE, 5)
    assert span["links"][0]["spanId"] == batch["spanId"]


def test_a_journey_is_printed_and_written(tmp_path: Path) -> None:
    with open_tracer("intake", "a", Telemetry(exporter="file", ratio=1.0), tmp_path) as traced:
        export(traced)
    run = CliRunner().invoke
    printed = run(app, ["trace", ORDER, "--dir", str(tmp_path)], env={"COLUMNS": "200"})
    assert printed.exit_code == 0
    assert "intake process orders.placed" in printed.output
    for name, begins in (("journey.json", '{\n "resourceSpans"'), ("journey.svg", "<svg ")):
        written = run(app, ["trace", ORDER, "--dir", str(tmp_path), "--out", str(tmp_path / name)])
        assert written.output.startswith("2 spans written")
        assert (tmp_path / name).read_text("utf-8").startswith(begins)
    for arguments, told in ((["ORD-2"], "No spans of an order ORD-2"), ([ORDER, "--out", "x.pdf"], "name it .json")):
        refused = run(app, ["trace", *arguments, "--dir", str(tmp_path)])
        assert refused.exit_code == 1
        assert told in refused.output
