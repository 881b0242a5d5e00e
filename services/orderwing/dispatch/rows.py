"""What dispatch remembers: shipments and how far they are, waves and who is in them."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Raw

from orderwing.kernel.row import Row
from orderwing_schemas.events.public import WarehouseStatus


class State(StrEnum):
    UNSEEN = "unseen"
    AWAITING = "awaiting"  # goods of other sites that are to leave with it are on their way
    RELEASED = "released"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    TRANSFERRED = "transferred"  # left for another site, which answers from then on
    EMPTY = "empty"  # nothing of it was found


class Happening(StrEnum):
    ORDERED = "ordered"
    AWAITED = "awaited"
    OVERDUE = "overdue"
    GATHERED = "gathered"
    TRANSFERRED = "transferred"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    SHORT_PICKED = "short_picked"
    NOTHING_FOUND = "nothing_found"


# One step at a time: a status told early walks the steps before it, and one behind the state is a repetition.
TABLE = {
    (State.UNSEEN, Happening.ORDERED): State.RELEASED,
    (State.UNSEEN, Happening.AWAITED): State.AWAITING,
    (State.AWAITING, Happening.OVERDUE): State.AWAITING,
    (State.AWAITING, Happening.GATHERED): State.RELEASED,
    (State.PACKED, Happening.TRANSFERRED): State.TRANSFERRED,
    (State.RELEASED, Happening.PICKED): State.PICKED,
    (State.PICKED, Happening.PACKED): State.PACKED,
    (State.PACKED, Happening.SHIPPED): State.SHIPPED,
    (State.SHIPPED, Happening.IN_TRANSIT): State.IN_TRANSIT,
    (State.IN_TRANSIT, Happening.DELIVERED): State.DELIVERED,
    (State.RELEASED, Happening.SHORT_PICKED): State.RELEASED,
    (State.PICKED, Happening.SHORT_PICKED): State.PICKED,
    (State.PACKED, Happening.SHORT_PICKED): State.PACKED,
    (State.RELEASED, Happening.NOTHING_FOUND): State.EMPTY,
    (State.PICKED, Happening.NOTHING_FOUND): State.EMPTY,
    (State.PACKED, Happening.NOTHING_FOUND): State.EMPTY,
}
STEPS = (
    WarehouseStatus.PICKED,
    WarehouseStatus.PACKED,
    WarehouseStatus.SHIPPED,
    WarehouseStatus.IN_TRANSIT,
    WarehouseStatus.DELIVERED,
)
IN_HOUSE = (State.RELEASED, State.PICKED, State.PACKED)
LEFT = (State.SHIPPED, State.IN_TRANSIT, State.DELIVERED, State.TRANSFERRED)


class Units(msgspec.Struct, frozen=True, array_like=True):
    """Units of an order line."""

    line_id: str
    sku: str
    quantity: int


class Shipment(Row, frozen=True, kw_only=True):
    """The facts of a released shipment, which never change. Dropped with its progress."""

    shipment_id: str
    region: str
    site_id: str
    order_id: str
    order_version: int
    part_id: str
    lines: tuple[Units, ...]
    promise_at_ms: int
    lane_id: str = ""  # none in rows of earlier versions

    @property
    def key(self) -> str:
        return self.shipment_id


class Progress(Row, frozen=True, kw_only=True):
    """How far a shipment is, and what its warehouse did not find (None: no short pick was told).

    Dropped by its deadline, `duplicate_horizon_days` after the shipment's end; one that left and of which nothing more
    is told, after 90 days.
    """

    shipment_id: str
    order_id: str
    state: State
    missing: tuple[Units, ...] | None = None

    @property
    def key(self) -> str:
        return self.shipment_id


class Wave(Row, frozen=True, kw_only=True):
    """The shipments of one departure of a lane, picked together. Dropped when its manifest is closed."""

    wave_id: str
    site_id: str
    carrier: str
    departure_at_ms: int

    @property
    def key(self) -> str:
        return self.wave_id


class InWave(Row, frozen=True, kw_only=True):
    """A shipment in a wave, and the door it goes to (none in rows of earlier versions). Dropped with its wave.

    One that was late for it waits in `LANE@late` until it leaves, in another, or nothing of it is found: `late_for_ms`
    is the departure then.
    """

    wave_id: str
    shipment_id: str
    stop_id: str = ""
    parcels: int = 1
    late_for_ms: int = 0

    @property
    def key(self) -> str:
        return f"{self.wave_id}|{self.shipment_id}"


class Transfer(Row, frozen=True, kw_only=True):
    """A shipment whose consignee is a site. Dropped with its progress."""

    shipment_id: str
    order_id: str
    to_site_id: str

    @property
    def key(self) -> str:
        return self.shipment_id


class Gathering(Row, frozen=True, kw_only=True):
    """A part's shipment that takes goods of other sites with it: `came`, once it is released. `ordered` is its JSON.

    Dropped with the shipment's progress.
    """

    part_id: str
    order_id: str
    shipment_id: str
    ordered: Raw
    came: tuple[Units, ...] = ()

    @property
    def key(self) -> str:
        return self.part_id


class Coming(Row, frozen=True, kw_only=True):
    """A transfer that a shipment of its part waits for: what has left for here (None: not told), and whether it came.

    Dropped with the shipment's progress.
    """

    part_id: str
    shipment_id: str
    order_id: str
    lines: tuple[Units, ...] | None = None
    arrived: bool = False

    @property
    def key(self) -> str:
        return f"{self.part_id}|{self.shipment_id}"

    @property
    def is_here(self) -> bool:
        """Nothing of it was found, or all that was has come."""
        return self.lines == () or (self.arrived and self.lines is not None)
