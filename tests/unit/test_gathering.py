"""Gathering in allocation: when a part's goods are moved to one site first, what that takes, and what its card says."""

from __future__ import annotations

from typing import Any

import pytest

from orderwing.allocation.places import Departure, PickingHour
from orderwing.allocation.rows import State
from orderwing.audit.savings import Pricer
from orderwing.kernel.decision import Decision
from orderwing.reoptimizer.pool import learn_plan
from orderwing_schemas.base import Event
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.events.allocation import PartAllocated, PartFrozen, ReplacementRequested, ShipmentOrdered
from orderwing_schemas.events.dispatch import PickShort
from orderwing_schemas.events.reservation import DecisionCard, StockReserved
from orderwing_schemas.network import Consolidation, Network, Policies, Trait, Transfer
from orderwing_schemas.policy import Policy
from support.allocation_world import HOUR_MS, MINUTE_MS, START_MS, AllocationWorld, a_lane, a_network, a_site, hold
from support.allocation_world import reserved as _reserved
from support.memory_view import MemoryReference

LATE_MS = START_MS + 5 * HOUR_MS  # the promise leaves time
ROAD = Transfer(from_site="a", to_site="b", minutes=20, transfer_minor=10, kilogram_minor=3)
HELD = [hold("a", 3), hold("b", 1, "2", "mug")]


def a_joined(
    roads: tuple[Transfer, ...] = (ROAD,), price_b: int = 100, threshold: int = 50, per_hour: int = 100
) -> Network:
    policies = Policies(
        churn_minor=5,
        move_threshold_minor=5,
        consolidation=(Consolidation(service=ServiceLevel.STANDARD, threshold_minor=threshold, max_delay_minutes=300),),
    )
    sites = (a_site("a", per_hour), a_site("b", per_hour))
    network = a_network(sites, (a_lane("a"), a_lane("b", price=price_b)), policies)
    return network.model_copy(update={"transfers": roads})


def reserved(part_id: str = "o/south/1", **changes: Any) -> StockReserved:
    delay = changes.pop("max_delay_minutes", 600)
    event = _reserved(part_id, HELD, LATE_MS, max_delay_minutes=delay)
    return event.model_copy(update={"order": event.order.model_copy(update=changes)}) if changes else event


def only(events: list[Event], kind: type) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def lost(events: list[Event]) -> dict[str, str | None]:
    return {one.label: one.lost_because for one in only(events, DecisionCard).candidates}


def test_two_parcels_become_one_where_that_saves_more_than_is_asked_for() -> None:
    world = AllocationWorld(a_joined())
    events = world.put(reserved())
    plan: PartAllocated = only(events, PartAllocated)
    moved, parcel = plan.shipments
    # Picked for half an hour from midnight, twenty minutes on the road, half an hour's picking before the next van.
    assert (moved.site_id, moved.to_site_id, moved.departure_at_ms) == ("a", "b", START_MS + 30 * MINUTE_MS)
    assert moved.arrival_at_ms == START_MS + 50 * MINUTE_MS
    assert dict(moved.terms) == {"transfer": 10 + 2 * 3, "handling_lines": 10}  # 1,200 g are two started kilograms
    assert (parcel.site_id, parcel.to_site_id, parcel.departure_at_ms) == ("b", None, START_MS + 2 * HOUR_MS)
    assert dict(parcel.terms) == {"parcel": 100, "weight": 20, "handling_lines": 10, "handling_parcel": 5}
    assert plan.cost_minor == moved.cost_minor + parcel.cost_minor == 161
    assert plan.freeze_at_ms == START_MS
    auditor = Pricer.of(world.network, world.items)
    assert auditor.price(plan.model_dump()) == plan.cost_minor
    assert lost(events) == {
        "a to b + b by b-south": None,
        "a by a-south + b by b-south": (
            "gathered first saves 89, more than the 50 asked for, 60 minutes later of 300 acceptable"
        ),
        "b to a + a": "no transfer from b to a",
    }


