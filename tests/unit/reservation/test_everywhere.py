"""An order whose strategy is about all that it ships from: decided for home and its neighbours at once."""

from __future__ import annotations

from typing import Any

import pytest

from orderwing.planning.wishes import expected_at_ms
from orderwing_schemas.domain import Backorder, ServiceLevel
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, SlipPassed
from orderwing_schemas.network import Item
from orderwing_schemas.policy import Policy
from support.memory_view import MemoryReference
from support.reservation_world import MINUTE_MS, START_MS, World, of_kind, order

ITEMS = tuple(Item(sku=sku, weight_g=100, volume_cm3=100, capacity=1, list_price_minor=100) for sku in "ABC")
LINES = {"A": 2, "B": 1}
BOTH_WEST = ("W2", "A", 2), ("W2", "B", 1)
Place = tuple[str, str, int]


def stocked(rules: dict[str, Any], *places: Place, told: bool = True) -> World:
    """By one strategy; every region has told the others, or none has."""
    world = World()
    given = {"policy": "p", "version": 1, "currency": "GBP", "strategies": [{"name": "s", **rules}]}
    policy = Policy.model_validate(given, strict=False)
    for view in world.views.values():
        view.reference = MemoryReference(world.network, ITEMS, policy)
    for site_id, sku, quantity in places:
        world.receive(site_id, sku, quantity)
    if told:
        world.tell()
        world.settle()
    return world


def reserved(world: World) -> list[Place]:
    lines = [line for part in world.reserved("o1") for line in part.held]
    return sorted((line.site_id, line.sku, line.quantity) for line in lines)


def card(world: World) -> DecisionCard:
    cards = [one for one in of_kind(world.emitted, DecisionCard) if one.order_id == "o1"]
    (found,) = [one for one in cards if one.decision == "home and others together"]
    return found


def decided(rules: dict[str, Any], *places: Place, **wishes: Any) -> World:
    world = stocked(rules, *places)
    world.clear(order("o1", LINES, **wishes))
    world.settle()
    world.check()
    return world


@pytest.mark.parametrize(
    "rules",
    [
        {"max_sites": 1},
        {"first": "sites"},
        {"first": "parcels"},
        {"weights": {"site_unit_minor": {"N1": 500, "N2": 500}}},
        {"filters": {"only_regions": ["west"]}, "fallbacks": [{"relax": ["only_regions"]}]},
    ],
    ids=lambda rules: next(iter(rules)),
)
def test_what_a_strategy_says_it_says_of_all_regions(rules: dict[str, Any]) -> None:
    """Home has all of it at two sites, the west at one."""
    world = decided(rules, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST)
    assert reserved(world) == sorted(BOTH_WEST)
    told = card(world)
    assert told.chosen == "W2"
    assert told.notes[0].startswith("policy p v1, strategy s: it takes every order")
    assert told.notes[-1] == "asked: west; home keeps what it holds until they have answered"
    assert {site_id for site_id, _, units in told.seen if units} == {"N1", "N2", "W2"}
    assert {line.sku: line.quantity for line in of_kind(world.emitted, SlipPassed)[-1].exactly} == LINES


@pytest.mark.parametrize(
    "rules",
    [
        {"max_sites": 1, "home_first": True, "fallbacks": [{"relax": ["max_sites"]}]},
        {"filters": {"exclude_sites": ["S2"]}},
        {"single_site": "when_cheapest"},
    ],
    ids=["home first", "a filter", "single site"],
)
def test_home_comes_first_where_nothing_is_said_of_the_whole_order(rules: dict[str, Any]) -> None:
    world = decided(rules, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST)
    assert reserved(world) == [("N1", "A", 2), ("N2", "B", 1)]
    assert not of_kind(world.emitted, SlipPassed)


def test_home_alone_asks_nobody() -> None:
    world = decided({"max_sites": 1}, ("N1", "A", 2), ("N1", "B", 1), ("W2", "A", 2))
    assert reserved(world) == [("N1", "A", 2), ("N1", "B", 1)]
    assert card(world).chosen == "N1"
    assert not of_kind(world.emitted, SlipPassed)


@pytest.mark.parametrize(("limit", "waits"), [(1, 1), (2, 0)])
def test_a_limit_of_sites_holds_on_the_slips_road_too(limit: int, waits: int) -> None:
    """The west is asked for what home could not send, and knows that home sends some."""
    world = decided({"max_sites": limit}, ("N1", "A", 2), ("W1", "B", 1))
    assert reserved(world) == [("N1", "A", 2), ("W1", "B", 1)][: 2 - waits]
    assert sum(line.quantity for line in world.recorded("o1").waiting) == waits
    assert world.shelf("W1", "B").reserved == 1 - waits


