"""Stock: holds, parts, moves, the slip of paper between regions, and every change of a shelf."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from orderwing_schemas.base import EpochMs, Event, Model, Told, is_unsaid
from orderwing_schemas.domain import Available, Candidate, HeldLine, LineQuantity, Order, ShelfLevel


class StockReserved(Event):
    """A firm hold in one region: a new part for its allocation. `part_id` = order/region/number.

    `seen` holds the shelves of the part's region that stock one of its SKUs, after this decision: what allocation may
    weigh without stock of its own. `replaces` names the part whose short pick this makes good. `barred`: sites to which
    the policy in force lets nothing of it be moved; `seen` is without them.
    """

    type: Literal["stock.reserved.v1"] = "stock.reserved.v1"
    region: str
    part_id: str
    order: Order
    held: Annotated[tuple[HeldLine, ...], Field(min_length=1)]
    promise_at_ms: EpochMs
    seen: tuple[Available, ...]
    replaces: str | None = None
    barred: Annotated[tuple[str, ...], Field(exclude_if=is_unsaid)] = ()


class PartMove(Model):
    """The complete new holding of a part that allocation believes to be at `version`."""

    part_id: str
    order_id: str
    version: int
    held: tuple[HeldLine, ...]


class HoldMoved(Event):
    type: Literal["hold.moved.v1"] = "hold.moved.v1"
    region: str
    move_id: str
    moves: tuple[PartMove, ...]


class MoveRefused(Event):
    """`seen`: what the region's shelves that stock the SKUs in question have to give."""

    type: Literal["hold.move_refused.v1"] = "hold.move_refused.v1"
    region: str
    move_id: str
    reason: str
    seen: tuple[Available, ...] = ()


class ReservationOutcome(StrEnum):
    HELD = "held"  # softly
    RESERVED = "reserved"  # firmly, all that will come now
    BACKORDERED = "backordered"  # some or all lines wait
    SHORT = "short"  # some lines are declined
    LAPSED = "lapsed"
    RELEASED = "released"


class ReservationRecorded(Event):
    """By order: what stands reserved. Payment lowers its open quantities by `declined`.

    `parts` and `reserved` are what this decision added, `promise_at_ms` theirs; `waiting` and `declined` are in all.
    """

    type: Literal["reservation.recorded.v1"] = "reservation.recorded.v1"
    order_id: str
    version: int
    outcome: ReservationOutcome
    parts: tuple[str, ...] = ()
    reserved: tuple[LineQuantity, ...] = ()
    waiting: tuple[LineQuantity, ...] = ()
    declined: tuple[LineQuantity, ...] = ()
    promise_at_ms: EpochMs | None = None
    reason: str | None = None


class StockMoved(Event):
    """Shelves changed by one decision, with their levels after it and the site's shipment or movement that caused it.

    `kind`: `received`, `adjusted`, `counted`, `expected`, `held`, `released`, `moved`, `shipped`, `short_pick`.
    """

    type: Literal["stock.moved.v1"] = "stock.moved.v1"
    region: str
    kind: str
    order_id: str | None
    shelves: tuple[ShelfLevel, ...]
    exception: str | None = None


class SlipPassed(Event):
    """Home asks a region, then those of `route`, to hold what they can of `open_lines`. `slip` numbers the round.

    `held` is what earlier regions hold. `whole`: all open lines at one site, or nothing; where `by_ms` is told, a site
    from which they can arrive by then. `look`: hold nothing, only tell what could be held; an order that takes all or
    nothing looks first. Then it asks for `exactly` what it saw: the first region that cannot hold its share ends the
    walk. `expected`: what the route's regions were last known to have and home counts on, if all is as it was told.
    `used`: sites where home holds something of the order, or other slips do; none are told where no policy is in force.
    """

    type: Literal["slip.passed.v1"] = "slip.passed.v1"
    region: str
    order: Order
    slip: int
    open_lines: tuple[LineQuantity, ...]
    held: tuple[HeldLine, ...]
    route: tuple[str, ...]
    whole: bool
    by_ms: EpochMs | None = None
    look: bool = False
    exactly: tuple[HeldLine, ...] = ()
    expected: tuple[HeldLine, ...] = ()
    used: tuple[str, ...] = ()


class SlipReturned(Event):
    """The slip is back at home with all that the regions hold (or, after a look, could hold) of what was expected."""

    type: Literal["slip.returned.v1"] = "slip.returned.v1"
    region: str
    order_id: str
    version: int
    slip: int
    held: tuple[HeldLine, ...]
    look: bool = False
    expected: tuple[HeldLine, ...] = ()


