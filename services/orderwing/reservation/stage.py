"""Reservation as a stage: the owner of all stock. Its state machines: `states.HOLD_STATES`, `states.REMOTE_STATES`."""

from __future__ import annotations

from orderwing.kernel.stage import Stage
from orderwing.planning.policies.checking import unusable
from orderwing.reservation import hearing, holds, movements, moves, shipping, slips, telling, waking
from orderwing.reservation.rows import ROWS, Hold, Part, RemoteHold
from orderwing.reservation.rules import Rules, Waiting
from orderwing.reservation.states import HOLD_STATES, REMOTE_STATES
from orderwing.reservation.stock import Left, Moved, Postponed, Shipped
from orderwing.reservation.told import Telling
from orderwing_schemas.events.allocation import MoveRequested, ReplacementRequested
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.fraud import HoldExtended, OrderBlocked, OrderCleared
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import (
    PartReported,
    RemoteHoldSettled,
    SlipPassed,
    SlipReturned,
    StockTold,
    WantOffered,
)
from orderwing_schemas.topics import (
    FRAUD_BY_REGION,
    HOLDS_ASKED,
    HOLDS_REQUESTED,
    PAYMENT_RELEASES,
    RESERVATION_SLIPS,
    SHIPMENTS_SHIPPED,
    STOCK_MOVEMENTS,
)

__all__ = ["HOLD_STATES", "REMOTE_STATES", "STAGE"]

STAGE = Stage(
    name="reservation",
    inputs=(
        STOCK_MOVEMENTS,
        HOLDS_REQUESTED,
        FRAUD_BY_REGION,
        PAYMENT_RELEASES,
        RESERVATION_SLIPS,
        HOLDS_ASKED,
        SHIPMENTS_SHIPPED,
    ),
    handlers={
        StockMovementAccepted: movements.on_movement,
        SoftHoldRequested: holds.on_requested,
        OrderCleared: holds.on_cleared,
        HoldExtended: holds.on_extended,
        OrderBlocked: holds.on_stopped,
        HoldReleaseRequested: holds.on_stopped,
        SlipPassed: slips.on_passed,
        SlipReturned: slips.on_returned,
        RemoteHoldSettled: slips.on_settled,
        WantOffered: slips.on_offered,
        StockTold: hearing.on_told,
        PartReported: shipping.on_reported,
        MoveRequested: moves.on_move,
        ReplacementRequested: shipping.on_replacement,
        ShipmentShipped: shipping.on_shipped,
    },
    rows=ROWS,
    deadlines={
        Hold: holds.on_due,
        RemoteHold: slips.on_remote_due,
        Part: shipping.on_part_due,
        Moved: movements.on_moved_due,
        Left: shipping.on_left_due,
        Postponed: movements.on_postponed_due,
        Shipped: shipping.on_shipped_due,
        Telling: telling.on_due,
        Rules: waking.on_rules_due,
        Waiting: waking.on_waiting_due,
    },
    policy_check=unusable,
)
