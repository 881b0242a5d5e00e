"""What allocation remembers: parts and their plans, moves under way, capacity in use."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orderwing.kernel.row import Row
from orderwing_schemas.domain import ServiceLevel


class State(StrEnum):
    UNSEEN = "unseen"
    WAITING = "waiting"  # no departure from the sites held has room: tried again by its deadline
    SEEKING = "seeking"  # waiting; reservation is asked to move the hold to sites that have room
    PLANNED = "planned"
    MOVING = "moving"  # a better plan is booked; reservation is asked to move the hold
    DUE = "due"  # the freeze came while moving, and waits for the answer
    FROZEN = "frozen"


class Happening(StrEnum):
    RESERVED = "reserved"
    NO_ROOM = "no_room"
    ROOM = "room"
    ASKED = "asked"
    MOVED = "moved"
    REFUSED = "refused"
    REPLANNED = "replanned"  # other lanes or departures, the same sites
    FREEZE_DUE = "freeze_due"
    SHORT_PICKED = "short_picked"


TABLE = {
    (State.UNSEEN, Happening.RESERVED): State.PLANNED,
    (State.UNSEEN, Happening.NO_ROOM): State.WAITING,
    (State.WAITING, Happening.NO_ROOM): State.WAITING,
    (State.WAITING, Happening.ROOM): State.PLANNED,
    (State.WAITING, Happening.ASKED): State.SEEKING,
    (State.SEEKING, Happening.MOVED): State.PLANNED,
    (State.SEEKING, Happening.REFUSED): State.WAITING,
    (State.PLANNED, Happening.ASKED): State.MOVING,
    (State.PLANNED, Happening.REPLANNED): State.PLANNED,
    (State.PLANNED, Happening.FREEZE_DUE): State.FROZEN,
    (State.MOVING, Happening.MOVED): State.PLANNED,
    (State.MOVING, Happening.REFUSED): State.PLANNED,
    (State.MOVING, Happening.FREEZE_DUE): State.DUE,
    (State.DUE, Happening.MOVED): State.PLANNED,
    (State.DUE, Happening.REFUSED): State.PLANNED,
    (State.FROZEN, Happening.SHORT_PICKED): State.FROZEN,
}


class Line(msgspec.Struct, frozen=True, array_like=True):
    """What of an order line is in this part; amount and capacity are for that quantity."""

    line_id: str
    sku: str
    quantity: int
    amount_minor: int
    capacity: int


class Taken(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Units of a line that one site ships."""

    line_id: str
    sku: str
    quantity: int


TRANSFER = "transfer"  # the carrier between sites


class Shipment(msgspec.Struct, frozen=True, array_like=True):
    """What one site sends on a departure, in so many parcels. `terms` (name, minor units) sum to `cost_minor`.

    Without a lane it is a transfer to the one site of its plan that has one, whose parcels take these lines too.

    Booked by its network: `places` on the departure (0: not kept, by an earlier version), units in `hours` since 1970.
    """

    site_id: str
    lane_id: str
    carrier: str
    departure_at_ms: int
    arrival_at_ms: int
    lines: tuple[Taken, ...]
    cost_minor: int
    terms: tuple[tuple[str, int], ...]
    parcels: int = 1
    places: int = 0
    hours: tuple[tuple[int, int], ...] = ()

    @property
    def is_transfer(self) -> bool:
        return not self.lane_id

    @property
    def units(self) -> int:
        return sum([line.quantity for line in self.lines])


Shipments = tuple[Shipment, ...]


class Part(Row, frozen=True, kw_only=True):
    """The facts of a part, which never change. `replacement`: of units not found. Dropped with its plan."""

    part_id: str
    region: str
    order_id: str
    order_version: int
    zone: str
    latitude: float
    longitude: float
    stop_id: str
    service_level: ServiceLevel
    one_box: bool
    max_delay_minutes: int
    may_split: bool
    lines: tuple[Line, ...]
    promise_at_ms: int
    placed_at_ms: int
    replacement: bool = False
    strategy: str | None = None  # of the policy, by which it was held, if it says anything about plans
    barred: tuple[str, ...] = ()  # sites to which the policy lets nothing of it be moved

    @property
    def key(self) -> str:
        return self.part_id


class Plan(Row, frozen=True, kw_only=True):
    """The standing plan of a part; its deadline is the freeze. Dropped `duplicate_horizon_days` after it.

    While it waits for room it has version 0, no shipments but what is `held`, and its deadline is the next attempt.
    """

    part_id: str
    order_id: str
    state: State
    version: int
    shipments: Shipments
    freeze_at_ms: int
    held: tuple[tuple[str, tuple[Taken, ...]], ...] = ()

    @property
    def key(self) -> str:
        return self.part_id

    @property
    def cost_minor(self) -> int:
        return sum([shipment.cost_minor for shipment in self.shipments])


class Change(msgspec.Struct, frozen=True, array_like=True):
    """The plan that a part shall have."""

    part_id: str
    shipments: Shipments


class Move(Row, frozen=True, kw_only=True):
    """A move asked of reservation, its capacity booked beside the standing plans'. Dropped by the answer."""

    move_id: str
    region: str
    proposal_id: str | None
    changes: tuple[Change, ...]

    @property
    def key(self) -> str:
        return self.move_id


class SeenProposal(Row, frozen=True, kw_only=True):
    """A proposal decided or under way, so that its repetition is a no-op. Dropped by its deadline, a day later."""

    proposal_id: str

    @property
    def key(self) -> str:
        return self.proposal_id
