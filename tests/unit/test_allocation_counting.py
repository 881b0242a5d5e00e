"""Plans and moves are weighed by the strategy that reservation followed and by steering prices, and charged without."""

from __future__ import annotations

from typing import Any

import pytest

from orderwing.allocation.rows import Part
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import Candidate
from orderwing_schemas.events.allocation import MoveRequested, PartAllocated, ProposalAnswered
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Lane, Policies
from orderwing_schemas.policy import Policy
from support.allocation_world import (
    HOUR_MS,
    START_MS,
    AllocationWorld,
    a_lane,
    a_network,
    a_site,
    hold,
    reserved,
    shelf,
)
from support.memory_view import MemoryReference

PART = "o/south/1"
SOON_MS = START_MS + 2 * HOUR_MS
Prices = dict[tuple[str, str], int]


def world(
    *strategies: dict[str, Any],
    prices: Prices | None = None,
    price_a: int = 150,
    price_b: int = 100,
    per_hour: int = 100,
    more: tuple[Lane, ...] = (),
    single_site: str = "always",
) -> AllocationWorld:
    """Two sites that charge for a unit of tea 165 and 115, or as is said."""
    sites = (a_site("a", per_hour, handling=0), a_site("b", per_hour, handling=0))
    policies = Policies(churn_minor=5, move_threshold_minor=5, late_hour_minor=200, single_site=single_site)  # type: ignore[arg-type]
    made = AllocationWorld(a_network(sites, (a_lane("a", price=price_a), a_lane("b", price=price_b), *more), policies))
    given = {"policy": "p", "version": 3, "currency": "GBP", "strategies": strategies}
    policy = Policy.model_validate(given, strict=False) if strategies else None
    made.view.reference = MemoryReference(made.network, made.view.reference.items, policy, prices)
    return made


def held_at(made: AllocationWorld, site_id: str = "a", units: int = 1, **other: Any) -> list[Event]:
    seen = [shelf("a", 9), shelf("b", 9)]
    return made.put(reserved(PART, [hold(site_id, units)], SOON_MS, seen, **other))


def card(events: list[Event]) -> DecisionCard:
    return next(event for event in events if isinstance(event, DecisionCard))


def others(events: list[Event]) -> list[Candidate]:
    return [one for one in card(events).candidates if one.lost_because]


def moves(events: list[Event]) -> list[str]:
    return [move.held[0].site_id for event in events if isinstance(event, MoveRequested) for move in event.moves]


def test_without_policy_and_prices_nothing_of_them_is_told() -> None:
    events = held_at(world())
    plan = next(event for event in events if isinstance(event, PartAllocated))
    assert moves(events) == ["b"]
    assert b"strategy" not in encode(plan)
    assert not any(name in encode(card(events)) for name in (b'"policy"', b'"beside"', b'"hours"', b'"steering"'))


@pytest.mark.parametrize(
    ("strategies", "prices", "counted"),
    [
        (({"name": "s", "weights": {"site_unit_minor": {"b": 46}}},), None, 46),
        ((), {("b", "tea"): 46}, 46),
        (({"name": "s", "weights": {"site_unit_minor": {"b": 26}}},), {("b", "tea"): 30, ("a", "tea"): 10}, 46),
    ],
)
def test_what_weights_or_prices_decided_is_not_undone(
    strategies: tuple[dict[str, Any], ...], prices: Prices | None, counted: int
) -> None:
    made = world(*strategies, prices=prices)
    events = held_at(made)
    (lost,) = others(events)
    assert moves(events) == []
    assert lost.lost_because == (
        f"cheaper by 50, but weights and prices count {counted} against it: 4 in all, not above the threshold of 5"
    )
    assert (lost.cost_minor, sum(amount for _, amount in lost.terms)) == (115, 115), "costs are without"
    kept = card(events).plan
    assert kept is not None
    assert kept.beside is not None
    assert kept.beside[1] - kept.beside[0] == counted


