"""Plans: a part's holding turned into shipments on departures with room, and told to the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from orderwing.allocation.capacity import Needs, Place, Room, places
from orderwing.allocation.rows import Line, Part, Plan, Shipment, Shipments, Taken
from orderwing.kernel.view import Draft
from orderwing.planning.calendar import MINUTE_MS, freeze_ms, picking_hours
from orderwing.planning.policies.counting import Counting, decides
from orderwing.planning.pricing import Load, price_list
from orderwing.planning.runs import Consignment, Run, best_run
from orderwing.planning.sourcing import Pick
from orderwing.planning.wishes import Way, Wishes
from orderwing_schemas import topics
from orderwing_schemas.domain import CostTerm, HeldLine, LineQuantity, Order, OrderLine, PlannedShipment, Point
from orderwing_schemas.events.allocation import PartAllocated
from orderwing_schemas.events.reservation import StockReserved
from orderwing_schemas.network import Network, Site
from orderwing_schemas.policy import Strategy

Holding = Mapping[str, tuple[Taken, ...]]  # site -> what it ships, in order
Cause = Literal["first", "own_move", "proposal", "replacement"]


def lines_of(event: StockReserved) -> tuple[OrderLine, ...]:
    """What of the order's lines is in a new part. A line's amount and capacity are shared by quantity."""
    quantities: dict[str, int] = {}
    for held in event.held:
        quantities[held.line_id] = quantities.get(held.line_id, 0) + held.quantity
    lines = event.order.lines
    return tuple([_share(line, quantities[line.line_id]) for line in lines if line.line_id in quantities])


def _share(line: OrderLine, quantity: int) -> OrderLine:
    if quantity == line.quantity:
        return line
    return OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        quantity=quantity,
        amount_minor=line.amount_minor * quantity // line.quantity,
        capacity=-(-line.capacity * quantity // line.quantity),
    )


def part_of(event: StockReserved, lines: Iterable[OrderLine], strategy: Strategy | None = None) -> Part:
    """The facts of a new part. `strategy`: by which it is held, where a policy is in force."""
    order = event.order
    return Part(
        part_id=event.part_id,
        region=event.region,
        order_id=order.order_id,
        order_version=order.version,
        zone=order.zone,
        latitude=order.delivery_point.latitude,
        longitude=order.delivery_point.longitude,
        stop_id=order.stop_id,
        service_level=order.service_level,
        one_box=order.one_box,
        max_delay_minutes=delay_minutes(order, strategy),
        may_split=order.may_split,
        lines=tuple([Line(x.line_id, x.sku, x.quantity, x.amount_minor, x.capacity) for x in lines]),
        promise_at_ms=event.promise_at_ms,
        placed_at_ms=order.placed_at_ms,
        replacement=event.replaces is not None,
        strategy=None if strategy is None or not decides(strategy) else strategy.name,
        barred=event.barred,
    )


def delay_minutes(order: Order, strategy: Strategy | None) -> int:
    """What the customer accepts, or the strategy if that is less."""
    accepted = order.max_delay_minutes
    return (
        accepted if strategy is None else min(accepted, strategy.max_delay_minutes.get(order.service_level, accepted))
    )


def holding_of(held: Iterable[HeldLine | Pick]) -> dict[str, tuple[Taken, ...]]:
    """What each site ships, sites and lines in the order of their ids; units of a line on one shelf are one."""
    units: dict[tuple[str, str, str], int] = {}
    for line in held:
        place = (line.site_id, line.line_id, line.sku)
        units[place] = units.get(place, 0) + line.quantity
    holding: dict[str, list[Taken]] = {}
    for (site_id, line_id, sku), quantity in sorted(units.items()):
        holding.setdefault(site_id, []).append(Taken(line_id, sku, quantity))
    return {site_id: tuple(taken) for site_id, taken in holding.items()}


def same_holding(one: Shipments, other: Shipments) -> bool:
    """Whether two plans take the same units from the same shelves."""
    return [(s.site_id, s.lines) for s in one] == [(s.site_id, s.lines) for s in other]


def held_by(shipments: Shipments) -> tuple[HeldLine, ...]:
    """What a plan holds on shelves."""
    return tuple(
        HeldLine(line_id=line.line_id, sku=line.sku, site_id=shipment.site_id, quantity=line.quantity)
        for shipment in shipments
        for line in shipment.lines
    )


class Planner:
    """Plans for a part under the capacity that is left; what is packed alike at several sites is packed once.

    `met`: what others have booked of departures that were too full, and of hours of picking that were asked about.
    """

    def __init__(self, draft: Draft, part: Part, now_ms: int, counting: Counting | None = None) -> None:
        self.draft = draft
        self.part = part
        self.now_ms = now_ms
        self.counting = counting
        self._late = None if counting is None else counting.late
        self._avoided = () if counting is None else counting.avoided
        self.met: dict[Place, int] = {}
        self._prices = price_list(draft.network)
        self._loads: dict[tuple[Taken, ...], Load] = {}

    def plan_on(self, holding: Holding, own: Needs) -> Shipments | None:
        """The cheapest departures with room for a holding; None where there is none. `own` is what the part has booked.

        A site that a network published since has lost has no departures.
        """
        part, network, room = self.part, self.draft.network, self.room(own)
        shipments = []
        for site_id, taken in holding.items():
            site = network.site_by_id.get(site_id)
            if site is None:
                return None
            load, units = self.load(taken), sum([line.quantity for line in taken])
            sent = Consignment(site, part.zone, part.service_level, units, load, part.promise_at_ms)
            run = self.run(sent, self.now_ms, room)
            if run is None:
                return None
            shipments.append(_shipment(site, taken, run, load.parcels, units))
        return tuple(shipments)

    def room(self, own: Needs) -> Room:
        return Room(self.draft, own, self.met)

    def run(self, sent: Consignment, from_ms: int, room: Room) -> Run | None:
        """The departure that weighs least, of those that can be picked for from `from_ms` on."""
        return best_run(self.draft.network, sent, from_ms, room, self._late, self._avoided)

    def load(self, taken: tuple[Taken, ...]) -> Load:
        load = self._loads.get(taken)
        if load is None:
            units = [(line.sku, line.quantity) for line in taken]
            load = self._loads[taken] = self._prices.load(self.draft.reference.item, units)
        return load


def parcel_from(
    planner: Planner, site: Site, own: tuple[Taken, ...], more: Iterable[Taken], from_ms: int
) -> Shipment | None:
    """What a site holds, in one parcel with what has come there by `from_ms`; None where no departure has room.

    Only its own units are picked there.
    """
    part, units = planner.part, sum([line.quantity for line in own])
    load = planner.load(together(own, more))._replace(skus=planner.load(own).skus)
    sent = Consignment(site, part.zone, part.service_level, units, load, part.promise_at_ms)
    run = planner.run(sent, from_ms, planner.room({}))
    return None if run is None else _shipment(site, own, run, load.parcels, units)


def together(own: Iterable[Taken], more: Iterable[Taken]) -> tuple[Taken, ...]:
    """Units of a line are one, whichever shelves they are from."""
    units: dict[tuple[str, str], int] = {}
    for line in (*own, *more):
        units[line.line_id, line.sku] = units.get((line.line_id, line.sku), 0) + line.quantity
    return tuple([Taken(line_id, sku, quantity) for (line_id, sku), quantity in sorted(units.items())])


def hub_of(shipments: Shipments) -> Shipment | None:
    """The shipment that takes the others' goods with it; None where nothing is transferred."""
    if not any(one.is_transfer for one in shipments):
        return None
    return next(one for one in shipments if not one.is_transfer)


