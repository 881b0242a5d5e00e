"""An order that home has in part: from home and others together, where that costs less than home first."""

from __future__ import annotations

import pytest

from orderwing_schemas.domain import Backorder, Order
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, SlipPassed, SlipReturned
from orderwing_schemas.network import Network
from support.memory_view import MemoryReference
from support.reservation_world import MINUTE_MS, World, of_kind, order

LINES = {"A": 2, "B": 1}


def stocked(*places: tuple[str, str, int]) -> World:
    """And every region has told the others."""
    world = World()
    for site_id, sku, quantity in places:
        world.receive(site_id, sku, quantity)
    world.tell()
    world.settle()
    return world


def parts(world: World) -> list[tuple[str, str, str, int]]:
    """(part, site, SKU, units) of what is reserved."""
    held = [(part.part_id, line) for part in world.reserved("o1") for line in part.held]
    return sorted((part_id, line.site_id, line.sku, line.quantity) for part_id, line in held)


def cards(world: World) -> list[DecisionCard]:
    return [card for card in of_kind(world.emitted, DecisionCard) if card.decision == "home and others together"]


@pytest.mark.parametrize("cleared_first", [True, False])
def test_one_box_from_elsewhere_rather_than_one_of_each(cleared_first: bool) -> None:
    world = stocked(("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1))
    placed = order("o1", LINES)
    if not cleared_first:
        world.request(placed)
        assert world.shelf("N1", "A").reserved == 2, "home keeps what it holds while the slip is away"
        world.settle()
        assert world.shelf("N1", "A").reserved == 0
        world.check()
    world.clear(placed)
    world.settle()
    assert parts(world) == [("o1/west/1", "W2", "A", 2), ("o1/west/1", "W2", "B", 1)]
    (card,) = cards(world)
    assert card.chosen == "W2"
    ours, home_first = card.candidates[:2]
    assert ours.cost_minor is not None
    assert home_first.cost_minor is not None
    assert home_first.label == "home first"
    assert home_first.lost_because == f"dearer by {home_first.cost_minor - ours.cost_minor}"
    assert ours.cost_minor == sum(amount for _, amount in ours.terms)
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    world.check()


def test_home_keeps_what_others_need_not_send() -> None:
    """Home would send three boxes with the one from the west; so it sends one."""
    lines = {"A": 1, "B": 1, "C": 1}
    world = stocked(("N1", "A", 1), ("N2", "B", 1), ("W1", "B", 1), ("W1", "C", 1))
    world.clear(order("o1", lines))
    world.settle()
    assert parts(world) == [("o1/north/1", "N1", "A", 1), ("o1/west/2", "W1", "B", 1), ("o1/west/2", "W1", "C", 1)]
    assert world.shelf("N2", "B").reserved == 0
    world.check()


def test_home_comes_first_where_together_is_no_cheaper() -> None:
    world = stocked(("N1", "A", 2), ("W2", "B", 1))
    world.clear(order("o1", LINES))
    world.settle()
    assert parts(world) == [("o1/north/1", "N1", "A", 2), ("o1/west/2", "W2", "B", 1)]
    assert not cards(world)
    (slip,) = {event.slip: event for event in of_kind(world.emitted, SlipPassed)}.values()
    assert [line.sku for line in slip.open_lines] == ["B"]


@pytest.mark.parametrize(("left", "expected"), [
    ({"A": 0, "B": 1}, [("o1/north/1", "N1", "A", 2), ("o1/west/2", "W2", "B", 1)]),
    ({"A": 1, "B": 1}, [("o1/north/1", "N1", "A", 1), ("o1/west/2", "W2", "A", 1), ("o1/west/2", "W2", "B", 1)]),
    ({"A": 2, "B": 0}, [("o1/north/1", "N1", "A", 2), ("o1/south/2", "S1", "B", 1)]),
    ({"A": 0, "B": 0}, [("o1/north/1", "N1", "A", 2), ("o1/south/2", "S1", "B", 1)]),
])  # fmt: skip
def test_what_is_no_longer_there_loses_nothing(left: dict[str, int], expected: list[tuple[str, str, str, int]]) -> None:
    """The west had more when it told; the south has B. What others hold for nothing they get back."""
    world = stocked(("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1), ("S1", "B", 1))
    other = {sku: {"A": 2, "B": 1}[sku] - units for sku, units in left.items() if units < {"A": 2, "B": 1}[sku]}
    if other:
        world.clear(order("o2", other, home="west"))
    placed = order("o1", LINES)
    world.clear(placed)
    world.settle()
    assert sorted(parts(world)) == sorted(expected)
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    world.check()


def asked(cleared: bool) -> tuple[World, Order]:
    """The slip is away: home holds two of A, the west is to hold them, and the B that home lacks."""
    world = stocked(("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1))
    placed = order("o1", LINES)
    if cleared:
        world.clear(placed)
    else:
        world.request(placed)
    assert len(cards(world)) == 1
    return world, placed


def held(world: World, site_id: str, sku: str) -> int:
    return world.shelf(site_id, sku).reserved


def test_a_hold_that_lapses_meanwhile_gives_all_back() -> None:
    world, placed = asked(cleared=False)
    world.now_ms += 31 * MINUTE_MS
    world.due()
    assert held(world, "N1", "A") == 0
    world.settle()
    world.check()
    assert (held(world, "W2", "A"), held(world, "W2", "B")) == (0, 0)
    world.clear(placed)
    world.settle()
    world.check()
    assert parts(world) == [("o1/west/1", "W2", "A", 2), ("o1/west/1", "W2", "B", 1)]


@pytest.mark.parametrize("one_more", [0, 1])
def test_one_that_lapses_and_is_cleared_while_the_slip_is_away_takes_what_it_brings(one_more: int) -> None:
    """Home holds nothing by then, so there is nothing to give up, and nothing is taken twice."""
    world, placed = asked(cleared=False)
    world.now_ms += 31 * MINUTE_MS
    world.due()
    if one_more:
        world.receive("N1", "B", 1)
    world.clear(placed)
    world.settle()
    world.check()
    assert parts(world) == [("o1/west/1", "W2", "A", 2), ("o1/west/1", "W2", "B", 1)]
    assert (held(world, "N1", "A"), held(world, "N1", "B")) == (0, 0)


@pytest.mark.parametrize("there_already", [False, True])
def test_one_that_is_stopped_meanwhile_gives_all_back(there_already: bool) -> None:
    world, placed = asked(cleared=False)
    if there_already:
        world.deliver(lambda pairs: ("north", "west"))
    world.send(HoldReleaseRequested(region="north", order_id="o1", version=1, reason="declined"))
    world.settle()
    world.clear(placed)
    world.settle()
    world.check()
    assert not parts(world)
    assert {held(world, *place) for place in (("N1", "A"), ("W2", "A"), ("W2", "B"))} == {0}


@pytest.mark.parametrize("cleared", [True, False])
def test_an_answer_told_twice_gives_up_once(cleared: bool) -> None:
    world, placed = asked(cleared)
    world.settle()
    (returned,) = of_kind(world.emitted, SlipReturned)
    assert not world.send(returned)
    world.clear(placed)
    world.settle()
    world.check()
    assert parts(world) == [("o1/west/1", "W2", "A", 2), ("o1/west/1", "W2", "B", 1)]


@pytest.mark.parametrize("cleared", [True, False])
@pytest.mark.parametrize("site_id", ["N1", "W2"])
def test_a_site_that_the_network_loses_meanwhile(site_id: str, cleared: bool) -> None:
    """The slip has been at the west, and is on its way home."""
    world, placed = asked(cleared)
    world.receive("S1", "B", 1)
    world.deliver(lambda pairs: ("north", "west"))
    base = world.network
    world.network = base.model_copy(
        update={
            "version": 2,
            "sites": tuple(site for site in base.sites if site.site_id != site_id),
            "lanes": tuple(lane for lane in base.lanes if lane.site_id != site_id),
        }
    )
    world.network = Network.model_validate(world.network.model_dump())
    for view in world.views.values():
        view.reference = MemoryReference(world.network)
    world.settle()
    world.clear(placed)
    world.settle()
    world.check()
    assert {(at, sku) for _, at, sku, _ in parts(world)} == (
        {("W2", "A"), ("W2", "B")} if site_id == "N1" else {("N1", "A"), ("S1", "B")}
    )
    assert sum(quantity for *_, quantity in parts(world)) == 3


@pytest.mark.parametrize("backorder", Backorder)
def test_two_that_want_the_same_the_other_way_round_do_not_block_each_other(backorder: Backorder) -> None:
    """Each home has what the other lacks, and each asks for the other's, too: both slips are away at once."""
    world = stocked(("N1", "A", 2), ("N1", "C", 1), ("W1", "A", 2), ("W1", "B", 1))
    world.clear(order("o1", LINES, backorder=backorder))
    world.clear(order("o2", {"A": 2, "C": 1}, home="west", backorder=backorder))
    assert len(cards(world)) == 2
    world.settle()
    world.check()
    for order_id in ("o1", "o2"):
        assert sum(line.quantity for part in world.reserved(order_id) for line in part.held) == 3


@pytest.mark.parametrize("wish", [{"one_box": True}, {"may_split": False}])
def test_one_that_wants_a_single_box_is_asked_for_as_such(wish: dict[str, bool]) -> None:
    world = stocked(("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1))
    world.clear(order("o1", LINES, **wish))  # type: ignore[arg-type]  # of `order`
    world.settle()
    world.check()
    assert not cards(world)
    assert {(site_id, sku) for _, site_id, sku, _ in parts(world)} == {("W2", "A"), ("W2", "B")}


def test_steering_prices_count_in_both_ways() -> None:
    """The west's A is worth more to others than a second box costs."""
    world = stocked(("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1))
    for view in world.views.values():
        view.reference = MemoryReference(world.network, prices={("W2", "A"): 10_000})
    world.clear(order("o1", LINES))
    world.settle()
    assert parts(world) == [("o1/north/1", "N1", "A", 2), ("o1/west/2", "W2", "B", 1)]
    assert not cards(world)