class RemoteHoldSettled(Event):
    """Home's word to a region that it asked: keep what the slip holds there as `part_id`, or give it back.

    `wants`, where told, is all that the order still wants there, by `expected_at_ms`; empty withdraws it. `whole`: with
    its other lines or not at all. `slip` is 0 where only wants are meant.
    """

    type: Literal["slip.settled.v1"] = "slip.settled.v1"
    region: str
    order_id: str
    version: int
    slip: int
    keep: bool
    part_id: str | None = None
    replaces: str | None = None
    home: str
    wants: tuple[LineQuantity, ...] | None = None
    expected_at_ms: EpochMs = 0
    whole: bool = False


class WantOffered(Event):
    """A region tells home that stock for a waiting order has come."""

    type: Literal["want.offered.v1"] = "want.offered.v1"
    region: str
    order_id: str
    version: int
    sku: str
    from_region: str


class StockTold(Event):
    """A region tells another what its shelves have to give: those whose ATP has changed since it told last.

    Stale when it arrives, and never trusted: it says only whom to ask first. `number` counts what a region tells.
    `complete`: of whatever it has not told by now the region has nothing.
    """

    type: Literal["stock.told.v1"] = "stock.told.v1"
    region: str
    from_region: str
    number: int
    as_of_ms: EpochMs
    shelves: tuple[Available, ...]
    complete: bool = False


class PartReported(Event):
    """A region tells home what became of its part: units never found at `site_id`, or nothing left to ship."""

    type: Literal["slip.part_reported.v1"] = "slip.part_reported.v1"
    region: str
    order_id: str
    version: int
    part_id: str
    shipment_id: str
    site_id: str
    missing: tuple[LineQuantity, ...] = ()
    ended: bool


class CardFacts(Model):
    """What it takes, with the order and the reference data, to make a region's decision again.

    `lines` is None for all of the order's. `atp`: where `seen` is cut, units of each SKU of the lines, in their order,
    at each of the region's sites, in the network's; None: all is in `seen`. `steering`: the prices of such units, in
    the same order; None: no price list was in force. `policy` with its version is in the topic `reference`; None: the
    network's rules decided. Of a route the sites are those of the region's neighbours, in their order, and units are -1
    where nobody had told. Of home and others together they are the region's own, then those of its neighbours. `used`:
    sites that sent something of the order in any case; none are told where no policy was in force.
    """

    region: str
    network_version: int
    lines: tuple[LineQuantity, ...] | None = None
    whole: bool = False
    without_site: str | None = None
    by_ms: EpochMs | None = None
    atp: tuple[int, ...] | None = None
    policy: str | None = None
    policy_version: int | None = None
    steering: tuple[int, ...] | None = None
    used: tuple[str, ...] = ()


class PlanFacts(Model):
    """What it takes, with the order and the reference data, to choose the plan of a new part again.

    `held`: the part's hold, of which `promise_at_ms` was promised. `departures`: of the shipments of each plan with a
    price, in the order of the candidates. `seen`: where the card's is cut. What others had booked, if any had: `hours`
    of picking that were looked at, as (site, hour since 1970, units); `booked` of departures that were too full, as
    (lane, departure, parcels). `barred`: sites to which the policy in force let nothing of the part be moved.

    Only where more than cost counted: `policy` with its version, if a strategy did; `steering`, if a list was in force,
    the prices of the lines' SKUs, in their order, at each of the region's sites; `beside`, what counted beside the cost
    of each plan with a price.
    """

    region: str
    network_version: int
    held: tuple[HeldLine, ...]
    promise_at_ms: EpochMs
    departures: tuple[EpochMs, ...]
    seen: tuple[Available, ...] | None = None
    policy: Told[str] = None
    policy_version: Told[int] = None
    steering: Told[tuple[int, ...]] = None
    hours: Told[tuple[tuple[str, int, int], ...]] = None
    beside: Told[tuple[int, ...]] = None
    booked: Told[tuple[tuple[str, EpochMs, int], ...]] = None
    barred: Annotated[tuple[str, ...], Field(exclude_if=is_unsaid)] = ()


class DecisionCard(Event):
    """Why: what was weighed, why each lost, the cost terms, the stock seen. Capped; `truncated` says if cut.

    `facts`: of a decision that can be made again, unless it is of more lines and shelves than are kept; `plan` likewise
    of allocation's.
    """

    type: Literal["decision.card.v1"] = "decision.card.v1"
    order_id: str
    part_id: str | None
    stage: str
    decision: str
    at_ms: EpochMs
    chosen: str
    candidates: tuple[Candidate, ...]
    seen: tuple[Available, ...] = ()
    notes: tuple[str, ...] = ()
    truncated: bool = False
    facts: CardFacts | None = None
    plan: PlanFacts | None = None
