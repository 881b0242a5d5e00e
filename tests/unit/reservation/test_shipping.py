"""What leaves: once per shipment, and made good where it was never found."""

from __future__ import annotations

from orderwing.reservation.rows import Hold, HoldState, Part
from orderwing.reservation.stock import Shipped
from orderwing_schemas.domain import Backorder, LineQuantity
from orderwing_schemas.events.allocation import ReplacementRequested
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.reservation import ReservationOutcome, StockMoved, StockReserved
from support.reservation_world import MINUTE_MS, World, of_kind, order

DAY_MS = 24 * 60 * MINUTE_MS


def lines(quantity: int) -> tuple[LineQuantity, ...]:
    return (LineQuantity(line_id="l-A", sku="A", quantity=quantity),)


def ship(quantity: int, site_id: str = "N1", region: str = "north", number: int = 1) -> ShipmentShipped:
    return ShipmentShipped(
        region=region,
        order_id="o1",
        order_version=1,
        part_id=f"o1/{region}/{number}",
        shipment_id=f"s-{site_id}",
        site_id=site_id,
        lines=lines(quantity),
    )


def short(quantity: int, site_id: str = "N1", region: str = "north") -> ReplacementRequested:
    return ReplacementRequested(
        region=region,
        part_id=f"o1/{region}/1",
        order_id="o1",
        order_version=1,
        shipment_id=f"s-{site_id}",
        site_id=site_id,
        missing=lines(quantity),
    )


def state_of(world: World) -> HoldState:
    hold = world.hold("o1")
    assert hold is not None
    return hold.state


def firm(quantity: int = 3, backorder: Backorder = Backorder.LINES) -> World:
    world = World()
    world.receive("N1", "A", 5)
    world.clear(order("o1", {"A": quantity}, backorder=backorder))
    return world


def test_a_shipment_lowers_on_hand_and_reserved_together_and_once() -> None:
    world = firm()
    world.send(ship(3))
    assert world.send(ship(3)) == []
    shelf = world.shelf("N1", "A")
    assert (shelf.on_hand, shelf.reserved) == (2, 0)
    assert state_of(world) is HoldState.ENDED
    world.now_ms += 31 * DAY_MS
    world.due()
    assert not any(world.all_rows(kind) for kind in (Hold, Part, Shipped))


def test_what_left_without_a_hold_is_on_record() -> None:
    world = firm()
    (moved,) = of_kind(world.send(ship(7)), StockMoved)
    assert (moved.shelves[0].on_hand, moved.shelves[0].reserved) == (0, 0)
    assert moved.exception is not None


def test_a_short_pick_is_made_good_from_another_site() -> None:
    world = firm()
    world.receive("N2", "A", 1)
    emitted = world.send(short(1))
    corrected = of_kind(emitted, StockMoved)[0]
    assert (corrected.kind, corrected.shelves[0].on_hand, corrected.shelves[0].reserved) == ("short_pick", 4, 2)
    assert corrected.exception is not None
    (part,) = of_kind(emitted, StockReserved)
    assert (part.part_id, part.replaces, part.held[0].site_id) == ("o1/north/2", "o1/north/1", "N2")
    assert world.send(short(1)) == []
    world.send(ship(2))
    world.send(ship(1, "N2", number=2))
    assert state_of(world) is HoldState.ENDED
    world.check()


def test_what_broke_after_a_transfer_is_made_good_and_no_shelf_is_corrected() -> None:
    world = firm()
    world.receive("N2", "A", 1)
    world.send(ship(2))  # the transfer; one unit is still held at N1
    broken = short(1, "N2").model_copy(update={"missing": (), "cross_docked": lines(1)})
    before = world.shelf("N2", "A")
    emitted = world.send(broken)
    (moved,) = of_kind(emitted, StockMoved)
    assert (moved.kind, world.shelf("N2", "A").on_hand) == ("held", before.on_hand)
    (part,) = of_kind(emitted, StockReserved)
    assert (part.replaces, [held.quantity for held in part.held]) == ("o1/north/1", [1])
    assert world.send(broken) == []
    world.check()


def test_a_parcel_of_nothing_from_a_shelf_is_on_the_log_all_the_same() -> None:
    world = firm()
    parcel = ship(1).model_copy(update={"lines": ()})
    (moved,) = of_kind(world.send(parcel), StockMoved)
    assert (moved.kind, moved.shelves) == ("shipped", ())
    assert world.send(parcel) == []
    world.check()


def test_a_short_pick_that_nobody_can_make_good_waits() -> None:
    world = firm(5)
    world.send(short(2))
    world.settle()
    told = world.recorded("o1")
    assert (told.outcome, told.waiting) == (ReservationOutcome.BACKORDERED, lines(2))
    world.send(ship(3))
    assert state_of(world) is HoldState.FIRM
    world.receive("N2", "A", 2)
    world.settle()
    assert world.reserved("o1")[-1].replaces == "o1/north/1"


def test_a_short_pick_of_an_order_that_may_not_wait_is_declined() -> None:
    world = firm(5, Backorder.NONE)
    world.send(short(5))
    world.settle()
    told = world.recorded("o1")
    assert (told.outcome, told.declined) == (ReservationOutcome.SHORT, lines(5))
    assert state_of(world) is HoldState.ENDED


def test_a_short_pick_is_sought_where_there_was_nothing_before() -> None:
    world = firm(7, Backorder.NONE)
    world.settle()
    assert world.recorded("o1").declined == lines(2)
    world.receive("S1", "A", 2)
    world.send(short(2))
    world.settle()
    assert (world.recorded("o1").declined, world.reserved("o1")[-1].region) == (lines(2), "south")


def test_a_remote_short_pick_is_made_good_by_home() -> None:
    world = World()
    world.receive("S1", "A", 3)
    world.clear(order("o1", {"A": 3}))
    world.settle()
    world.receive("N2", "A", 1)
    world.send(short(1, "S1", "south"))
    world.settle()
    part = world.reserved("o1")[-1]
    assert (part.region, part.replaces) == ("north", "o1/south/1")
    world.check()