def test_units_wait_before_the_next_fallback_wherever_they_are() -> None:
    rules = {"max_sites": 1, "fallbacks": [{"backorder": {"at_most_units": 1}}, {"relax": ["max_sites"]}]}
    assert reserved(decided(rules, ("N1", "A", 2), ("W1", "B", 1))) == [("N1", "A", 2)]
    assert reserved(decided(rules, ("N1", "A", 1), ("W1", "B", 1))) == [("N1", "A", 1), ("W1", "B", 1)]


def test_a_limit_of_sites_holds_until_the_customer_expects_the_rest() -> None:
    world = decided({"max_sites": 1}, ("N1", "A", 2), ("W1", "B", 1))
    world.receive("W2", "B", 1)
    world.settle()
    assert reserved(world) == [("N1", "A", 2)]
    world.now_ms = expected_at_ms(START_MS, ServiceLevel.STANDARD)
    world.due()
    world.settle()
    world.check()
    assert [sku for _, sku, _ in reserved(world)] == ["A", "B"]


def test_home_gives_up_what_others_send_and_keeps_what_it_is_to_send_itself() -> None:
    rules = {"weights": {"site_unit_minor": {"N2": 500}}}
    world = stocked(rules, ("N1", "A", 2), ("N2", "B", 1), ("W1", "B", 1))
    placed = order("o1", LINES)
    world.request(placed)
    assert (world.shelf("N1", "A").reserved, world.shelf("N2", "B").reserved) == (2, 1)
    world.settle()
    assert (world.shelf("N1", "A").reserved, world.shelf("N2", "B").reserved) == (2, 0)
    world.clear(placed)
    world.settle()
    world.check()
    assert reserved(world) == [("N1", "A", 2), ("W1", "B", 1)]


@pytest.mark.parametrize("gone", [{"A": 2}, {"B": 1}, LINES])
@pytest.mark.parametrize("backorder", Backorder)
def test_who_refuses_leaves_home_what_it_kept(gone: dict[str, int], backorder: Backorder) -> None:
    world = stocked({"first": "sites"}, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST)
    world.clear(order("o2", gone, home="west"))
    world.clear(order("o1", LINES, backorder=backorder))
    assert card(world).chosen == "W2"
    world.settle()
    world.check()
    assert reserved(world) == [("N1", "A", 2), ("N2", "B", 1)]
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert any(one.decision == "route was stale" for one in of_kind(world.emitted, DecisionCard))


def test_where_nobody_has_told_regions_decide_one_after_another() -> None:
    world = stocked({"max_sites": 2}, ("N1", "A", 2), ("W1", "B", 1), told=False)
    world.clear(order("o1", LINES))
    world.settle()
    world.check()
    assert reserved(world) == [("N1", "A", 2), ("W1", "B", 1)]
    assert not [one for one in of_kind(world.emitted, DecisionCard) if one.decision == "home and others together"]


@pytest.mark.parametrize("wish", [{"one_box": True}, {"may_split": False}])
def test_one_box_is_sought_everywhere_at_once(wish: dict[str, bool]) -> None:
    world = decided({"first": "parcels"}, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST, **wish)
    assert reserved(world) == sorted(BOTH_WEST)
    assert not [one for one in of_kind(world.emitted, DecisionCard) if "one box" in one.decision]


@pytest.mark.parametrize("there_already", [False, True])
@pytest.mark.parametrize("stopped", [False, True])
def test_what_ends_meanwhile_gives_all_back(stopped: bool, there_already: bool) -> None:
    world = stocked({"first": "sites"}, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST)
    placed = order("o1", LINES)
    world.request(placed)
    if there_already:
        world.deliver(lambda pairs: ("north", "west"))
    if stopped:
        world.send(HoldReleaseRequested(region="north", order_id="o1", version=1, reason="declined"))
    else:
        world.now_ms += 31 * MINUTE_MS
        world.due()
    assert world.shelf("N1", "A").reserved == world.shelf("N2", "B").reserved == 0
    world.settle()
    world.check()
    assert world.shelf("W2", "A").reserved == world.shelf("W2", "B").reserved == 0
    world.clear(placed)
    world.settle()
    world.check()
    assert sum(units for *_, units in reserved(world)) == (0 if stopped else 3)


def test_one_that_lapses_and_is_cleared_meanwhile_takes_what_the_slip_brings() -> None:
    world = stocked({"first": "sites"}, ("N1", "A", 2), ("N2", "B", 1), *BOTH_WEST)
    placed = order("o1", LINES)
    world.request(placed)
    world.now_ms += 31 * MINUTE_MS
    world.due()
    world.clear(placed)
    world.settle()
    world.check()
    assert reserved(world) == sorted(BOTH_WEST)
