"""W3C Trace Context as records carry it, and the ids of our own spans, each of which follows from what was decided.

Ids are hashes, not random: stages are pure, and a batch that is decided again after an abort, a fence or in a replay
must send the same bytes, `traceparent` included. An SDK's own spans draw theirs, so ours are made whole once the
transaction is committed.

- The trace of an order is a hash of the order's id: whoever has the one has the other, and a deadline, a wave or a
  receipt that moves an order on knows its trace without having kept it. A context that strangers send is restarted
  here (as W3C allows at the edge) and linked to, so that nobody outside decides what we record.
- The span of a decision is a hash of stage, partition and the decision's number, which is unique there for ever.
- The decision that accepts an order is the exception: its id is a hash of the order's id. It happens once for an
  order, so what comes later and has no context of the order's to continue is its child.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from orderwing_schemas.base import ID_PATTERN

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_STATE_BYTES = 512
_ORDER_ID = re.compile(ID_PATTERN)


class SpanContext(NamedTuple):
    """Ids in hexadecimal; `state` is the `tracestate` header as it came."""

    trace_id: str
    span_id: str
    sampled: bool = True
    state: bytes = b""

    @property
    def traceparent(self) -> bytes:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}".encode()

    def headers(self) -> list[tuple[str, bytes]]:
        found = [("traceparent", self.traceparent)]
        return [*found, ("tracestate", self.state)] if self.state else found


class Origin(NamedTuple):
    """What a record's headers say, also where it cannot be decoded. `order_id` is None unless it can be one."""

    context: SpanContext | None
    order_id: str | None


def parse(traceparent: bytes | None, state: bytes | None = None) -> SpanContext | None:
    """None for what W3C Trace Context says is none."""
    found = _TRACEPARENT.fullmatch(traceparent or b"")
    if found is None or found[1] == b"ff" or (found[1] == b"00" and found[5] is not None):
        return None
    trace_id, span_id = found[2].decode(), found[3].decode()
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    kept = state if state and len(state) <= _STATE_BYTES and state.isascii() else b""
    return SpanContext(trace_id, span_id, bool(int(found[4], 16) & 1), kept)


def origin(headers: Iterable[tuple[str, bytes | None]]) -> Origin:
    traceparent = state = subject = None
    for name, value in headers:
        if name == "traceparent":
            traceparent = value
        elif name == "tracestate":
            state = value
        elif name == "ce_subject" and value is not None:
            subject = value.decode("utf-8", "replace")
    order_id = subject if subject is not None and _ORDER_ID.fullmatch(subject) else None
    return Origin(None if traceparent is None else parse(traceparent, state), order_id)


@lru_cache(maxsize=8192)
def trace_id_of(subject: str) -> str:
    """The trace of an order, or of a cause that concerns none."""
    return blake2b(subject.encode(), digest_size=16).hexdigest()


def span_id_of(*parts: object) -> str:
    return blake2b("|".join(map(str, parts)).encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=8192)
def acceptance_of(order_id: str) -> str:
    """The span that accepted an order."""
    return span_id_of("accepted", order_id)
