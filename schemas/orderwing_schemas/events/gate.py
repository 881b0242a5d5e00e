"""Gate's own words. What it lets pass keeps the stranger's event class (`events.public`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orderwing_schemas.base import Event
from orderwing_schemas.events.public import StockMovement


class InputRejected(Event):
    """A stranger's record that breaks the contract. The original stays at topic/partition/offset.

    `reason` is one of a short list (`not_json`, `unknown_type`, `contract`, `unknown_site`, ...), `detail` names the
    fields, never their values.
    """

    type: Literal["input.rejected.v1"] = "input.rejected.v1"
    source_key: str
    order_id: str | None
    source_topic: str
    source_partition: int
    source_offset: int
    reason: str
    detail: str


class StockMovementAccepted(Event):
    """A stock movement with the region that owns its shelf."""

    type: Literal["stock.movement_accepted.v1"] = "stock.movement_accepted.v1"
    region: str
    movement: StockMovement = Field(discriminator="type")