def test_weights_alone_move_a_part_to_a_dearer_site_and_its_card_says_so() -> None:
    made = world({"name": "s", "weights": {"site_unit_minor": {"b": 90}}})
    events = held_at(made, "b")
    assert moves(events) == ["a"]
    (lost,) = others(events)
    assert lost.lost_because == "dearer by 50, but weights and prices count 90 for it: the hold has to be moved first"
    assert card(events).notes == ("on time", "policy p v3, strategy s: weights and prices count 90 beside the cost")
    request = next(event for event in events if isinstance(event, MoveRequested))
    settled = made.settle(request, moved=True)
    plan = next(event for event in settled if isinstance(event, PartAllocated))
    assert (plan.cost_minor, plan.previous_cost_minor, plan.strategy) == (165, 115, "s")
    assert others(settled)[0].lost_because == "cheaper by 50, but weights and prices count 90 against it"


def test_the_fallback_that_allows_what_is_held_is_the_one_that_was_followed() -> None:
    strict = {"name": "strict", "filters": {"only_sites": ["a"]}, "fallbacks": [{"strategy": "wide"}]}
    wide = {"name": "wide", "when": {"one_box": True}, "weights": {"site_unit_minor": {"a": 70}}}
    made = world(wide, strict)
    held_at(made, "b")
    part = made.view.get(Part, PART)
    assert part is not None
    assert part.strategy == "wide"
    other = world(wide, strict)
    held_at(other, "a")
    kept = other.view.get(Part, PART)
    assert kept is not None
    assert kept.strategy is None, "it says nothing about plans"


def test_a_weight_of_lateness_takes_the_quicker_lane_at_its_own_price() -> None:
    quick = a_lane("a", price=400).model_copy(update={"lane_id": "a-quick", "transit_minutes": 20, "carrier": "bike"})
    hurry = {"name": "s", "weights": {"lateness": {"hour_minor": 900, "counts_from": "earliest"}}}
    slow = next(e for e in held_at(world(price_b=900, more=(quick,))) if isinstance(e, PartAllocated))
    fast = next(e for e in held_at(world(hurry, price_b=900, more=(quick,))) if isinstance(e, PartAllocated))
    assert (slow.shipments[0].lane_id, slow.cost_minor) == ("a-south", 165)
    assert (fast.shipments[0].lane_id, fast.cost_minor) == ("a-quick", 415), "no lateness, as it is by the promise"
    assert sum(amount for _, amount in fast.shipments[0].terms) == 415


def test_carriers_that_a_strategy_excludes_carry_only_what_no_other_can() -> None:
    bike = a_lane("a", price=400).model_copy(update={"lane_id": "a-bike", "carrier": "bike"})
    no_vans = {"name": "s", "filters": {"exclude_carriers": ["van"]}}
    plan = next(e for e in held_at(world(no_vans, price_b=900, more=(bike,))) if isinstance(e, PartAllocated))
    assert plan.shipments[0].lane_id == "a-bike"
    only = next(e for e in held_at(world(no_vans, more=(bike,)), "b") if isinstance(e, PartAllocated))
    assert only.shipments[0].lane_id == "b-south"


@pytest.mark.parametrize(("first", "asked"), [("cost", ["a", "b"]), ("parcels", []), ("sites", [])])
def test_what_counts_first_keeps_goods_together(first: str, asked: list[str]) -> None:
    """To pick a line at a costs 300, and at b nothing: split it would be 294 cheaper."""
    made = world({"name": "s", "first": first, "single_site": "when_cheapest"} if first != "sites" else {
        "name": "s", "first": first}, price_a=100, price_b=1, single_site="when_cheapest")  # fmt: skip
    mug = hold("a", 1, "2", "mug")
    sites = made.network.sites
    dear = sites[0].model_copy(update={"handling_line_minor": 300})
    made.network = made.network.model_copy(update={"sites": (dear, sites[1])})
    made.view.reference = MemoryReference(made.network, made.view.reference.items, made.view.reference.policy)
    seen = [shelf("a", 0), shelf("b", 1)]
    events = made.put(reserved(PART, [hold("a", 1), mug], SOON_MS, seen))
    assert sorted({line.site_id for e in events if isinstance(e, MoveRequested) for line in e.moves[0].held}) == asked
    if first != "cost":
        assert others(events)[-1].lost_because == f"cheaper by 294, but {first} count first"