def label(shipments: Shipments) -> str:
    """For a card."""
    hub = hub_of(shipments)
    legs = [
        f"{s.site_id} to {hub.site_id}" if hub and s.is_transfer else f"{s.site_id} by {s.lane_id}" for s in shipments
    ]
    return " + ".join(legs) or "nothing"


def _shipment(site: Site, taken: tuple[Taken, ...], run: Run, parcels: int, units: int) -> Shipment:
    return Shipment(
        site_id=site.site_id,
        lane_id=run.lane.lane_id,
        carrier=run.lane.carrier,
        departure_at_ms=run.departure_ms,
        arrival_at_ms=run.arrival_ms,
        lines=taken,
        cost_minor=run.cost_minor,
        terms=run.terms,
        parcels=parcels,
        places=places(run.lane, parcels),
        hours=picking_hours(site, run.departure_ms, units),
    )


def cost_of(shipments: Shipments) -> int:
    return sum([shipment.cost_minor for shipment in shipments])


def way_of(shipments: Shipments) -> Way:
    return Way(sum([not one.is_transfer for one in shipments]), max([shipment.arrival_at_ms for shipment in shipments]))


def wishes_for(part: Part, plans: Iterable[Shipments]) -> Wishes:
    """How well the customer likes each of some plans for the part."""
    return Wishes(part, [way_of(shipments) for shipments in plans], part.promise_at_ms)


