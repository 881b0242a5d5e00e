"""What real shops get wrong, each at a stated small rate. A fault turns a sound order into the values to send."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from orderwing_schemas.codec import encode
from orderwing_schemas.events.public import OrderPlaced

Spoil = Callable[[OrderPlaced, Random], list[bytes]]


@dataclass(frozen=True)
class Fault:
    """`share` of all order ids; `answer` is the reason or outcome that the pipeline owes for it."""

    name: str
    share: float
    answer: str
    spoil: Spoil


def _changed(order: OrderPlaced, change: Callable[[dict[str, Any]], object]) -> bytes:
    document: dict[str, Any] = json.loads(encode(order))
    change(document)
    return json.dumps(document).encode()


def _duplicate(order: OrderPlaced, _: Random) -> list[bytes]:
    return [encode(order)] * 2


def _conflict(order: OrderPlaced, _: Random) -> list[bytes]:
    return [encode(order), _changed(order, lambda document: document.update(one_box=not order.one_box))]


def _unknown_sku(order: OrderPlaced, random: Random) -> list[bytes]:
    line = random.randrange(len(order.lines))
    return [_changed(order, lambda document: document["lines"][line].update(sku=f"GONE-{random.randrange(100):03}"))]


def _bad_address(order: OrderPlaced, _: Random) -> list[bytes]:
    return [_changed(order, lambda document: document["personal"].update(city="Nowhereville", country="GB"))]


def _broken_json(order: OrderPlaced, random: Random) -> list[bytes]:
    value = encode(order)
    return [value[: random.randrange(1, len(value))]]


def _bad_promotion(order: OrderPlaced, _: Random) -> list[bytes]:
    return [
        _changed(order, lambda document: document["lines"][0].update(discount_minor=order.lines[0].discount_minor + 1))
    ]


def _bad_payment(order: OrderPlaced, _: Random) -> list[bytes]:
    return [_changed(order, lambda document: document.update(payment_token="cash on delivery"))]


def _missing_field(order: OrderPlaced, random: Random) -> list[bytes]:
    field = random.choice(("lines", "currency", "placed_at", "personal"))
    return [_changed(order, lambda document: document.pop(field))]


def _wrong_type(order: OrderPlaced, _: Random) -> list[bytes]:
    return [_changed(order, lambda document: document["lines"][0].update(quantity=str(order.lines[0].quantity)))]


FAULTS = (
    Fault("duplicate", 0.010, "duplicated", _duplicate),
    Fault("conflict", 0.004, "conflicted", _conflict),
    Fault("unknown_sku", 0.006, "unknown_sku", _unknown_sku),
    Fault("bad_address", 0.006, "bad_address", _bad_address),
    Fault("broken_json", 0.005, "not_json", _broken_json),
    Fault("bad_promotion", 0.004, "promotion_misapplied", _bad_promotion),
    Fault("bad_payment", 0.002, "bad_payment_method", _bad_payment),
    Fault("missing_field", 0.002, "contract", _missing_field),
    Fault("wrong_type", 0.002, "contract", _wrong_type),
)
