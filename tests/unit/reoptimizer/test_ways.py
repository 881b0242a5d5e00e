"""Which ways to ship a part are proposed: not those that the rules, or the policy in force, leave out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from orderwing.reoptimizer.pool import Leg, Line, Pool, PoolPart, Take, learn_plan
from orderwing.reoptimizer.replan import Budget, Proposal, replan
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Network
from support.allocation_world import HOUR_MS as LATER_MS
from support.allocation_world import START_MS, AllocationWorld, a_lane, a_network, a_site, hold, reserved, shelf
from support.pools import HOUR_MS, NOW_MS, catalogue, network

BOTH = {("s2", "a"): 1, ("s3", "b"): 1}
WHOLE = {**BOTH, ("s1", "a"): 1, ("s1", "b"): 1}


def a_part(*takes: Take, cost_minor: int, late_ms: int = -HOUR_MS) -> PoolPart:
    """Of one unit of `a` and one of `b`, there so much after its promise."""
    return PoolPart(
        region="r", part_id="o/r/1", order_id="o", version=1, zone="z", stop_id="stop",
        service_level=ServiceLevel.STANDARD, one_box=False, may_split=True,
        lines=(Line("1", "a", 1, 100, 1), Line("2", "b", 1, 100, 1)), takes=takes, cost_minor=cost_minor,
        arrival_at_ms=NOW_MS + 3 * HOUR_MS, promise_at_ms=NOW_MS + 3 * HOUR_MS - late_ms,
        freeze_at_ms=NOW_MS + HOUR_MS, legs=(Leg("s1", NOW_MS + 2 * HOUR_MS, NOW_MS + 3 * HOUR_MS, 1),),
    )  # fmt: skip


WHOLE_AT_S1 = a_part(Take("s1", "1", "a", 1), Take("s1", "2", "b", 1), cost_minor=900)
SPLIT = a_part(Take("s1", "1", "a", 1), Take("s3", "2", "b", 1), cost_minor=900)


def proposed(part: PoolPart, free: dict[tuple[str, str], int], on: Network) -> list[set[str]]:
    found = replan(Pool("r", (part,), free), on, catalogue, NOW_MS, Budget(), 1).proposals
    return [{take.site_id for take in one.changes[0].takes} for one in found]


def net(single_site: str, transit_minutes: int = 60) -> Network:
    """Two parcels from s2 and s3 cost far less than one from s1, which takes so long."""
    made = network((800, 100, 100), churn_minor=5)
    slow = made.lanes[0].model_copy(update={"transit_minutes": transit_minutes})
    policies = made.policies.model_copy(update={"single_site": single_site})
    return made.model_copy(update={"lanes": (slow, *made.lanes[1:]), "policies": policies})


def test_no_split_is_proposed_where_one_site_wins_always() -> None:
    assert proposed(WHOLE_AT_S1, BOTH, net("when_cheapest")) == [{"s2", "s3"}]
    assert proposed(WHOLE_AT_S1, BOTH, net("always")) == []
    assert proposed(SPLIT, {**WHOLE, ("s1", "b"): 0}, net("always")) == [{"s2", "s3"}], "no site has all"
    assert proposed(SPLIT, WHOLE, net("always")) == [{"s1"}]


def test_a_split_is_proposed_where_no_single_site_would_come_by_the_promise() -> None:
    late = replace(WHOLE_AT_S1, promise_at_ms=NOW_MS + 2 * HOUR_MS)
    assert proposed(late, BOTH, net("always", transit_minutes=120)) == [{"s2", "s3"}]


def filling(site_id: str, hours: int, units: int = 1) -> PoolPart:
    """Another part that fills the site's departure after so many hours, or the hour of picking for it."""
    lines, takes = (Line("1", "c", units, 100, 1),), (Take(site_id, "1", "c", units),)
    at_ms = NOW_MS + hours * HOUR_MS
    return replace(
        a_part(*takes, cost_minor=0), part_id=f"other{hours}/r/1", order_id=f"other{hours}", lines=lines,
        legs=(Leg(site_id, at_ms, at_ms + HOUR_MS, 1, f"l-{site_id}"),),
    )  # fmt: skip