def test_the_transfer_books_picking_where_it_leaves_and_a_place_where_the_parcel_does() -> None:
    world = AllocationWorld(a_joined())
    world.put(reserved())
    picked = {(row.site_id, row.hour - START_MS // HOUR_MS): row.booked for row in world.rows(PickingHour)}
    assert picked == {("a", 0): 3, ("b", 1): 1}
    assert [(row.lane_id, row.booked) for row in world.rows(Departure)] == [("b-south", 1)]


def test_a_transfer_waits_for_an_hour_with_room() -> None:
    world = AllocationWorld(a_joined(per_hour=4))
    world.put(reserved("o1/south/1"))
    plan: PartAllocated = only(world.put(reserved("o2/south/1")), PartAllocated)
    assert plan.shipments[0].departure_at_ms == START_MS + 90 * MINUTE_MS


def test_at_the_freeze_the_site_that_sends_the_parcel_is_told_what_comes() -> None:
    world = AllocationWorld(a_joined())
    plan: PartAllocated = only(world.put(reserved()), PartAllocated)
    events = world.until(START_MS)
    ordered = only(events, ShipmentOrdered)
    assert only(events, PartFrozen).version == 1
    assert (ordered.site_id, ordered.shipment, ordered.transfers) == ("b", plan.shipments[1], plan.shipments[:1])
    assert world.plan("o/south/1").state is State.FROZEN


@pytest.mark.parametrize(
    ("network", "changes", "why"),
    [
        (a_joined(threshold=89), {}, "saves 89, and more than 89 is asked for"),
        (a_joined(), {"max_delay_minutes": 59}, "60 minutes later, 59 are acceptable"),
        (a_joined(), {"service_level": ServiceLevel.SAME_DAY}, "SAME_DAY is never gathered first"),
        (a_joined(), {"service_level": ServiceLevel.EXPRESS}, "the rules gather no such order"),
        (a_joined(price_b=300), {}, "saves 89, and more than 150 is asked for"),
    ],
)
def test_what_is_not_worth_it_ships_from_both_sites_and_the_card_says_why(
    network: Network, changes: dict[str, Any], why: str
) -> None:
    if "150" in why:
        rule = Consolidation(service=ServiceLevel.STANDARD, threshold_minor=150, max_delay_minutes=300)
        policies = network.policies.model_copy(update={"consolidation": (rule,)})
        network = network.model_copy(update={"policies": policies})
    events = AllocationWorld(network).put(reserved(**changes))
    assert [one.to_site_id for one in only(events, PartAllocated).shipments] == [None, None]
    assert lost(events)["a to b + b by b-south"] == why


def test_goods_that_may_not_wait_are_not_gathered() -> None:
    world = AllocationWorld(a_joined(), traits=(Trait.PERISHABLE,))
    events = world.put(reserved())
    assert lost(events)["a to b + b by b-south"] == "perishable goods never wait for other goods"


def test_a_site_that_may_not_ship_the_goods_gathers_none() -> None:
    network = a_joined((ROAD, ROAD.model_copy(update={"from_site": "b", "to_site": "a"})))
    sites = tuple(site.model_copy(update={"capabilities": ()} if site.site_id == "a" else {}) for site in network.sites)
    world = AllocationWorld(network.model_copy(update={"sites": sites}), traits=(Trait.HAZARD,))
    events = world.put(reserved())
    assert lost(events)["b to a + a"] == "a may not ship mug: hazard"
    assert only(events, PartAllocated).shipments[0].to_site_id == "b"


@pytest.mark.parametrize(
    ("gather", "to"), [("never", None), ({"threshold_minor": 88, "max_delay_minutes": 60}, "b"), (None, None)]
)
def test_a_policy_says_what_gathering_has_to_save(gather: object, to: str | None) -> None:
    world = AllocationWorld(a_joined(threshold=1_000 if gather != "never" else 0))
    strategy = {"name": "one", "gather": gather} if gather else {"name": "one"}
    given = {"policy": "p", "version": 1, "currency": "GBP", "strategies": [strategy]}
    world.view.reference.policy = Policy.model_validate(given, strict=False)
    assert only(world.put(reserved()), PartAllocated).shipments[0].to_site_id == to


def test_a_network_without_transfers_weighs_nothing_more() -> None:
    events = AllocationWorld(a_joined(())).put(reserved())
    assert lost(events) == {"a by a-south + b by b-south": None}
    value = only(events, PartAllocated).model_dump_json()
    assert "to_site_id" not in value


def test_the_re_optimizer_leaves_gathered_parts_alone() -> None:
    world = AllocationWorld(a_joined())
    plan: PartAllocated = only(world.put(reserved()), PartAllocated)
    apart = plan.model_copy(update={"shipments": plan.shipments[1:]})
    known = learn_plan({}, apart)
    assert known.keys() == {plan.part_id}
    assert learn_plan(known, plan.model_copy(update={"version": 2})) == {}


def test_what_was_broken_on_the_way_is_asked_for_as_such() -> None:
    world = AllocationWorld(a_joined())
    plan: PartAllocated = only(world.put(reserved()), PartAllocated)
    world.until(START_MS)
    moved, parcel = plan.shipments
    short = PickShort(
        region="south", order_id="o", order_version=1, part_id="o/south/1", shipment_id=parcel.shipment_id,
        site_id="b", missing=(), cross_docked=moved.lines,
    )  # fmt: skip
    assert only(world.put(short), ReplacementRequested).cross_docked == moved.lines


def by_strategy(**strategy: Any) -> AllocationWorld:
    """Where the goods gathered at b save 89, an hour later."""
    world = AllocationWorld(a_joined(threshold=60))
    given = {"policy": "p", "version": 3, "currency": "GBP", "strategies": [{"name": "s", **strategy}]}
    world.view.reference.policy = Policy.model_validate(given, strict=False)
    return world


def hub(events: list[Event]) -> str | None:
    to: str | None = only(events, PartAllocated).shipments[0].to_site_id
    return to


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        (
            {"weights": {"parcel_minor": 40}, "gather": {"threshold_minor": 128, "max_delay_minutes": 60}},
            "gathered first is cheaper by 89, and weights and prices count 40 for it: saves 129 in all, "
            "more than the 128 asked for, 60 minutes later of 60 acceptable",
        ),
        (
            {"first": "parcels", "gather": {"threshold_minor": 1_000, "max_delay_minutes": 60}},
            "gathered first is cheaper by 89, and parcels count first, more than the 1000 asked for, "
            "60 minutes later of 60 acceptable",
        ),
    ],
)
def test_a_strategys_prices_count_for_the_parcel_that_is_saved(strategy: dict[str, Any], why: str) -> None:
    events = by_strategy(**strategy).put(reserved())
    assert hub(events) == "b"
    assert lost(events)["a by a-south + b by b-south"] == why
    plan: PartAllocated = only(events, PartAllocated)
    assert plan.cost_minor == 161, "nothing of it is charged"


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        (
            {"weights": {"parcel_minor": 40}, "gather": {"threshold_minor": 129, "max_delay_minutes": 60}},
            "is cheaper by 89, and weights and prices count 40 for it: saves 129 in all, "
            "and more than 129 is asked for",
        ),
        (
            {"weights": {"lateness": {"hour_minor": 30, "counts_from": "earliest"}}},
            "is cheaper by 89, but weights and prices count 30 against it: saves 59 in all, "
            "and more than 60 is asked for",
        ),
        ({"first": "arrival"}, "is cheaper by 89, but arrival counts first, and more than 60 is asked for"),
        ({"max_delay_minutes": {"STANDARD": 59}}, "60 minutes later, 59 are acceptable"),
    ],
)
def test_a_strategys_prices_count_against_what_comes_later(strategy: dict[str, Any], why: str) -> None:
    events = by_strategy(**strategy).put(reserved())
    assert hub(events) is None
    assert lost(events)["a to b + b by b-south"] == why


