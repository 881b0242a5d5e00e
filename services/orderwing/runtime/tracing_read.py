"""The journey of one order, from the files of spans that services have written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderwing.runtime.trace_context import trace_id_of

Otlp = dict[str, Any]


@dataclass(frozen=True)
class JourneySpan:
    """`parent` is None for a root. Times are wall nanoseconds."""

    span_id: str
    parent: str | None
    service: str
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    failed: bool

    @property
    def emitted(self) -> Sequence[str]:
        """Types of the events that it led to."""
        types: Sequence[str] = self.attributes.get("orderwing.emitted", ())
        return types


@dataclass(frozen=True)
class Journey:
    """All spans of an order's trace by time; `request` is the same as an OTLP/JSON `ExportTraceServiceRequest`."""

    order_id: str
    spans: Sequence[JourneySpan]
    request: Otlp

    def __post_init__(self) -> None:
        known = {span.span_id for span in self.spans}
        children: dict[str | None, list[JourneySpan]] = {}
        for span in self.spans:
            children.setdefault(span.parent if span.parent in known else None, []).append(span)
        object.__setattr__(self, "_children", children)

    def children(self, of: JourneySpan | None) -> Sequence[JourneySpan]:
        """In the order of their start; of None: the roots, and those whose parent is not there."""
        children: dict[str | None, list[JourneySpan]] = self.__dict__["_children"]
        return children.get(None if of is None else of.span_id, ())

    @property
    def missing(self) -> frozenset[str]:
        """Parents that no file tells of."""
        known = {span.span_id for span in self.spans}
        return frozenset(span.parent for span in self.spans if span.parent is not None and span.parent not in known)


def read_journey(directory: Path, order_id: str) -> Journey:
    """Without spans if nothing in the directory, or below it, tells of the order."""
    trace = trace_id_of(order_id)
    resources = list(_resources(sorted(directory.rglob("*.traces.jsonl")), trace))
    spans: dict[str, JourneySpan] = {}
    for resource in resources:
        service = _attributes(resource["resource"])["service.name"]
        for scope in resource["scopeSpans"]:
            for told in scope["spans"]:
                spans.setdefault(told["spanId"], _span(service, told))
    by_time = sorted(spans.values(), key=lambda span: (span.start_ns, span.end_ns))
    return Journey(order_id, by_time, {"resourceSpans": resources})


def traced_orders(directory: Path) -> Iterator[str]:
    """Orders whose acceptance was traced; some may come twice."""
    for file in sorted(directory.rglob("intake.*.traces.jsonl")):
        with file.open("rb") as lines:
            for line in lines:
                for span in _spans_of(line):
                    attributes = _attributes(span)
                    if "order.accepted.v1" in attributes.get("orderwing.emitted", ()):
                        yield attributes["orderwing.order_id"]


def _spans_of(line: bytes) -> Iterator[Otlp]:
    try:
        told = json.loads(line)
    except ValueError:
        return
    for resource in told["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            yield from scope["spans"]


def _resources(files: Iterable[Path], trace: str) -> Iterator[Otlp]:
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                if trace.encode() in line:
                    yield from _of_trace(line, trace)


def _of_trace(line: bytes, trace: str) -> Iterator[Otlp]:
    try:
        told = json.loads(line)
    except ValueError:
        return  # cut short by a full disk
    for resource in told["resourceSpans"]:
        scopes = []
        for scope in resource["scopeSpans"]:
            spans = [span for span in scope["spans"] if span["traceId"] == trace]
            if spans:
                scopes.append({**scope, "spans": spans})
        if scopes:
            yield {**resource, "scopeSpans": scopes}


def _span(service: str, told: Otlp) -> JourneySpan:
    return JourneySpan(
        span_id=told["spanId"],
        parent=told.get("parentSpanId"),
        service=service,
        name=told["name"],
        start_ns=int(told["startTimeUnixNano"]),
        end_ns=int(told["endTimeUnixNano"]),
        attributes=_attributes(told),
        failed=told.get("status", {}).get("code") == 2,
    )


def _attributes(told: Otlp) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in told.get("attributes", ())}


def _value(told: Mapping[str, Any]) -> Any:
    kind, value = next(iter(told.items()))
    match kind:
        case "intValue":
            return int(value)  # protobuf's JSON writes 64 bits as text
        case "arrayValue":
            return [_value(one) for one in value.get("values", ())]
        case _:
            return value
