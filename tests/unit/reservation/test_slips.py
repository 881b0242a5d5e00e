"""Other regions: what home asks of them, and every moment at which the answer may come."""

from __future__ import annotations

import pytest

from orderwing.kernel.machine import IllegalTransitionError
from orderwing.reservation.rows import Hold, HoldState, Want
from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import (
    RemoteHoldSettled,
    ReservationOutcome,
    SlipPassed,
    SlipReturned,
    StockMoved,
    WantOffered,
)
from support.reservation_world import MINUTE_MS, REGION_OF, START_MS, World, of_kind, order

RELEASE = HoldReleaseRequested(order_id="o1", version=1, region="north", reason="declined")


def test_the_slip_goes_in_the_soft_phase_and_clearing_needs_no_second_trip() -> None:
    world = World()
    world.receive("N1", "A", 2)
    world.receive("S1", "A", 1)
    world.receive("W2", "A", 9)
    placed = order("o1", {"A": 5})
    world.request(placed)
    world.settle()
    assert [world.shelf(site, "A").reserved for site in ("N1", "S1", "W2")] == [2, 1, 2]
    world.clear(placed)
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    world.settle()
    assert {part.part_id: part.region for part in world.reserved("o1")} == {
        "o1/north/1": "north",
        "o1/south/2": "south",
        "o1/west/3": "west",
    }
    assert len(of_kind(world.emitted, SlipReturned)) == 1
    world.check()


def test_cleared_while_the_slip_is_away() -> None:
    world = World()
    world.receive("S1", "A", 5)
    placed = order("o1", {"A": 5})
    world.request(placed)
    assert world.clear(placed) == []
    world.settle()
    (part,) = world.reserved("o1")
    assert part.region == "south"


@pytest.mark.parametrize("delivered", [0, 1])
def test_released_while_the_slip_is_away(delivered: int) -> None:
    world = World()
    world.receive("S1", "A", 5)
    world.request(order("o1", {"A": 5}))
    for _ in range(delivered):
        world.deliver(lambda pairs: pairs[0])
    world.send(RELEASE)
    world.settle()
    assert world.shelf("S1", "A").reserved == 0
    world.check()


def test_released_after_the_slip_is_back() -> None:
    world = World()
    world.receive("S1", "A", 5)
    world.request(order("o1", {"A": 5}))
    world.settle()
    assert world.shelf("S1", "A").reserved == 5
    world.send(RELEASE)
    world.settle()
    assert world.shelf("S1", "A").reserved == 0


def test_lapsed_while_the_slip_is_away_then_cleared() -> None:
    world = World()
    world.receive("N1", "A", 2)
    world.receive("S1", "A", 3)
    placed = order("o1", {"A": 5})
    world.request(placed)
    world.now_ms += 30 * MINUTE_MS
    world.due()
    world.clear(placed)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert sorted(part.region for part in world.reserved("o1")) == ["north", "south"]
    world.check()


def test_a_slip_that_comes_twice_holds_once() -> None:
    world = World()
    world.receive("S1", "A", 9)
    (slip,) = of_kind(world.request(order("o1", {"A": 5})), SlipPassed)
    world.send(slip)
    assert world.send(slip) == []
    assert world.shelf("S1", "A").reserved == 5


def test_a_return_that_comes_twice_counts_once() -> None:
    world = World()
    world.receive("S1", "A", 9)
    world.request(order("o1", {"A": 5}))
    world.settle()
    (back,) = of_kind(world.emitted, SlipReturned)
    assert world.send(back) == []


def test_home_keeps_only_what_is_held() -> None:
    world = World()
    told = RemoteHoldSettled(
        region="south", order_id="o1", version=1, slip=1, keep=True, part_id="o1/south/1", home="north"
    )
    with pytest.raises(IllegalTransitionError, match="nothing"):
        world.send(told)


def test_a_want_left_elsewhere_is_served_there_and_withdrawn_everywhere() -> None:
    world = World()
    world.clear(order("o1", {"A": 2}))
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    assert len(world.all_rows(Want)) == 3
    world.receive("W1", "A", 5)
    world.settle()
    (part,) = world.reserved("o1")
    assert part.region == "west"
    assert not world.all_rows(Want)


def test_an_offer_to_an_order_that_wants_nothing_takes_the_want_back() -> None:
    world = World()
    offer = WantOffered(region="north", order_id="o1", version=1, sku="A", from_region="west")
    (told,) = of_kind(world.send(offer), RemoteHoldSettled)
    assert (told.region, told.wants, told.keep) == ("west", (), False)


def test_two_whole_orders_after_the_same_last_units_do_not_block_each_other() -> None:
    world = World()
    first = order("o1", {"A": 1, "B": 1}, "north", backorder=Backorder.WHOLE)
    second = order("o2", {"A": 1, "B": 1}, "west", backorder=Backorder.WHOLE)
    for placed in (first, second):
        world.clear(placed)
    world.settle()
    world.receive("S1", "A", 1)
    world.receive("W1", "B", 1)
    turn = 0

    def fairly(pairs: list[tuple[str, str]]) -> tuple[str, str]:
        nonlocal turn
        turn += 1
        return pairs[turn % len(pairs)]

    while world.deliver(fairly):
        assert turn < 500
    outcomes = sorted(world.recorded(name).outcome for name in ("o1", "o2"))
    assert outcomes == [ReservationOutcome.BACKORDERED, ReservationOutcome.RESERVED]
    world.check()


