"""An order wanted in one box: whole from one site elsewhere rather than split, within the delay that is acceptable."""

from __future__ import annotations

import pytest

from orderwing.reservation.rows import HoldState, Want
from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, SlipPassed
from support.reservation_world import MINUTE_MS, World, network, of_kind, order

LINES = {"A": 2, "B": 1}


def stocked(world: World, *places: tuple[str, str, int]) -> World:
    for site_id, sku, quantity in places:
        world.receive(site_id, sku, quantity)
    return world


def all_of_it(world: World) -> list[tuple[str, str]]:
    """(part, site) of what is reserved."""
    return sorted((part.part_id, line.site_id) for part in world.reserved("o1") for line in part.held)


def cards(world: World) -> list[DecisionCard]:
    return [card for card in of_kind(world.emitted, DecisionCard) if card.decision == "one box or several"]


@pytest.mark.parametrize("at_home", [("N1", "N1"), ("N1", "N2"), ("N1", None)], ids=["whole", "two sites", "a part"])
def test_it_goes_whole_from_elsewhere_only_where_home_would_send_several(at_home: tuple[str, str | None]) -> None:
    home = [(site, sku, 2) for site, sku in zip(at_home, LINES, strict=True) if site]
    world = stocked(World(), *home, ("S2", "A", 1), ("S2", "B", 1), ("W2", "A", 2), ("W2", "B", 1))
    placed = order("o1", LINES, one_box=True)
    world.request(placed)
    world.settle()
    world.check()
    world.clear(placed)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    if at_home == ("N1", "N1"):
        assert not of_kind(world.emitted, SlipPassed)
        assert all_of_it(world) == [("o1/north/1", "N1")] * 2
    else:
        assert all_of_it(world) == [("o1/west/1", "W2")] * 2
        assert [card.chosen for card in cards(world)] == ["W2"]
        assert world.shelf("N1", "A").reserved == 0
    world.check()


