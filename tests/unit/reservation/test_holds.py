"""Home: every way in which a hold begins and ends."""

from __future__ import annotations

import msgspec
import pytest

from orderwing.reservation.rows import Hold, HoldState, Part, RemoteHold, Want, WantList
from orderwing.reservation.stock import Shelf
from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.fraud import HoldExtended, OrderBlocked
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, StockMoved, StockReserved
from support.reservation_world import MINUTE_MS, START_MS, World, network, of_kind, order

DAY_MS = 24 * 60 * MINUTE_MS


def alone() -> World:
    """One region, so that nobody else is asked."""
    return World(network(regions=("north",)))


def state_of(world: World, order_id: str) -> HoldState:
    hold = world.hold(order_id)
    assert hold is not None
    return hold.state


def test_soft_then_firm_is_one_part_at_one_site() -> None:
    world = World()
    world.receive("N1", "A", 5)
    world.receive("N2", "A", 5)
    world.receive("N2", "B", 1)
    placed = order("o1", {"A": 3, "B": 1})
    world.request(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.HELD
    assert state_of(world, "o1") is HoldState.SOFT
    (part,) = of_kind(world.clear(placed), StockReserved)
    assert part.part_id == "o1/north/1"
    assert {line.site_id for line in part.held} == {"N2"}
    assert set(part.seen) == {("N1", "A", 5), ("N2", "A", 2), ("N2", "B", 0)}
    told = world.recorded("o1")
    assert told.outcome is ReservationOutcome.RESERVED
    assert told.parts == ("o1/north/1",)
    assert told.promise_at_ms == part.promise_at_ms > START_MS
    world.check()


def test_the_card_says_why_each_site_lost() -> None:
    world = alone()
    world.receive("N1", "A", 2)
    world.receive("N2", "A", 5)
    (card,) = of_kind(world.request(order("o1", {"A": 3})), DecisionCard)
    assert card.chosen == "N2"
    assert [(c.label, c.lost_because) for c in card.candidates] == [("N2", None), ("N1", "lacks 1 of 3 units")]
    assert set(card.seen) == {("N1", "A", 2), ("N2", "A", 5)}


def test_the_card_tells_what_a_site_that_has_all_would_have_cost() -> None:
    world = alone()
    world.receive("N1", "A", 5)
    world.receive("N2", "A", 5)
    (card,) = of_kind(world.request(order("o1", {"A": 3})), DecisionCard)
    chosen, loser = card.candidates
    assert (chosen.label, loser.label, loser.lost_because) == ("N1", "N2", "dearer by 1")
    assert chosen.cost_minor is not None
    assert loser.cost_minor == chosen.cost_minor + 1  # it asks a penny more for each line
    for candidate in card.candidates:
        assert {"parcel", "handling_lines"} <= dict(candidate.terms).keys()
        assert sum(amount for _, amount in candidate.terms) == candidate.cost_minor


def test_rows_survive_the_changelog() -> None:
    world = World()
    world.receive("N1", "A", 1)
    world.receive("S1", "A", 1)
    world.clear(order("o1", {"A": 3}))
    world.request(order("o2", {"A": 1}))
    world.settle()
    rows = [row for view in world.views.values() for row in view.rows.values()]
    assert {type(row) for row in rows} >= {Shelf, Hold, RemoteHold, Part, Want, WantList}
    for row in rows:
        assert msgspec.json.decode(msgspec.json.encode(row), type=type(row)) == row


def test_an_order_costs_a_row_a_line_and_one_for_the_hold() -> None:
    world = alone()
    for sku in "ABC":
        world.receive("N1", sku, 5)
    view = world.views["north"]
    before = dict(view.rows)
    world.request(order("o1", {"A": 1, "B": 1, "C": 1}))
    assert len([row for place, row in view.rows.items() if before.get(place) is not row]) == 4


def test_cleared_first_then_requested() -> None:
    world = World()
    world.receive("N1", "A", 5)
    placed = order("o1", {"A": 3})
    assert of_kind(world.clear(placed), StockReserved)
    assert world.request(placed) == []
    assert world.clear(placed) == []
    assert world.shelf("N1", "A").reserved == 3


def test_a_soft_hold_lapses_and_is_made_anew_when_cleared() -> None:
    world = World()
    world.receive("N1", "A", 5)
    placed = order("o1", {"A": 3})
    world.request(placed)
    world.now_ms += 30 * MINUTE_MS
    world.due()
    assert world.shelf("N1", "A").reserved == 0
    assert world.recorded("o1").outcome is ReservationOutcome.LAPSED
    assert of_kind(world.emitted, StockMoved)[-1].kind == "released"
    world.clear(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert world.shelf("N1", "A").reserved == 3


@pytest.mark.parametrize("overtaken", [False, True])
def test_a_review_keeps_the_soft_hold(overtaken: bool) -> None:
    world = World()
    world.receive("N1", "A", 5)
    until_ms = world.now_ms + 60 * MINUTE_MS
    extended = HoldExtended(order_id="o1", version=1, region="north", until_ms=until_ms)
    asked = SoftHoldRequested(order=order("o1", {"A": 3}))
    for event in (extended, asked) if overtaken else (asked, extended):
        world.send(event)
    world.now_ms += 59 * MINUTE_MS
    world.due()
    assert world.shelf("N1", "A").reserved == 3
    world.now_ms = until_ms
    world.due()
    assert world.shelf("N1", "A").reserved == 0


@pytest.mark.parametrize("late", [False, True])
def test_blocked_or_refused_gives_back_and_stays_so(late: bool) -> None:
    world = World()
    world.receive("N1", "A", 5)
    placed = order("o1", {"A": 3})
    stop = HoldReleaseRequested(order_id="o1", version=1, region="north", reason="declined")
    if late:
        world.send(stop)
        world.request(placed)
    else:
        world.request(placed)
        world.send(stop)
    world.clear(placed)
    assert world.shelf("N1", "A").reserved == 0
    assert world.recorded("o1").outcome is ReservationOutcome.RELEASED
    assert world.recorded("o1").reason == "declined"
    assert not world.reserved("o1")
    world.now_ms += 31 * DAY_MS
    world.due()
    assert not world.all_rows(Hold)


def test_a_firm_hold_is_not_released() -> None:
    world = World()
    world.receive("N1", "A", 5)
    placed = order("o1", {"A": 3})
    world.request(placed)
    world.clear(placed)
    assert world.send(OrderBlocked(order_id="o1", version=1, region="north")) == []
    assert world.shelf("N1", "A").reserved == 3


def test_the_last_unit_goes_to_one_of_two() -> None:
    world = alone()
    world.receive("N1", "A", 1)
    first, second = (order(name, {"A": 1}, backorder=Backorder.NONE) for name in ("o1", "o2"))
    for placed in (first, second):
        world.request(placed)
    for placed in (second, first):
        world.clear(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    short = world.recorded("o2")
    assert short.outcome is ReservationOutcome.SHORT
    assert [line.quantity for line in short.declined] == [1]
    assert state_of(world, "o2") is HoldState.ENDED


def test_lines_wait_and_are_served_on_receipt() -> None:
    world = alone()
    world.receive("N1", "A", 1)
    placed = order("o1", {"A": 3, "B": 1})
    world.request(placed)
    world.clear(placed)
    told = world.recorded("o1")
    assert told.outcome is ReservationOutcome.BACKORDERED
    assert {(line.sku, line.quantity) for line in told.waiting} == {("A", 2), ("B", 1)}
    world.receive("N2", "A", 1)
    world.settle()
    assert {(line.sku, line.quantity) for line in world.recorded("o1").waiting} == {("A", 1), ("B", 1)}
    world.receive("N2", "A", 9)
    world.receive("N2", "B", 9)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert [part.part_id for part in world.reserved("o1")] == [f"o1/north/{n}" for n in (1, 2, 3)]
    world.check()


def test_an_order_that_waits_whole_holds_nothing_meanwhile() -> None:
    world = alone()
    world.receive("N1", "A", 5)
    placed = order("o1", {"A": 3, "B": 1}, backorder=Backorder.WHOLE)
    world.request(placed)
    world.clear(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    assert world.shelf("N1", "A").reserved == 0
    world.receive("N2", "B", 1)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert (world.shelf("N1", "A").reserved, world.shelf("N2", "B").reserved) == (3, 1)


def test_an_order_that_may_not_be_split_comes_from_one_site_or_not_at_all() -> None:
    world = alone()
    world.receive("N1", "A", 1)
    world.receive("N2", "B", 1)
    placed = order("o1", {"A": 1, "B": 1}, backorder=Backorder.NONE, may_split=False)
    world.request(placed)
    world.clear(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.SHORT
    assert not world.reserved("o1")


def test_freed_stock_goes_by_promise_then_age() -> None:
    world = alone()
    for name, hours in (("young", 2), ("old", 0), ("middle", 1)):
        world.clear(order(name, {"A": 1}, placed_at_ms=START_MS + hours * 60 * MINUTE_MS))
    world.receive("N1", "A", 2)
    world.settle()
    served = [event.order.order_id for event in of_kind(world.emitted, StockReserved)]
    assert served == ["old", "middle"]
