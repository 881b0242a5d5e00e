"""What the views keep of each fact about an order."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """The short form, enough for state and timeline; its field in Redis is `stage/what`, so that no two clash.

    `offset` and `wall_ms` are the record's, `at_ms` is domain time. `ref` names a part, shipment or payment, `units`
    counts what `what` is about, `rest` holds what the state needs beside (waiting and declined units of a reservation).
    A plan has domain times: when it was promised, when it arrives and when it is frozen.
    """

    stage: str
    what: str
    offset: int
    wall_ms: int
    at_ms: int
    ref: str = ""
    units: int = 0
    rest: tuple[int, int] = (0, 0)
    note: str = ""
    promise_ms: int = 0
    arrival_ms: int = 0
    freeze_ms: int = 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Fact)


def encode_fact(fact: Fact) -> bytes:
    return _encoder.encode(fact)


def decode_fact(raw: bytes) -> Fact:
    return _decoder.decode(raw)
