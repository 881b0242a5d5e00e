"""What the re-optimizer says, as records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

from orderwing.reoptimizer.pool import Pool
from orderwing.reoptimizer.replan import Look, Proposal
from orderwing.runtime.outputs import Outputs
from orderwing.runtime.trace_context import SpanContext
from orderwing_schemas.base import Event
from orderwing_schemas.codec import Headers, encode
from orderwing_schemas.domain import HeldLine
from orderwing_schemas.events.reoptimizer import PartChange, ProposalMade, WindowClosed

_CANDIDATES = 60  # that a proposal explains itself by
_PARTS = 50_000  # that a window names
_outputs = Outputs("reoptimizer", changelog="")


@dataclass(frozen=True)
class Message:
    key: bytes
    value: bytes
    headers: Headers


def proposal_id(window_id: str, proposal: Proposal) -> str:
    """It ends with the proposal's fingerprint, so that its answer tells what was refused."""
    return f"{window_id}:{proposal.fingerprint}"


def proposal_message(
    region: str, window_id: str, proposal: Proposal, now_ms: int, trace: SpanContext | None = None
) -> Message:
    """`trace` is that of the span that made it, if one is recorded."""
    event = ProposalMade(
        region=region,
        proposal_id=proposal_id(window_id, proposal),
        window_id=window_id,
        changes=tuple(
            PartChange(
                part_id=change.part.part_id,
                order_id=change.part.order_id,
                version=change.part.version,
                held=tuple(
                    HeldLine(line_id=take.line_id, sku=take.sku, site_id=take.site_id, quantity=take.quantity)
                    for take in change.takes
                ),
            )
            for change in proposal.changes
        ),
        expected_gain_minor=proposal.gain_minor,
        candidates=proposal.candidates[:_CANDIDATES],
        facts=proposal.facts,
    )
    message = _message(event, region, event.proposal_id, now_ms)
    if trace is None:
        return message
    return replace(message, headers=[*(h for h in message.headers if h[0] != "traceparent"), *trace.headers()])


def window_message(pool: Pool, look: Look, window_id: str, now_ms: int, solve_wall_ms: int) -> Message:
    event = WindowClosed(
        region=pool.region,
        window_id=window_id,
        at_ms=now_ms,
        pool=len(pool.parts),
        looked=look.looked,
        proposed=len(look.proposals),
        expected_gain_minor=look.gain_minor,
        solve_wall_ms=solve_wall_ms,
        part_ids=tuple(part.part_id for part in pool.parts[:_PARTS]),
    )
    return _message(event, pool.region, window_id, now_ms)


def _message(event: Event, key: str, cause: str, now_ms: int) -> Message:
    identity = blake2b(f"reoptimizer|{cause}".encode(), digest_size=16).hexdigest()
    return Message(key.encode(), encode(event), _outputs.headers(event, identity, now_ms))
