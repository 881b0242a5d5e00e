"""An answer's envelope."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from orderwing_schemas.events.payments import PaymentAnswered

NAME = "payment_gateway"


def answer_headers(answer: PaymentAnswered, trace: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """CloudEvents attributes; the id is the same for every repetition of one answer."""
    told = f"{NAME}|{answer.idempotency_key}|{answer.outcome}".encode()
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", blake2b(told, digest_size=16).hexdigest().encode()),
        ("ce_source", f"/orderwing/{NAME}".encode()),
        ("ce_type", answer.EVENT_TYPE.encode()),
        ("ce_subject", answer.order_id.encode()),
        ("content-type", b"application/json"),
        *trace,
    ]