def test_max_sites_lets_no_plan_take_more_sites_than_are_held() -> None:
    made = world({"name": "s", "max_sites": 1, "single_site": "when_cheapest"}, price_b=1, single_site="when_cheapest")
    seen = [shelf("a", 0), shelf("b", 1)]
    events = made.put(reserved(PART, [hold("a", 1), hold("a", 1, "2", "mug")], SOON_MS, seen))
    assert others(events) == []


FULL = {"name": "s", "filters": {"max_load_percent": 40}}


def filled(made: AllocationWorld, site_id: str, units: int) -> AllocationWorld:
    made.put(reserved(f"full-{site_id}/south/1", [hold(site_id, units)], SOON_MS))
    return made


def test_a_site_whose_hour_is_too_full_is_left_out_with_its_reason() -> None:
    events = held_at(filled(world(FULL, per_hour=10), "b", 4))
    assert moves(events) == []
    assert others(events)[0].lost_because == "its hour is 40 % full, 40 are allowed (s)"
    assert moves(held_at(filled(world(FULL, per_hour=10), "b", 3))) == ["b"]
    kept = card(events).plan
    assert kept is not None
    assert kept.hours is not None
    assert [(site_id, units) for site_id, _, units in kept.hours] == [("b", 4)]


def test_what_is_held_where_the_hour_is_too_full_moves_to_a_dearer_site_and_stays_where_there_is_none() -> None:
    events = held_at(filled(world(FULL, per_hour=10), "b", 4), "b")
    assert moves(events) == ["a"]
    assert others(events)[0].lost_because == (
        "the hold has to be moved first; what stands: its hour is 40 % full, 40 are allowed (s)"
    )
    both = filled(filled(world(FULL, per_hour=10), "b", 4), "a", 5)
    assert moves(held_at(both, "b")) == []


def test_a_proposal_to_a_site_whose_hour_is_too_full_is_refused() -> None:
    made = filled(world(FULL, per_hour=10), "b", 4)
    held_at(made)
    events = made.propose("p", (PART, 1, (hold("b"),)))
    answer = next(event for event in events if isinstance(event, ProposalAnswered))
    assert (answer.accepted, answer.reason) == (False, "too_full")


def test_balance_prefers_the_emptier_site() -> None:
    balance = {"name": "s", "weights": {"balance_unit_minor": 120}}
    assert moves(held_at(filled(world(balance, per_hour=10), "b", 3))) == ["b"], "36 against it, 50 cheaper"
    events = held_at(filled(world(balance, per_hour=10), "b", 5))
    assert moves(events) == []
    assert others(events)[0].lost_because == "cheaper by 50, but weights and prices count 60 against it"


def test_a_proposal_is_taken_for_what_it_weighs_and_told_for_what_it_costs() -> None:
    made = world({"name": "s", "weights": {"site_unit_minor": {"b": 49}}})
    held_at(made, "b")
    assert made.plan(PART).shipments[0].site_id == "b"
    later = {"name": "s", "weights": {"site_unit_minor": {"b": 60}}}
    given = {"policy": "p", "version": 4, "currency": "GBP", "strategies": [later]}
    made.view.reference = MemoryReference(
        made.network, made.view.reference.items, Policy.model_validate(given, strict=False)
    )
    events = made.propose("p", (PART, 1, (hold("a"),)))
    request = next(event for event in events if isinstance(event, MoveRequested))
    answer = next(e for e in made.settle(request, moved=True) if isinstance(e, ProposalAnswered))
    assert (answer.accepted, answer.gain_minor) == (True, 115 - 165 - 5)
    refused = made.propose("q", (PART, 2, (hold("b"),)))
    told = next(event for event in refused if isinstance(event, ProposalAnswered))
    assert (told.accepted, told.reason) == (False, "gain_below_churn"), "50 cheaper, and 60 against it"
