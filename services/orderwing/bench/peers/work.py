"""The work that all peers do: validate an order, add it to its customer's row, tell of the row.

Nothing but the contract's models is imported, so that every peer's environment can.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from orderwing_schemas.base import Event, Id
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.events.public import OrderPlaced

PARTITIONS = 4
SESSION_S = 6.0
TRANSACTION_S = 10.0


class Tallied(Event):
    """An order, and its customer's row with it: how many orders there were so far, and what they came to."""

    type: Literal["bench.tallied.v1"] = "bench.tallied.v1"
    order_id: Id
    customer_id: Id
    orders: int
    total_minor: int


@dataclass(frozen=True)
class Task:
    """Read `source`, write `target`, as group `name`, keeping files in `directory`.

    `commit` is what is in one transaction: at most so many records for the loops, so many seconds for the frameworks.
    """

    bootstrap: str
    name: str
    source: str
    target: str
    directory: str
    commit: float

    def argument(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def of(argument: str) -> Task:
        return Task(**json.loads(argument))


def placed(value: bytes) -> OrderPlaced:
    """Raises UndecodableError."""
    order = decode(value, OrderPlaced.EVENT_TYPE)
    assert isinstance(order, OrderPlaced)
    return order


def tallied(order: OrderPlaced, orders: int, total_minor: int) -> Tallied:
    """`orders` and `total_minor` are the row before `order`."""
    amount_minor = sum([line.unit_price_minor * line.quantity for line in order.lines])
    return Tallied(
        order_id=order.order_id,
        customer_id=order.customer_id or "",
        orders=orders + 1,
        total_minor=total_minor + amount_minor,
    )


__all__ = ["PARTITIONS", "SESSION_S", "TRANSACTION_S", "Tallied", "Task", "encode", "placed", "tallied"]
