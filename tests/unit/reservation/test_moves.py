"""Moves are all or nothing, and refused where allocation's belief is out of date."""

from __future__ import annotations

import pytest

from orderwing_schemas.base import Event
from orderwing_schemas.domain import HeldLine
from orderwing_schemas.events.allocation import MoveRequested
from orderwing_schemas.events.reservation import HoldMoved, MoveRefused, PartMove
from support.reservation_world import World, order


def move(order_id: str, site_id: str, quantity: int = 1, part: str = "north/1") -> PartMove:
    held = (HeldLine(line_id="l-A", sku="A", site_id=site_id, quantity=quantity),)
    return PartMove(part_id=f"{order_id}/{part}", order_id=order_id, version=1, held=held)


def ask(world: World, *moves: PartMove, move_id: str = "m1") -> Event:
    """The answer."""
    emitted = world.send(MoveRequested(region="north", move_id=move_id, moves=moves))
    world.check()
    (answer,) = [event for event in emitted if isinstance(event, HoldMoved | MoveRefused)]
    return answer


def two_orders() -> World:
    """o1 holds the last unit of N1, o2 that of N2."""
    world = World()
    for site_id, order_id in (("N1", "o1"), ("N2", "o2")):
        world.receive(site_id, "A", 1)
        world.clear(order(order_id, {"A": 1}))
    return world


def test_two_orders_swap_their_last_units() -> None:
    world = two_orders()
    assert isinstance(ask(world, move("o1", "N2"), move("o2", "N1")), HoldMoved)
    assert {part.order_id: part.held[0].site_id for part in world.parts()} == {"o1": "N2", "o2": "N1"}


def test_all_or_none() -> None:
    world = two_orders()
    world.receive("N2", "A", 1)
    before = world.parts()
    answer = ask(world, move("o1", "N2"), move("o2", "N2", 1), move("o1", "N2", part="north/9"))
    assert isinstance(answer, MoveRefused)
    assert answer.reason == "gone"
    assert world.parts() == before


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (move("o1", "N2"), "no_stock"),
        (move("o1", "N1", 2), "changed"),
        (move("o1", "S1"), "foreign_site"),
        (move("o9", "N1"), "gone"),
    ],
)
def test_refused(wanted: PartMove, reason: str) -> None:
    answer = ask(two_orders(), wanted)
    assert isinstance(answer, MoveRefused)
    assert answer.reason == reason


def test_a_move_asked_again_is_confirmed_again_and_done_once() -> None:
    world = two_orders()
    world.receive("N2", "A", 1)
    assert isinstance(ask(world, move("o1", "N2")), HoldMoved)
    assert isinstance(ask(world, move("o1", "N2")), HoldMoved)
    assert world.shelf("N2", "A").reserved == 2
    assert isinstance(ask(world, move("o1", "N1"), move_id="m2"), HoldMoved)
    assert (world.shelf("N1", "A").reserved, world.shelf("N2", "A").reserved) == (1, 1)


def test_what_a_move_frees_is_offered() -> None:
    """o2 wants both SKUs from one site, where o1 holds the only unit of one."""
    world = World()
    world.receive("N1", "A", 1)
    world.receive("N1", "B", 1)
    world.clear(order("o1", {"A": 1}))
    world.clear(order("o2", {"A": 1, "B": 1}, may_split=False))
    world.receive("N2", "A", 1)
    world.settle()
    assert not world.reserved("o2")
    assert isinstance(ask(world, move("o1", "N2")), HoldMoved)
    world.settle()
    (part,) = world.reserved("o2")
    assert {line.site_id for line in part.held} == {"N1"}
