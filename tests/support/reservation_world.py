"""Three regions of two sites, orders, and a bus in memory that runs the reservation stage of each region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from orderwing.kernel.decision import Decision
from orderwing.kernel.row import Row
from orderwing.reservation.rows import Hold, Part, RemoteHold
from orderwing.reservation.stage import STAGE
from orderwing.reservation.stock import Shelf
from orderwing_schemas.base import Event
from orderwing_schemas.domain import Backorder, Order, OrderLine, Payer, Point, ServiceLevel
from orderwing_schemas.events.fraud import OrderCleared
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.public import StockMovement, StockReceived
from orderwing_schemas.events.reservation import ReservationRecorded, StockReserved
from orderwing_schemas.network import Lane, Network, Policies, Region, Site
from orderwing_schemas.topics import RESERVATION_SLIPS
from support.memory_view import MemoryReference, MemoryView

E = TypeVar("E", bound=Event)
MINUTE_MS = 60_000
START_MS = 1_800_000_000_000
REGIONS = ("north", "south", "west")
NEIGHBOURS = {"north": ("south", "west"), "south": ("west", "north"), "west": ("north", "south")}
SITES = {"north": ("N1", "N2"), "south": ("S1", "S2"), "west": ("W1", "W2")}
REGION_OF = {site: region for region, sites in SITES.items() for site in sites}
POINT = Point(latitude=51.5, longitude=0.0)


def network(
    safety_share_percent: int = 0, regions: tuple[str, ...] = REGIONS, transit_minutes: dict[str, int] | None = None
) -> Network:
    """Every site delivers to the one zone in 120 minutes, or as `transit_minutes` says of its region."""
    sites = tuple(
        Site(
            site_id=site_id,
            region_id=region,
            location=POINT,
            timezone="Europe/London",
            pick_minutes=30,
            units_per_hour=100,
            handling_line_minor=10 + number,
            handling_parcel_minor=20,
            safety_share_percent=safety_share_percent,
        )
        for region in regions
        for number, site_id in enumerate(SITES[region])
    )
    return Network(
        version=1,
        currency="GBP",
        regions=tuple(
            Region(region_id=r, centre=POINT, neighbours=tuple(n for n in NEIGHBOURS[r] if n in regions))
            for r in regions
        ),
        sites=sites,
        lanes=tuple(
            Lane(
                lane_id=f"{site.site_id}-home",
                site_id=site.site_id,
                zone="zone",
                carrier="van",
                services=tuple(ServiceLevel),
                every_minutes=60,
                transit_minutes=(transit_minutes or {}).get(site.region_id, 120),
                parcels_per_departure=100,
                parcel_minor=300,
                kilogram_minor=50,
            )
            for site in sites
        ),
        policies=Policies(soft_hold_minutes=30),
    )


def order(
    order_id: str,
    lines: dict[str, int],
    home: str = "north",
    *,
    backorder: Backorder = Backorder.LINES,
    may_split: bool = True,
    one_box: bool = False,
    max_delay_minutes: int = 1440,
    placed_at_ms: int = START_MS,
) -> Order:
    """Lines of (SKU, quantity); line ids are `l-<SKU>`."""
    return Order(
        order_id=order_id,
        version=1,
        customer_key="c1",
        currency="GBP",
        lines=tuple(
            OrderLine(line_id=f"l-{sku}", sku=sku, quantity=quantity, amount_minor=100 * quantity, capacity=quantity)
            for sku, quantity in lines.items()
        ),
        service_level=ServiceLevel.STANDARD,
        home_region=home,
        zone="zone",
        delivery_point=POINT,
        stop_id="stop",
        shipping_paid_by=Payer.SHOP,
        one_box=one_box,
        max_delay_minutes=max_delay_minutes,
        may_split=may_split,
        backorder=backorder,
        placed_at_ms=placed_at_ms,
        accepted_at_ms=placed_at_ms,
    )


@dataclass
class World:
    """One partition per region. Slips between two regions keep their order, as on a log; pairs interleave freely."""

    network: Network = field(default_factory=network)
    now_ms: int = START_MS
    emitted: list[Event] = field(default_factory=list)
    slips: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    views: dict[str, MemoryView] = field(init=False)
    sequences: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.views = {r.region_id: MemoryView(MemoryReference(self.network)) for r in self.network.regions}

    def send(self, event: Event) -> list[Event]:
        """Decide one event in its region; returns what was emitted."""
        region: str = getattr(event, "region")  # noqa: B009  # every input of the stage has it
        view = self.views[region]
        return self._take(region, view.apply(STAGE.decide(view, event, self.now_ms)))

    def due(self) -> None:
        """Decide all deadlines that have passed."""
        for region, view in self.views.items():
            for row in list(view.rows.values()):
                current = view.rows.get((type(row), row.key))
                if current is row and row.wake_at_ms is not None and row.wake_at_ms <= self.now_ms:
                    self._take(region, view.apply(STAGE.due(view, row, self.now_ms)))

    def deliver(self, choose: Callable[[list[tuple[str, str]]], tuple[str, str]]) -> bool:
        """One slip, from the pair of regions that `choose` picks. False if none is on its way."""
        pairs = sorted(pair for pair, waiting in self.slips.items() if waiting)
        if not pairs:
            return False
        self.send(self.slips[choose(pairs)].pop(0))
        return True

    def tell(self) -> None:
        """Every region tells the others all that it has."""
        for _ in range(1 + max(len(sites) for sites in SITES.values())):
            self.now_ms += self.network.policies.atp_told_minutes * MINUTE_MS
            self.due()
            self.settle()

    def settle(self) -> None:
        """Deliver all slips, pair by pair."""
        for _ in range(10_000):
            if not self.deliver(lambda pairs: pairs[0]):
                return
        raise AssertionError("the slips never come to rest")

    def receive(self, site_id: str, sku: str, quantity: int) -> list[Event]:
        self.sequences[site_id] += 1
        movement = StockReceived(site_id=site_id, sku=sku, quantity=quantity, sequence=self.sequences[site_id])
        return self.send(StockMovementAccepted(region=REGION_OF[site_id], movement=movement))

    def move_stock(self, movement: StockMovement) -> list[Event]:
        return self.send(StockMovementAccepted(region=REGION_OF[movement.site_id], movement=movement))

    def request(self, placed: Order) -> list[Event]:
        return self.send(SoftHoldRequested(order=placed))

    def clear(self, placed: Order) -> list[Event]:
        return self.send(OrderCleared(order=placed))

    def recorded(self, order_id: str) -> ReservationRecorded:
        """The last word on an order."""
        return [e for e in of_kind(self.emitted, ReservationRecorded) if e.order_id == order_id][-1]

    def reserved(self, order_id: str) -> list[StockReserved]:
        return [e for e in of_kind(self.emitted, StockReserved) if e.order.order_id == order_id]

    def shelf(self, site_id: str, sku: str) -> Shelf:
        row = self.views[REGION_OF[site_id]].get(Shelf, f"{site_id}|{sku}")
        return row if row is not None else Shelf(site_id=site_id, sku=sku)

    def hold(self, order_id: str, home: str = "north") -> Hold | None:
        return self.views[home].get(Hold, f"{order_id}|1")

    def all_rows(self, kind: type[Row]) -> list[Row]:
        return [row for view in self.views.values() for row in view.rows.values() if type(row) is kind]

    def parts(self) -> list[Part]:
        return [row for row in self.all_rows(Part) if isinstance(row, Part)]

    def check(self) -> None:
        """The invariants that hold after every decision."""
        held: Counter[tuple[str, str]] = Counter()
        for kind in (Hold, Part, RemoteHold):
            for row in self.all_rows(kind):
                for line in getattr(row, "held"):  # noqa: B009  # the three kinds have it
                    assert line.quantity > 0
                    held[line.site_id, line.sku] += line.quantity
        for row in self.all_rows(Shelf):
            assert isinstance(row, Shelf)
            assert min(row.on_hand, row.reserved, row.safety) >= 0
            assert row.reserved == held.pop((row.site_id, row.sku), 0), f"holds of {row.key} do not add up"
        assert not held

    def _take(self, region: str, decision: Decision) -> list[Event]:
        events = [emit.event for emit in decision.emits]
        for emit in decision.emits:
            if emit.topic is RESERVATION_SLIPS:
                self.slips.setdefault((region, getattr(emit.event, "region")), []).append(emit.event)  # noqa: B009
        self.emitted.extend(events)
        return events


def of_kind(events: Iterable[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]