def first_cause(part: Part) -> Cause:
    """Of a part's version 1."""
    return "replacement" if part.replacement else "first"


def freeze_of(network: Network, shipments: Shipments) -> int:
    """A part freezes as a whole, when the first of its shipments has to be picked."""
    return min(freeze_ms(network.site_by_id[s.site_id], s.departure_at_ms, s.units) for s in shipments)


def as_planned(part_id: str, shipments: Shipments) -> tuple[PlannedShipment, ...]:
    hub = hub_of(shipments)
    return tuple([_as_planned(f"{part_id}/{number}", one, hub) for number, one in enumerate(shipments, 1)])


def _as_planned(shipment_id: str, shipment: Shipment, hub: Shipment | None) -> PlannedShipment:
    return PlannedShipment(
        shipment_id=shipment_id,
        site_id=shipment.site_id,
        lane_id=hub.lane_id if hub and shipment.is_transfer else shipment.lane_id,
        carrier=shipment.carrier,
        departure_at_ms=shipment.departure_at_ms,
        arrival_at_ms=shipment.arrival_at_ms,
        lines=tuple([LineQuantity(line_id=x.line_id, sku=x.sku, quantity=x.quantity) for x in shipment.lines]),
        cost_minor=shipment.cost_minor,
        terms=shipment.terms,
        parcels=shipment.parcels,
        to_site_id=hub.site_id if hub and shipment.is_transfer else None,
    )


def terms_of(shipments: Shipments) -> tuple[CostTerm, ...]:
    """The terms of a whole plan, each name once."""
    if len(shipments) == 1:
        return shipments[0].terms
    sums: dict[str, int] = {}
    for shipment in shipments:
        for name, amount in shipment.terms:
            sums[name] = sums.get(name, 0) + amount
    return tuple(sums.items())


def tell(
    draft: Draft,
    part: Part,
    plan: Plan,
    cause: Cause,
    previous_minor: int | None,
    proposal_id: str | None = None,
    lines: tuple[OrderLine, ...] = (),
) -> None:
    """Emit the standing plan. `lines` are the part's, where they are at hand."""
    event = PartAllocated(
        region=part.region,
        part_id=part.part_id,
        order_id=part.order_id,
        order_version=part.order_version,
        version=plan.version,
        cause=cause,
        zone=part.zone,
        delivery_point=Point(latitude=part.latitude, longitude=part.longitude),
        stop_id=part.stop_id,
        service_level=part.service_level,
        one_box=part.one_box,
        max_delay_minutes=part.max_delay_minutes,
        may_split=part.may_split,
        lines=lines or tuple([_order_line(line) for line in part.lines]),
        shipments=as_planned(part.part_id, plan.shipments),
        cost_minor=plan.cost_minor,
        previous_cost_minor=previous_minor,
        proposal_id=proposal_id,
        promise_at_ms=part.promise_at_ms,
        freeze_at_ms=plan.freeze_at_ms,
        placed_at_ms=part.placed_at_ms,
        strategy=part.strategy,
        barred=part.barred,
    )
    draft.emit(topics.PARTS_PLANNED, event)


def _order_line(line: Line) -> OrderLine:
    return OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        amount_minor=line.amount_minor,
        capacity=line.capacity,
    )


def promised_by(shipments: Shipments, promise_at_ms: int) -> str:
    """For a card: whether a plan keeps its promise, in words."""
    late_ms = max(s.arrival_at_ms for s in shipments) - promise_at_ms
    return "on time" if late_ms <= 0 else f"{-(-late_ms // MINUTE_MS)} minutes late"