def test_prices_of_shelves_weigh_nothing_as_the_same_shelves_give() -> None:
    world = AllocationWorld(a_joined(threshold=88))
    prices = {("a", "tea"): 500, ("b", "mug"): 7}
    world.view.reference = MemoryReference(world.network, world.view.reference.items, None, prices)
    events = world.put(reserved())
    assert hub(events) == "b"
    assert lost(events)["a by a-south + b by b-south"] == (
        "gathered first saves 89, more than the 88 asked for, 60 minutes later of 300 acceptable"
    )


def test_an_hour_that_is_too_full_for_the_strategy_sends_no_gathered_parcel() -> None:
    world = by_strategy(filters={"max_load_percent": 50})
    world.view.apply(Decision(puts=(PickingHour(site_id="b", hour=START_MS // HOUR_MS + 1, booked=50),)))
    events = world.put(reserved())
    assert hub(events) is None
    assert lost(events)["a to b + b by b-south"] == "its hour is 50 % full, 50 are allowed (s)"


def test_a_card_keeps_the_policy_that_gathering_was_weighed_by() -> None:
    events = by_strategy(gather={"threshold_minor": 88, "max_delay_minutes": 60}).put(reserved())
    card: DecisionCard = only(events, DecisionCard)
    assert card.plan is not None
    assert (card.plan.policy, card.plan.policy_version, card.plan.beside) == ("p", 3, None)
    assert only(events, PartAllocated).strategy is None
