"""An order that home has in part: from home and others together, where that costs less than home first."""

from __future__ import annotations

import pytest

from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, SlipPassed
from support.reservation_world import World, of_kind, order

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
    ({"A": 2, "B": 0}, [("o1/south/2", "S1", "B", 1), ("o1/west/1", "W2", "A", 2)]),
    ({"A": 0, "B": 0}, [("o1/north/1", "N1", "A", 2), ("o1/south/2", "S1", "B", 1)]),
])  # fmt: skip
def test_what_is_no_longer_there_loses_nothing(left: dict[str, int], expected: list[tuple[str, str, str, int]]) -> None:
    """The west had more when it told; the south has B at a site that its neighbours would ask last."""
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
