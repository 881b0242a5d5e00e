"""Allocation: the plan of each part, its version and freeze, and what it asks of reservation and dispatch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event, Model, Told, is_unsaid
from orderwing_schemas.domain import LineQuantity, OrderLine, PlannedShipment, Point, ServiceLevel
from orderwing_schemas.events.reservation import PartMove


class PartAllocated(Event):
    """The standing plan of a part. `cause`: `first`, `own_move`, `proposal`, `replacement`.

    `cost_minor` is the sum of the shipments' costs; `previous_cost_minor` that of the version before, if any.
    `strategy` of the policy in force by which the part is held, if one says anything about plans; `barred`: sites to
    which the policy lets nothing of it be moved.
    """

    type: Literal["part.allocated.v1"] = "part.allocated.v1"
    region: str
    part_id: str
    order_id: str
    order_version: int
    version: Annotated[int, Field(ge=1)]
    cause: Literal["first", "own_move", "proposal", "replacement"]
    zone: str
    delivery_point: Point
    stop_id: str
    service_level: ServiceLevel
    one_box: bool
    max_delay_minutes: Annotated[int, Field(ge=0)] = 1440
    may_split: bool
    lines: tuple[OrderLine, ...]
    shipments: Annotated[tuple[PlannedShipment, ...], Field(min_length=1)]
    cost_minor: int
    previous_cost_minor: int | None = None
    proposal_id: str | None = None
    promise_at_ms: EpochMs
    freeze_at_ms: EpochMs
    placed_at_ms: EpochMs
    strategy: Told[str] = None
    barred: Annotated[tuple[str, ...], Field(exclude_if=is_unsaid)] = ()


class PartWaiting(Event):
    """No departure has room for a part: its stock stays held, and a plan is tried again, every hour at least."""

    type: Literal["part.waiting.v1"] = "part.waiting.v1"
    region: str
    part_id: str
    order_id: str
    reason: str
    next_attempt_at_ms: EpochMs


class PartFrozen(Event):
    type: Literal["part.frozen.v1"] = "part.frozen.v1"
    region: str
    part_id: str
    order_id: str
    version: int


class ProposalAnswered(Event):
    """`gain_minor` is the verified difference of cost, net of churn; set where the proposal was accepted.

    Below nought where the money buys what the customer wished for: one box, or no more than the acceptable delay.
    """

    type: Literal["proposal.answered.v1"] = "proposal.answered.v1"
    region: str
    proposal_id: str
    accepted: bool
    reason: str
    part_ids: tuple[str, ...]
    gain_minor: int | None = None


class MoveRequested(Event):
    """One decision in reservation: all of `moves` or none."""

    type: Literal["hold.move_requested.v1"] = "hold.move_requested.v1"
    region: str
    move_id: str
    moves: tuple[PartMove, ...]


class ReplacementRequested(Event):
    """A short pick at `site_id`: the shelf is wrong by `missing`; find the units elsewhere as a new part.

    `region` is the part's region, which corrects its shelf and passes the need to the order's home. `cross_docked` had
    come by transfer, so no shelf is wrong by it.
    """

    type: Literal["hold.replacement_requested.v1"] = "hold.replacement_requested.v1"
    region: str
    part_id: str
    order_id: str
    order_version: int
    shipment_id: str
    site_id: str
    missing: tuple[LineQuantity, ...]
    cross_docked: Annotated[tuple[LineQuantity, ...], Field(exclude_if=is_unsaid)] = ()


class ForDispatch(Model):
    """A planned shipment of dispatch at `site_id`, with all that a warehouse has to know of it."""

    type: str
    site_id: str
    region: str
    order_id: str
    order_version: int
    part_id: str
    service_level: ServiceLevel
    stop_id: str
    zone: str
    delivery_point: Point
    promise_at_ms: EpochMs
    shipment: PlannedShipment


class ShipmentOrdered(ForDispatch, Event):
    """A frozen shipment for dispatch at `site_id`. It waits for the goods of `transfers` and takes them with it."""

    type: Literal["shipment.ordered.v1"] = "shipment.ordered.v1"
    transfers: Annotated[tuple[PlannedShipment, ...], Field(exclude_if=is_unsaid)] = ()
