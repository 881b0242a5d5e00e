"""Whatever happens in whatever order: holds add up, nothing is oversold, every order comes to rest, all can ship."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import product

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orderwing.reservation.rows import Hold, HoldState, Part, RemoteHold, RemoteState, Want
from orderwing.reservation.stock import Shelf
from orderwing_schemas.domain import Backorder, HeldLine, LineQuantity, Order
from orderwing_schemas.events.allocation import MoveRequested, ReplacementRequested
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.fraud import HoldExtended, OrderBlocked, OrderCleared
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.public import StockAdjusted
from orderwing_schemas.events.reservation import PartMove, StockMoved, StockTold
from support.reservation_world import MINUTE_MS, REGION_OF, REGIONS, SITES, World, order

SKUS = ("A", "B", "C")
ALL_SITES = tuple(site for sites in SITES.values() for site in sites)
MOST_ORDERS = 12  # so that a run is more than placing
AT_REST = (HoldState.FIRM, HoldState.LAPSED, HoldState.RELEASED, HoldState.ENDED)


class Reservation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.orders: dict[str, Order] = {}
        self.to_request: list[Order] = []
        self.undecided: list[Order] = []
        self.shipments = 0
        self.moves = 0
        self.told = 0
        self.excused: set[tuple[str, str]] = set()
        self.audited = 0

    @initialize(stock=st.lists(st.integers(0, 3), min_size=18, max_size=18))
    def stock(self, stock: list[int]) -> None:
        for (site, sku), quantity in zip(product(ALL_SITES, SKUS), stock, strict=True):
            if quantity:
                self.world.receive(site, sku, quantity)

    @rule(
        lines=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 5), min_size=1),
        home=st.sampled_from(REGIONS),
        backorder=st.sampled_from(Backorder),
        may_split=st.sampled_from([True, True, False]),
        one_box=st.booleans(),
        at_once=st.sampled_from(["request", "clear", "request", "nothing"]),
    )
    def place(
        self, lines: dict[str, int], home: str, backorder: Backorder, may_split: bool, one_box: bool, at_once: str
    ) -> None:
        if len(self.orders) >= MOST_ORDERS:
            return
        number = len(self.orders)
        placed = order(f"o{number}", lines, home, backorder=backorder, may_split=may_split, one_box=one_box)
        self.orders[placed.order_id] = placed
        if at_once == "clear":
            self._decide(placed, "clear")
        else:
            self.undecided.append(placed)
        if at_once == "request":
            self.world.send(SoftHoldRequested(order=placed))
        else:
            self.to_request.append(placed)

    @rule(pick=st.integers(0))
    def request(self, pick: int) -> None:
        if self.to_request:
            self.world.send(SoftHoldRequested(order=self.to_request.pop(pick % len(self.to_request))))

    @rule(pick=st.integers(0), word=st.sampled_from(["clear", "clear", "clear", "block", "release"]))
    def decide(self, pick: int, word: str) -> None:
        if self.undecided:
            self._decide(self.undecided.pop(pick % len(self.undecided)), word)

    @rule(pick=st.integers(0))
    def extend(self, pick: int) -> None:
        if self.undecided:
            chosen = self.undecided[pick % len(self.undecided)]
            until_ms = self.world.now_ms + 60 * MINUTE_MS
            event = HoldExtended(order_id=chosen.order_id, version=1, region=chosen.home_region, until_ms=until_ms)
            self.world.send(event)

    @rule(pick=st.integers(0))
    def repeat(self, pick: int) -> None:
        """Duplicates of requests and clearances."""
        if done := [o for o in self.orders.values() if o not in self.undecided and o not in self.to_request]:
            chosen = done[pick % len(done)]
            hold = self.world.hold(chosen.order_id, chosen.home_region)
            self.world.send(SoftHoldRequested(order=chosen))
            if hold is not None and hold.order and hold.state is not HoldState.LAPSED:
                self.world.send(OrderCleared(order=chosen))
                assert self.world.hold(chosen.order_id, chosen.home_region) == hold

    @rule(site=st.sampled_from(ALL_SITES), sku=st.sampled_from(SKUS), quantity=st.integers(1, 6))
    def receive(self, site: str, sku: str, quantity: int) -> None:
        self.world.receive(site, sku, quantity)

    @rule(site=st.sampled_from(ALL_SITES), sku=st.sampled_from(SKUS), delta=st.integers(-3, -1))
    def lose(self, site: str, sku: str, delta: int) -> None:
        self.world.sequences[site] += 1
        movement = StockAdjusted(site_id=site, sku=sku, delta=delta, reason="lost", sequence=self.world.sequences[site])
        self.world.send(StockMovementAccepted(region=REGION_OF[site], movement=movement))

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        self.world.now_ms += minutes * MINUTE_MS
        self.world.due()

    @rule(
        to=st.sampled_from(REGIONS),
        shelves=st.lists(st.tuples(st.sampled_from(ALL_SITES), st.sampled_from(SKUS), st.integers(0, 9)), max_size=6),
        complete=st.booleans(),
        newer=st.sampled_from([-5, 1, 1, 100]),
    )
    def tell_anything(self, to: str, shelves: list[tuple[str, str, int]], complete: bool, newer: int) -> None:
        """What a region is told of others may be old, wrong or missing."""
        self.told += newer
        for region in REGIONS:
            here = tuple([shelf for shelf in shelves if REGION_OF[shelf[0]] == region])
            if region != to and (here or complete):
                event = StockTold(
                    region=to,
                    from_region=region,
                    number=max(0, self.told),
                    as_of_ms=self.world.now_ms,
                    shelves=here,
                    complete=complete,
                )
                self.world.send(event)

    @rule(picks=st.lists(st.integers(0), min_size=1, max_size=6))
    def deliver(self, picks: list[int]) -> None:
        for pick in picks:
            self.world.deliver(lambda pairs, pick=pick: pairs[pick % len(pairs)])  # type: ignore[misc]

    @rule()
    def deliver_all(self) -> None:
        self.world.settle()
        for row in self.world.all_rows(Hold):
            assert isinstance(row, Hold)
            assert row.state in (*AT_REST, HoldState.SOFT, HoldState.NEW)  # the last: extended and never asked for
            assert not row.awaiting
            if row.state is HoldState.FIRM:
                self._waits_for_good_reason(row)

    @rule(pick=st.integers(0), site=st.integers(0, 1), other=st.integers(0))
    def move(self, pick: int, site: int, other: int) -> None:
        """One or two parts of a region to one site each."""
        standing = [part for part in self.world.parts() if part.held]
        if not standing:
            return
        first = standing[pick % len(standing)]
        peers = [part for part in standing if part.region == first.region and part is not first]
        parts = [first, *([peers[other % len(peers)]] if peers and other % 2 else [])]
        self.moves += 1
        moves = tuple(self._moved(part, SITES[part.region][(site + n) % 2]) for n, part in enumerate(parts))
        self.world.send(MoveRequested(region=first.region, move_id=f"m{self.moves}", moves=moves))

    @rule(pick=st.integers(0), short=st.integers(0, 2), twice=st.booleans())
    def ship(self, pick: int, short: int, twice: bool) -> None:
        standing = [part for part in self.world.parts() if part.held]
        if standing:
            self._ship(standing[pick % len(standing)], short, twice)

    @invariant()
    def adds_up(self) -> None:
        self.world.check()
        for event in self.world.emitted[self.audited :]:
            if isinstance(event, StockMoved):
                self._audit(event)
        self.audited = len(self.world.emitted)

    def teardown(self) -> None:
        """All slips home, all decided, plenty of stock: everything that was cleared is shipped and nothing remains."""
        for placed in self.to_request:
            self.world.send(SoftHoldRequested(order=placed))
        for placed in self.undecided:
            self._decide(placed, "clear")
        self.world.settle()
        for site in ALL_SITES:
            for sku in SKUS:
                self.world.receive(site, sku, 10_000)
        self.world.settle()
        assert not self.world.all_rows(Want)
        for part in self.world.parts():
            self._ship_all(part.part_id)
        self.world.settle()
        self.adds_up()
        for row in self.world.all_rows(Shelf):
            assert isinstance(row, Shelf)
            assert row.reserved == 0
        for row in self.world.all_rows(RemoteHold):
            assert isinstance(row, RemoteHold)
            assert row.state is not RemoteState.ASKED or not row.held
        states = {row.order_id: row.state for row in self.world.all_rows(Hold) if isinstance(row, Hold)}
        assert states.keys() == self.orders.keys()
        assert set(states.values()) <= {HoldState.ENDED, HoldState.RELEASED}

    def _waits_for_good_reason(self, hold: Hold) -> None:
        """Whatever was told: nobody has what an order waits for, or not all of it if it takes nothing less."""
        placed = self.orders[hold.order_id]
        needed: Counter[str] = Counter()
        for line in hold.open:
            needed[line.sku] += line.quantity
        if not needed:
            return
        if placed.backorder is Backorder.LINES and placed.may_split:
            assert not any(self._atp(site, sku) > 0 for site in ALL_SITES for sku in needed)
        elif placed.may_split:
            total = {sku: sum(max(0, self._atp(site, sku)) for site in ALL_SITES) for sku in needed}
            assert any(total[sku] < units for sku, units in needed.items())
        else:
            for site in ALL_SITES:
                assert any(self._atp(site, sku) < units for sku, units in needed.items())

    def _atp(self, site_id: str, sku: str) -> int:
        return self.world.shelf(site_id, sku).atp

    def _decide(self, placed: Order, word: str) -> None:
        place = {"order_id": placed.order_id, "version": 1, "region": placed.home_region}
        if word == "clear":
            self.world.send(OrderCleared(order=placed))
        elif word == "block":
            self.world.send(OrderBlocked.model_validate(place))
        else:
            self.world.send(HoldReleaseRequested.model_validate({**place, "reason": "declined"}))

    def _moved(self, part: Part, site_id: str) -> PartMove:
        total: dict[tuple[str, str], int] = {}
        for line in part.held:
            total[line.line_id, line.sku] = total.get((line.line_id, line.sku), 0) + line.quantity
        held = tuple(
            HeldLine(line_id=line_id, sku=sku, site_id=site_id, quantity=quantity)
            for (line_id, sku), quantity in total.items()
        )
        return PartMove(part_id=part.part_id, order_id=part.order_id, version=1, held=held)

    def _ship(self, part: Part, short: int, twice: bool) -> None:
        """All that the part holds at one site; up to `short` units of the first line are not found."""
        site_id = part.held[0].site_id
        here = [line for line in part.held if line.site_id == site_id]
        missing = min(short, here[0].quantity)
        self.shipments += 1
        shipment_id = f"s{self.shipments}"
        place = {
            "region": part.region,
            "order_id": part.order_id,
            "order_version": 1,
            "part_id": part.part_id,
            "shipment_id": shipment_id,
            "site_id": site_id,
        }
        events: list[ReplacementRequested | ShipmentShipped] = []
        if missing:
            lines = _lines([(here[0].line_id, here[0].sku, missing)])
            events.append(ReplacementRequested.model_validate({**place, "missing": lines}))
        left = [(line.line_id, line.sku, line.quantity - (missing if n == 0 else 0)) for n, line in enumerate(here)]
        if lines := _lines(left):
            events.insert(self.shipments % 2 and len(events), ShipmentShipped.model_validate({**place, "lines": lines}))
        for event in events * (2 if twice else 1):
            self.world.send(event)

    def _ship_all(self, part_id: str) -> None:
        while True:
            (part,) = (part for part in self.world.parts() if part.part_id == part_id)
            if not part.held:
                return
            self._ship(part, 0, False)

    def _audit(self, moved: StockMoved) -> None:
        for level in moved.shelves:
            shelf = (level.site_id, level.sku)
            if moved.exception:
                self.excused.add(shelf)
            assert level.reserved <= level.on_hand - level.safety or shelf in self.excused
            if level.reserved <= level.on_hand - level.safety:
                self.excused.discard(shelf)


def _lines(told: Iterable[tuple[str, str, int]]) -> tuple[LineQuantity, ...]:
    return tuple(
        LineQuantity(line_id=line_id, sku=sku, quantity=quantity) for line_id, sku, quantity in told if quantity
    )


TestReservation = Reservation.TestCase
TestReservation.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
