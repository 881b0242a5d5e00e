"""A small region for allocation's tests, driven by events and deadlines as the runner would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from orderwing.allocation.places import Departure, PickingHour
from orderwing.allocation.rows import Move, Plan, Shipment
from orderwing.allocation.stage import STAGE
from orderwing.kernel.decision import Decision
from orderwing.kernel.row import R
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Available, Backorder, HeldLine, Order, OrderLine, Payer, Point, ServiceLevel
from orderwing_schemas.events.allocation import MoveRequested
from orderwing_schemas.events.reoptimizer import PartChange, ProposalMade
from orderwing_schemas.events.reservation import HoldMoved, MoveRefused, StockReserved
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site, Trait
from support.memory_view import MemoryReference, MemoryView

HERE = Point(latitude=51.5, longitude=0.0)
START_MS = 1_780_300_800_000  # a midnight, UTC
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


def a_site(site_id: str, units_per_hour: int = 100, handling: int = 10, region: str = "south") -> Site:
    return Site(
        site_id=site_id,
        region_id=region,
        location=HERE,
        timezone="UTC",
        pick_minutes=30,
        units_per_hour=units_per_hour,
        handling_line_minor=handling,
        handling_parcel_minor=5,
    )


def a_lane(site_id: str, parcels: int = 50, price: int = 100, every: int = 60, zone: str = "south") -> Lane:
    return Lane(
        lane_id=f"{site_id}-{zone}",
        site_id=site_id,
        zone=zone,
        carrier="van",
        services=tuple(ServiceLevel),
        every_minutes=every,
        transit_minutes=60,
        parcels_per_departure=parcels,
        parcel_minor=price,
        kilogram_minor=10,
    )


def a_network(sites: Iterable[Site], lanes: Iterable[Lane], policies: Policies | None = None) -> Network:
    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="south", centre=HERE), Region(region_id="north", centre=HERE)),
        sites=tuple(sites),
        lanes=tuple(lanes),
        policies=policies or Policies(churn_minor=5, move_threshold_minor=5, late_hour_minor=200),
    )


def hold(site_id: str, quantity: int = 1, line_id: str = "1", sku: str = "tea") -> HeldLine:
    return HeldLine(line_id=line_id, sku=sku, site_id=site_id, quantity=quantity)


def reserved(
    part_id: str,
    held: Iterable[HeldLine],
    promise_at_ms: int,
    seen: Iterable[Available] = (),
    may_split: bool = True,
    one_box: bool = False,
    max_delay_minutes: int = 600,
) -> StockReserved:
    held = tuple(held)
    quantities: Counter[tuple[str, str]] = Counter()
    for line in held:
        quantities[line.line_id, line.sku] += line.quantity
    order = Order(
        order_id=part_id.partition("/")[0],
        version=1,
        customer_key="c",
        currency="GBP",
        lines=tuple(
            OrderLine(line_id=line_id, sku=sku, quantity=q, amount_minor=100 * q, capacity=q)
            for (line_id, sku), q in sorted(quantities.items())
        ),
        service_level=ServiceLevel.STANDARD,
        home_region="south",
        zone="south",
        delivery_point=HERE,
        stop_id="stop",
        shipping_paid_by=Payer.SHOP,
        one_box=one_box,
        max_delay_minutes=max_delay_minutes,
        may_split=may_split,
        backorder=Backorder.NONE,
        placed_at_ms=START_MS,
        accepted_at_ms=START_MS,
    )
    return StockReserved(
        region="south", part_id=part_id, order=order, held=held, promise_at_ms=promise_at_ms, seen=tuple(seen)
    )


def shelf(site_id: str, atp: int, sku: str = "tea") -> Available:
    return (site_id, sku, atp)


class AllocationWorld:
    """Rows, a clock and everything emitted. Events are answered at `now_ms`; `until` fires deadlines on the way."""

    def __init__(self, network: Network, traits: tuple[Trait, ...] = ()) -> None:
        """`traits` are those of the mug."""
        items = (
            Item(sku="tea", weight_g=400, volume_cm3=1, capacity=1, list_price_minor=100),
            Item(sku="mug", weight_g=0, volume_cm3=0, capacity=1, list_price_minor=100, traits=traits),
        )
        self.network = network
        self.items = items
        self.view = MemoryView(MemoryReference(network, items))
        self.now_ms = START_MS
        self.emitted: list[Event] = []

    def put(self, event: Event) -> list[Event]:
        return self._keep(STAGE.decide(self.view, event, self.now_ms))

    def until(self, end_ms: int) -> list[Event]:
        before = len(self.emitted)
        while due := sorted((r.wake_at_ms, r.key) for r in self.view.rows.values() if r.wake_at_ms is not None):
            wake_at_ms, key = due[0]
            if wake_at_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, wake_at_ms)
            row = next(r for r in self.view.rows.values() if r.key == key and r.wake_at_ms == wake_at_ms)
            self._keep(STAGE.due(self.view, row, self.now_ms))
        self.now_ms = max(self.now_ms, end_ms)
        return self.emitted[before:]

    def _keep(self, decision: Decision) -> list[Event]:
        self.view.apply(decision)
        events = [emit.event for emit in decision.emits]
        self.emitted += events
        return events

    def rows(self, kind: type[R]) -> list[R]:
        return [row for (k, _), row in sorted(self.view.rows.items(), key=lambda p: p[0][1]) if k is kind]  # type: ignore[misc]

    def plan(self, part_id: str) -> Plan:
        plan = self.view.get(Plan, part_id)
        assert plan is not None
        return plan

    def propose(
        self, proposal_id: str, *changes: tuple[str, int, tuple[HeldLine, ...]], region: str = "south"
    ) -> list[Event]:
        return self.put(
            ProposalMade(
                region=region,
                proposal_id=proposal_id,
                window_id="w",
                changes=tuple(
                    PartChange(part_id=p, order_id=p.partition("/")[0], version=v, held=held) for p, v, held in changes
                ),
                expected_gain_minor=0,
            )
        )

    def settle(self, request: MoveRequested, moved: bool) -> list[Event]:
        if moved:
            return self.put(HoldMoved(region=request.region, move_id=request.move_id, moves=request.moves))
        return self.put(MoveRefused(region=request.region, move_id=request.move_id, reason="no_stock"))

    def check_capacity(self) -> None:
        """Booked is what the plans and moves need, counted anew, and nowhere more than there is."""
        needed: Counter[tuple[str, int]] = Counter()
        changes = {c.part_id: c.shipments for move in self.rows(Move) for c in move.changes}
        for plan in self.rows(Plan):
            standing = self._needs(plan.shipments)
            wanted = self._needs(changes.get(plan.part_id, ()))
            for place in standing | wanted:
                needed[place] += max(standing[place], wanted[place])
        booked = {(row.site_id, row.hour): row.booked for row in self.rows(PickingHour)}
        booked |= {(row.lane_id, row.departure_at_ms): row.booked for row in self.rows(Departure)}
        for (owner, when), amount in booked.items():
            site, lane = self.network.site_by_id.get(owner), self.network.lane_by_id.get(owner)
            limit = site.units_per_hour if site else lane.parcels_per_departure if lane else 0
            assert 0 < amount <= limit, (owner, when, amount, limit)
            assert amount == needed[owner, when], (owner, when)
        for (owner, when), amount in needed.items():
            is_site = owner in self.network.site_by_id
            over_ms = (when + 2) * HOUR_MS if is_site else when + HOUR_MS
            assert over_ms <= self.now_ms or booked.get((owner, when)) == amount, (owner, when, amount)

    def _needs(self, shipments: Iterable[Shipment]) -> Counter[tuple[str, int]]:
        needs: Counter[tuple[str, int]] = Counter()
        for shipment in shipments:
            site = self.network.site_by_id[shipment.site_id]
            departure: int = shipment.departure_at_ms
            most = self.network.lane_by_id[shipment.lane_id].parcels_per_departure
            needs[shipment.lane_id, departure] += min(shipment.parcels, most)
            left = sum(line.quantity for line in shipment.lines)
            hours = -(-left // site.units_per_hour)
            hour = (departure - site.pick_minutes * MINUTE_MS) // HOUR_MS - hours + 1
            while left:
                needs[site.site_id, hour] += min(left, site.units_per_hour)
                left -= min(left, site.units_per_hour)
                hour += 1
        return needs
