"""Orders that wait are offered what a policy, a price or a network kept from them, once it does no more."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest

from orderwing.reservation.rules import BUCKETS, Rules, Waiting
from orderwing.reservation.waking import MOST
from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.reservation import ReservationOutcome, SlipPassed
from orderwing_schemas.network import Item, Network
from orderwing_schemas.policy import Policy
from support.memory_view import MemoryReference
from support.reservation_world import World, network, of_kind, order

HOUR_MS = 3_600_000
ITEMS = tuple(Item(sku=sku, weight_g=100, volume_cm3=100, capacity=1, list_price_minor=100) for sku in "AB")


def publish(world: World, *strategies: dict[str, Any], version: int = 1, net: Network | None = None) -> None:
    given = {"policy": "p", "version": version, "currency": "GBP", "strategies": strategies}
    policy = Policy.model_validate(given, strict=False) if strategies else None
    world.network = net or world.network
    for view in world.views.values():
        view.reference = MemoryReference(world.network, ITEMS, policy)


def without(*site_ids: str) -> dict[str, Any]:
    return {"name": "not-there", "filters": {"exclude_sites": list(site_ids)}}


def waits(world: World, order_id: str, sku: str = "A", **wishes: Any) -> None:
    placed = order(order_id, {sku: 1}, **wishes)
    world.request(placed)
    world.settle()
    world.clear(placed)
    world.settle()
    assert world.recorded(order_id).outcome is ReservationOutcome.BACKORDERED


def notices(world: World) -> None:
    """Any record does."""
    world.request(order("any", {"B": 1}))
    world.due()
    world.settle()


def held_at(world: World, order_id: str) -> set[str]:
    return {line.site_id for part in world.reserved(order_id) for line in part.held}


@pytest.mark.parametrize("site_id", ["N1", "S1"])
@pytest.mark.parametrize("backorder", [Backorder.LINES, Backorder.WHOLE])
@pytest.mark.parametrize("may_split", [True, False])
def test_a_policy_that_lets_a_site_serve_again(site_id: str, backorder: Backorder, may_split: bool) -> None:
    world = World()
    publish(world, without("N1", "S1"))
    world.receive(site_id, "A", 1)
    waits(world, "o1", backorder=backorder, may_split=may_split)
    publish(world, without("W1"), version=2)
    notices(world)
    assert held_at(world, "o1") == {site_id}
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    assert world.all_rows(Waiting) == []
    world.check()


def test_a_policy_that_is_taken_back() -> None:
    world = World()
    publish(world, without("N1"))
    world.receive("N1", "A", 1)
    waits(world, "o1")
    publish(world)
    notices(world)
    assert held_at(world, "o1") == {"N1"}


def test_a_network_that_has_a_lane_again() -> None:
    base = network()
    shut = base.model_copy(update={"lanes": tuple(lane for lane in base.lanes if lane.site_id != "N1")})
    world = World(shut)
    world.receive("N1", "A", 1)
    waits(world, "o1")
    publish(world, net=base.model_copy(update={"version": 2}))
    notices(world)
    assert held_at(world, "o1") == {"N1"}


def test_the_same_rules_wake_nobody() -> None:
    world = World()
    waits(world, "o1")
    asked = len(of_kind(world.emitted, SlipPassed))
    for _ in range(3):
        notices(world)
        publish(world)
    slips = [event for event in of_kind(world.emitted, SlipPassed)[asked:] if event.order.order_id == "o1"]
    assert slips == []


def test_many_that_wait_are_sought_some_at_a_time() -> None:
    one_bucket = [order_id for n in range(9_999) if crc32((order_id := f"o{n}").encode()) % BUCKETS == BUCKETS - 1]
    waiting = one_bucket[: 2 * MOST + 1]
    world = World()
    publish(world, without("N1"))
    for order_id in waiting:
        world.receive("N1", f"of-{order_id}", 1)
        waits(world, order_id, f"of-{order_id}")
    publish(world)
    world.request(order("any", {"B": 1}))
    served = []
    for _ in range(4):
        world.due()
        served.append(sum(1 for order_id in waiting if held_at(world, order_id)))
    assert served == [MOST, 2 * MOST, 2 * MOST + 1, 2 * MOST + 1]
    [row] = [row for row in world.all_rows(Rules) if isinstance(row, Rules) and row.region == "north"]
    assert row.wake_at_ms is None
    world.check()


def test_rules_that_change_again_before_all_are_sought() -> None:
    world = World()
    publish(world, without("N1"))
    world.receive("N1", "A", 1)
    waits(world, "o1")
    publish(world, without("N1"), version=2)
    world.request(order("any", {"B": 1}))
    publish(world, without("N1"), version=3)
    for _ in range(3):
        world.due()
        world.settle()
    rows = [row for row in (*world.all_rows(Rules), *world.all_rows(Waiting)) if row.key.startswith("north")]
    assert {row.rules for row in rows if isinstance(row, Rules | Waiting)} == {"1/p v3"}
    assert {row.wake_at_ms for row in rows if isinstance(row, Rules)} == {None}


def test_rules_that_change_while_a_slip_is_away() -> None:
    world = World()
    publish(world, without("N1", "S1"))
    world.receive("N1", "A", 1)
    placed = order("o1", {"A": 1})
    world.clear(placed)
    publish(world)
    world.request(order("any", {"B": 1}))
    world.due()
    world.settle()
    world.due()
    world.settle()
    assert held_at(world, "o1") == {"N1"}


def test_rules_that_change_between_the_soft_hold_and_the_firm_one() -> None:
    world = World()
    publish(world, without("S1"))
    world.receive("S1", "A", 1)
    placed = order("o1", {"A": 1})
    world.request(placed)
    world.settle()
    publish(world)
    notices(world)
    world.clear(placed)
    world.settle()
    world.due()
    world.settle()
    assert held_at(world, "o1") == {"S1"}


def test_a_unit_waits_for_its_price_until_it_is_expected() -> None:
    world = World()
    publish(world, {"name": "patient", "single_site": "when_cheapest", "backorder_unit_minor": 200})
    world.receive("N1", "A", 2)
    world.receive("N2", "B", 1)
    placed = order("o1", {"A": 2, "B": 1})
    world.request(placed)
    world.settle()
    world.clear(placed)
    world.settle()
    assert held_at(world, "o1") == {"N1"}, "a second parcel costs more than 200"
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    world.now_ms += 96 * HOUR_MS - 1
    world.due()
    assert held_at(world, "o1") == {"N1"}
    world.now_ms += 1
    world.due()
    world.settle()
    assert held_at(world, "o1") == {"N1", "N2"}
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    world.check()


def test_an_order_of_which_nothing_ships_waits_for_no_price() -> None:
    world = World()
    publish(world, {"name": "patient", "single_site": "when_cheapest", "backorder_unit_minor": 1})
    world.receive("N1", "A", 9)
    placed = order("o1", {"A": 2})
    world.request(placed)
    world.clear(placed)
    assert held_at(world, "o1") == {"N1"}