@pytest.mark.parametrize("by", ["departures", "hours"])
@pytest.mark.parametrize("full", [1, 2, 3])
def test_a_split_is_proposed_where_the_one_site_has_no_room_by_the_promise(by: str, full: int) -> None:
    on = net("always")
    if by == "departures":
        lanes = [one.model_copy(update={"parcels_per_departure": 1}) for one in on.lanes]
        on = on.model_copy(update={"lanes": tuple(lanes)})
    others = [filling("s1", hours, 1 if by == "departures" else 99) for hours in range(1, full + 1)]
    (one,) = replan(Pool("r", (SPLIT, *others), WHOLE), on, catalogue, NOW_MS, Budget(), 1).proposals
    assert {take.site_id for take in one.changes[0].takes} == ({"s2", "s3"} if full == 3 else {"s1"})
    assert one.changes[0].arrival_ms == NOW_MS + (2 if full == 3 else full + 2) * HOUR_MS
    assert told(one) == ({"o/r/1: s1": "no departure in time has room"} if full == 3 else {})


def test_a_part_finds_its_own_place_free() -> None:
    on = net("always")
    lanes = tuple([one.model_copy(update={"parcels_per_departure": 1}) for one in on.lanes])
    mine = replace(SPLIT, legs=filling("s1", 1).legs)
    pool = Pool("r", (mine,), WHOLE)
    (one,) = replan(pool, on.model_copy(update={"lanes": lanes}), catalogue, NOW_MS, Budget(), 1).proposals
    assert (one.changes[0].takes[0].site_id, one.changes[0].arrival_ms) == ("s1", NOW_MS + 2 * HOUR_MS)


def test_of_two_lanes_of_one_price_the_one_with_room_is_taken() -> None:
    on = net("always")
    lanes = [one.model_copy(update={"parcels_per_departure": 1}) for one in on.lanes]
    twin = lanes[0].model_copy(update={"lane_id": "twin"})
    on = on.model_copy(update={"lanes": (*lanes, twin)})
    (one,) = replan(Pool("r", (SPLIT, filling("s1", 1)), WHOLE), on, catalogue, NOW_MS, Budget(), 1).proposals
    assert (one.changes[0].takes[0].site_id, one.changes[0].arrival_ms) == ("s1", NOW_MS + 2 * HOUR_MS)


@pytest.mark.parametrize("barred", [(), ("s2",)])
def test_nothing_is_proposed_to_a_site_that_the_policy_bars(barred: tuple[str, ...]) -> None:
    on = network((800, 100, 200), churn_minor=5)
    part = replace(WHOLE_AT_S1, barred=barred)
    free = {(site_id, sku): 1 for site_id in ("s2", "s3") for sku in "ab"}
    (one,) = replan(Pool("r", (part,), free), on, catalogue, NOW_MS, Budget(), 1).proposals
    assert {take.site_id for take in one.changes[0].takes} == ({"s3"} if barred else {"s2"})
    assert told(one) == ({"o/r/1: s2": "the policy leaves it out"} if barred else {})
    assert one.facts is not None
    assert one.facts.parts[0].barred == (barred or None)
    there = replace(part, takes=(Take("s1", "2", "b", 1), Take("s2", "1", "a", 1)))
    assert proposed(there, free, on) == [{"s2"}], "some of it is there already"


def told(one: Proposal) -> dict[str, str | None]:
    return {candidate.label: candidate.lost_because for candidate in one.candidates if candidate.cost_minor is None}


def test_what_reservation_bars_is_told_with_every_plan_of_the_part() -> None:
    made = AllocationWorld(a_network([a_site("s0"), a_site("s1")], [a_lane("s0", price=200), a_lane("s1")]))
    event = reserved("o/south/1", [hold("s0")], START_MS + 9 * LATER_MS, [shelf("s1", 5)])
    *_, asked = made.put(event.model_copy(update={"barred": ("s2",)}))
    made.settle(asked, moved=True)  # type: ignore[arg-type]
    plans = [one for one in made.emitted if one.EVENT_TYPE == "part.allocated.v1"]
    assert len(plans) == 2
    for plan in plans:
        assert learn_plan({}, plan)["o/south/1"].barred == ("s2",)  # type: ignore[arg-type]