def test_others_take_as_many_boxes_as_before() -> None:
    world = stocked(World(), ("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1))
    placed = order("o1", LINES)
    world.clear(placed)
    world.settle()
    assert all_of_it(world) == [("o1/north/1", "N1"), ("o1/west/2", "W2")]


def test_where_no_one_site_has_all_it_is_split_and_the_card_says_so() -> None:
    world = stocked(World(), ("N1", "A", 2), ("S1", "A", 2), ("S2", "B", 1))
    placed = order("o1", LINES, one_box=True)
    world.request(placed)
    world.settle()
    world.clear(placed)
    world.settle()
    assert all_of_it(world) == [("o1/north/1", "N1"), ("o1/south/2", "S2")]
    (card,) = cards(world)
    assert card.chosen == "several boxes"
    assert [(candidate.label, bool(candidate.lost_because)) for candidate in card.candidates] == [
        ("several boxes", False),
        ("south", True),
        ("west", True),
    ]
    assert "it is split" in card.notes[0]
    world.check()


@pytest.mark.parametrize(("max_delay_minutes", "parts"), [(59, 2), (60, 1)])
def test_one_box_comes_no_later_than_is_acceptable(max_delay_minutes: int, parts: int) -> None:
    """From the west it takes an hour longer than the two boxes of north and south."""
    world = World(network(transit_minutes={"west": 180}))
    stocked(world, ("N1", "A", 2), ("S1", "B", 1), ("W1", "A", 2), ("W1", "B", 1))
    world.clear(order("o1", LINES, one_box=True, max_delay_minutes=max_delay_minutes))
    world.settle()
    assert len(world.reserved("o1")) == parts
    (card,) = (card for card in of_kind(world.emitted, DecisionCard) if card.decision == "route to one box")
    too_late = [c.label for c in card.candidates if "can deliver in time" in (c.lost_because or "")]
    assert too_late == (["west"] if parts == 2 else [])


def test_home_keeps_its_share_while_one_site_is_sought() -> None:
    world = stocked(World(), ("N1", "A", 2), ("S1", "B", 1))
    world.request(order("o1", LINES, one_box=True))
    assert world.shelf("N1", "A").reserved == 2
    world.request(order("o2", {"A": 2}, backorder=Backorder.NONE))
    world.settle()
    assert world.shelf("N1", "A").reserved == 2
    world.check()


@pytest.mark.parametrize("delivered", range(4))
def test_released_at_any_moment_nothing_stays_held(delivered: int) -> None:
    world = stocked(World(), ("N1", "A", 2), ("W1", "A", 2), ("W1", "B", 1))
    world.request(order("o1", LINES, one_box=True))
    for _ in range(delivered):
        world.deliver(lambda pairs: pairs[0])
    world.send(HoldReleaseRequested(order_id="o1", version=1, region="north", reason="declined"))
    world.settle()
    assert [world.shelf(*place).reserved for place in (("N1", "A"), ("W1", "A"), ("W1", "B"))] == [0, 0, 0]
    world.check()


@pytest.mark.parametrize("back_first", [True, False])
def test_lapsed_while_one_site_is_sought_then_cleared(back_first: bool) -> None:
    world = stocked(World(), ("N1", "A", 2), ("W1", "A", 2), ("W1", "B", 1))
    placed = order("o1", LINES, one_box=True)
    world.request(placed)
    world.now_ms += 30 * MINUTE_MS
    world.due()
    if back_first:
        world.settle()
        assert world.shelf("W1", "A").reserved == 0
    world.clear(placed)
    world.settle()
    assert all_of_it(world) == [("o1/west/1", "W1")] * 2
    hold = world.hold("o1")
    assert hold is not None
    assert hold.state is HoldState.FIRM
    world.check()


@pytest.mark.parametrize("backorder", [Backorder.LINES, Backorder.WHOLE])
@pytest.mark.parametrize("at_home", [2, 1], ids=["all of it", "a part"])
def test_an_order_that_waited_is_not_split_at_home_where_a_neighbour_has_a_site_with_all(
    backorder: Backorder, at_home: int
) -> None:
    """What home has is offered before what the neighbour has."""
    world = World()
    world.clear(order("o1", LINES, one_box=True, backorder=backorder))
    world.settle()
    stocked(world, ("W1", "A", 2), ("W1", "B", 1), ("N1", "A", at_home), ("N2", "B", 1))
    world.settle()
    assert {site_id for _, site_id in all_of_it(world)} == {"W1"}
    assert not world.all_rows(Want)
    world.check()


def test_what_others_offer_is_not_forgotten_while_one_site_is_sought() -> None:
    world = World()
    world.clear(order("o1", LINES, one_box=True))
    world.settle()
    stocked(world, ("N1", "A", 2), ("W1", "B", 1))
    world.deliver(lambda _: ("west", "north"))
    assert world.shelf("N1", "A").reserved == 2
    world.settle()
    assert all_of_it(world) == [("o1/north/1", "N1"), ("o1/west/2", "W1")]
    assert not world.all_rows(Want)


@pytest.mark.parametrize("has_all", ["W1", "N2", None])
def test_an_order_that_waits_for_all_takes_one_site_that_has_all_before_several(has_all: str | None) -> None:
    """Looked for in the order of the network: several sites would be found in north and south first."""
    world = World()
    world.clear(order("o1", LINES, one_box=True, backorder=Backorder.WHOLE))
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    stocked(world, ("N1", "A", 2))
    if has_all:
        stocked(world, (has_all, "A", 2))
    world.receive("S1", "B", 1)
    if has_all:
        world.receive(has_all, "B", 1)
    world.settle()
    sites = {site_id for _, site_id in all_of_it(world)}
    assert sites == ({has_all} if has_all else {"N1", "S1"})
    assert [card.chosen for card in cards(world)][-1] == (has_all if has_all == "W1" else "several boxes")
    world.check()