def test_an_order_that_may_not_be_split_finds_its_one_site_elsewhere() -> None:
    world = World()
    world.receive("N1", "A", 1)
    world.receive("W1", "A", 1)
    world.receive("W1", "B", 1)
    placed = order("o1", {"A": 1, "B": 1}, may_split=False)
    world.request(placed)
    world.clear(placed)
    world.settle()
    (part,) = world.reserved("o1")
    assert {line.site_id for line in part.held} == {"W1"}
    assert world.shelf("N1", "A").reserved == 0


def test_home_hears_that_a_remote_part_is_over() -> None:
    world = World()
    world.receive("S1", "A", 5)
    placed = order("o1", {"A": 5})
    world.clear(placed)
    world.settle()
    (part,) = world.reserved("o1")
    shipped = ShipmentShipped(
        region="south",
        order_id="o1",
        order_version=1,
        part_id=part.part_id,
        shipment_id="s1",
        site_id="S1",
        lines=tuple(world.recorded("o1").reserved),
    )
    world.send(shipped)
    world.settle()
    (hold,) = world.all_rows(Hold)
    assert isinstance(hold, Hold)
    assert hold.state is HoldState.ENDED
    assert hold.wake_at_ms is not None


def test_stock_that_comes_between_the_slip_and_the_want_is_offered() -> None:
    world = World()
    world.clear(order("o1", {"A": 2}))
    world.deliver(lambda _: ("north", "south"))
    world.receive("S1", "A", 2)
    world.settle()
    (part,) = world.reserved("o1")
    assert part.region == "south"


def test_what_is_offered_while_a_slip_is_away_is_taken_when_it_is_back() -> None:
    world = World()
    world.clear(order("o1", {"A": 3}))
    world.settle()
    world.receive("S1", "A", 1)
    world.deliver(lambda _: ("south", "north"))
    world.receive("W1", "A", 2)
    world.deliver(lambda _: ("west", "north"))
    hold = world.hold("o1")
    assert hold is not None
    assert (hold.state, hold.offers) == (HoldState.FIRM_ASKING, ("west",))
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert [part.region for part in world.reserved("o1")] == ["south", "west"]


def test_a_whole_order_looks_before_it_takes() -> None:
    """Else it would take and give back for ever: what it gives back is offered to it."""
    world = World()
    world.clear(order("o1", {"A": 1, "B": 1}, backorder=Backorder.WHOLE))
    world.settle()
    world.receive("S1", "A", 1)
    world.settle()
    assert {moved.kind for moved in of_kind(world.emitted, StockMoved)} == {"received"}
    world.receive("W1", "B", 1)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED


@pytest.mark.parametrize("taken_in", ["N1", "S1"])
@pytest.mark.parametrize("backorder", [Backorder.LINES, Backorder.WHOLE])
def test_what_was_offered_to_one_that_took_elsewhere_is_offered_to_the_next(
    taken_in: str, backorder: Backorder
) -> None:
    world = World()
    for number in (1, 2):
        world.clear(order(f"o{number}", {"A": 2}, placed_at_ms=START_MS + number, backorder=backorder))
    world.settle()
    for site_id in ("N1", "S1"):
        world.receive(site_id, "A", 2)
    for pair in ((REGION_OF[taken_in], "north"), ("north", REGION_OF[taken_in])):
        world.deliver(lambda pairs, pair=pair: pair if pair in pairs else pairs[0])  # type: ignore[misc]
    world.settle()
    assert {len(world.reserved(name)) for name in ("o1", "o2")} == {1}
    assert not world.all_rows(Want)
    world.check()


@pytest.mark.parametrize("site_id", ["N1", "S1"])
def test_what_cannot_be_sent_to_the_first_in_turn_is_for_the_next(site_id: str) -> None:
    world = World()
    nowhere = order("o1", {"A": 2}, placed_at_ms=START_MS).model_copy(update={"zone": "nowhere"})
    for placed in (nowhere, order("o2", {"A": 2}, placed_at_ms=START_MS + 1)):
        world.clear(placed)
    world.settle()
    world.receive(site_id, "A", 2)
    world.settle()
    assert len(world.reserved("o2")) == 1
    world.check()


def test_what_home_offered_to_one_that_took_elsewhere_is_offered_to_the_next() -> None:
    world = World()
    for number in (1, 2):
        world.clear(order(f"o{number}", {"A": 2}, placed_at_ms=START_MS + number))
    world.settle()
    world.receive("S1", "A", 2)
    world.deliver(lambda _: ("south", "north"))
    world.receive("N1", "A", 2)
    world.settle()
    assert [[part.region for part in world.reserved(name)] for name in ("o1", "o2")] == [["south"], ["north"]]
    assert not world.all_rows(Want)
