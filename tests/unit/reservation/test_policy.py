"""Reservation decides by the policy and the steering prices in force, and its cards say so."""

from __future__ import annotations

from typing import Any

from orderwing.planning.policies import in_force as policies
from orderwing.planning.policies.in_force import in_force
from orderwing.reservation.everywhere import TOGETHER
from orderwing_schemas.domain import Backorder, HeldLine
from orderwing_schemas.events.allocation import MoveRequested
from orderwing_schemas.events.reservation import DecisionCard, HoldMoved, MoveRefused, PartMove
from orderwing_schemas.network import Item
from orderwing_schemas.policy import Policy
from support.memory_view import MemoryReference
from support.reservation_world import World, network, of_kind, order

ITEMS = tuple(Item(sku=sku, weight_g=100, volume_cm3=100, capacity=1, list_price_minor=100) for sku in "AB")


def world(*strategies: dict[str, Any], prices: dict[tuple[str, str], int] | None = None, version: int = 1) -> World:
    made = World()
    given = {"policy": "p", "version": version, "currency": "GBP", "strategies": strategies}
    policy = Policy.model_validate(given, strict=False) if strategies else None
    for view in made.views.values():
        view.reference = MemoryReference(made.network, ITEMS, policy, prices)
    return made


def card(made: World, region: str = "north") -> DecisionCard:
    wanted = (f"hold in {region}", *([TOGETHER] if region == "north" else []))
    return [one for one in of_kind(made.emitted, DecisionCard) if one.decision in wanted][-1]


def reasons(one: DecisionCard) -> dict[str, str | None]:
    return {candidate.label: candidate.lost_because for candidate in one.candidates}


def test_a_filter_leaves_a_site_out_and_the_card_says_which_rule_did() -> None:
    made = world({"name": "not-first", "filters": {"exclude_sites": ["N1"]}})
    made.receive("N1", "A", 9)
    made.receive("N2", "A", 9)
    made.request(order("o1", {"A": 2}))
    assert made.shelf("N2", "A").reserved == 2
    told = card(made)
    assert told.notes == ("policy p v1, strategy not-first: it takes every order",)
    assert reasons(told) == {"N2": None, "N1": "is among exclude_sites (not-first)"}
    assert told.facts is not None
    assert (told.facts.policy, told.facts.policy_version, told.facts.steering) == ("p", 1, None)


def test_other_regions_follow_the_policy_too() -> None:
    made = world({"name": "east", "filters": {"exclude_sites": ["S1"], "keep_units": 2}})
    for site_id, units in (("N1", 3), ("S1", 9), ("S2", 4), ("W1", 9)):
        made.receive(site_id, "A", units)
    made.request(order("o1", {"A": 5}))
    made.settle()
    assert [made.shelf(site, "A").reserved for site in ("N1", "S1", "S2", "W1")] == [1, 0, 2, 2]
    assert reasons(card(made, "south"))["S1"] == "is among exclude_sites (east)"
    made.check()


def test_a_fallback_lifts_the_rule_before_units_wait() -> None:
    rules = {"name": "rules", "filters": {"only_sites": ["N2"]}, "fallbacks": [{"relax": ["only_sites"]}]}
    made = world(rules)
    made.receive("N1", "A", 3)
    made.receive("N2", "A", 1)
    made.request(order("o1", {"A": 3}))
    assert made.shelf("N1", "A").reserved == 3
    (note,) = card(made).notes
    assert note.endswith("rules left 2 units short; rules without only_sites has all")


def test_weights_decide_and_are_never_told_as_cost() -> None:
    plain = world()
    dear = world({"name": "spare-first", "weights": {"site_unit_minor": {"N1": 500}}})
    for made in (plain, dear):
        made.receive("N1", "A", 9)
        made.receive("N2", "A", 9)
        made.request(order("o1", {"A": 2}))
    assert plain.shelf("N1", "A").reserved == dear.shelf("N2", "A").reserved == 2
    costs = [{one.label: one.cost_minor for one in card(made).candidates if one.cost_minor} for made in (plain, dear)]
    assert costs[0] == costs[1]
    assert reasons(card(dear))["N1"] == "cheaper by 1, but the strategy's weights count 1000 against it"


def test_a_limit_of_sites_holds_until_units_would_wait() -> None:
    made = world({"name": "one", "max_sites": 1, "fallbacks": [{"backorder": {"at_most_units": 1}}]})
    made.receive("N1", "A", 3)
    made.receive("N2", "A", 2)
    made.request(order("o1", {"A": 4}))
    assert [made.shelf(site, "A").reserved for site in ("N1", "N2")] == [3, 0]


def test_units_in_stock_wait_for_their_price_only_where_the_customer_lets_them() -> None:
    for backorder, held in ((Backorder.LINES, 0), (Backorder.NONE, 1), (Backorder.WHOLE, 1)):
        made = world({"name": "patient", "single_site": "when_cheapest", "backorder_unit_minor": 200})
        made.receive("N1", "A", 9)
        made.receive("N2", "B", 9)
        made.request(order("o1", {"A": 2, "B": 1}, backorder=backorder))
        made.settle()
        assert made.shelf("N1", "A").reserved == 2
        assert made.shelf("N2", "B").reserved == held
        made.check()


def test_without_a_policy_or_prices_nothing_is_made_ready(monkeypatch: Any) -> None:
    monkeypatch.setattr(policies, "_made", lambda *_: 1 / 0)
    made = world()
    made.receive("N1", "A", 9)
    made.request(order("o1", {"A": 2}))
    facts = card(made).facts
    assert facts is not None
    assert (facts.policy, facts.policy_version, facts.steering) == (None, None, None)
    assert card(made).notes == ()


def test_a_policy_is_made_ready_once_for_each_network() -> None:
    one = Policy(policy="p", version=1, currency="GBP")
    first, second = network(), network()
    ready = [in_force(MemoryReference(net, policy=one)) for net in (first, second, first)]
    assert ready[0] is ready[2]
    assert ready[0] is not ready[1]
    for version in range(2, 20):
        in_force(MemoryReference(first, policy=one.model_copy(update={"version": version})))
    assert in_force(MemoryReference(second, policy=one)).policy is not None
    assert len(policies._ready) <= 8


def test_a_policy_that_does_not_go_with_the_network_decides_nothing_and_stops_nothing() -> None:
    made = world({"name": "gone", "filters": {"exclude_sites": ["N1", "X9"]}})
    made.receive("N1", "A", 9)
    made.request(order("o1", {"A": 2}))
    assert made.shelf("N1", "A").reserved == 2
    told = card(made)
    assert told.facts is not None
    assert told.facts.policy is None
    (note,) = told.notes
    assert note.startswith("the network's rules decided: p v1 is no usable policy: ")
    assert "the network has no site X9" in note


def test_prices_in_force_decide_and_are_on_the_card() -> None:
    made = world(prices={("N1", "A"): 7})
    made.receive("N1", "A", 9)
    made.receive("N2", "A", 9)
    made.request(order("o1", {"A": 2}))
    assert made.shelf("N2", "A").reserved == 2
    told = card(made)
    assert told.facts is not None
    assert told.facts.steering == (7, 0)
    assert dict(told.candidates[1].terms)["steering"] == 14
    assert reasons(told)["N1"] == "dearer by 13"


def test_prices_count_by_a_policy_too() -> None:
    made = world({"name": "cheapest", "single_site": "when_cheapest"}, prices={("N1", "A"): 7})
    made.receive("N1", "A", 9)
    made.receive("N2", "A", 9)
    made.request(order("o1", {"A": 2}))
    assert made.shelf("N2", "A").reserved == 2
    assert dict(card(made).candidates[1].terms)["steering"] == 14


def test_an_item_that_left_the_catalogue_is_shared_out_without_the_strategys_prices() -> None:
    made = world({"name": "few", "first": "parcels"})
    made.receive("N1", "C", 9)
    made.request(order("o1", {"C": 2}))
    assert made.shelf("N1", "C").reserved == 2
    assert "its prices counted for nothing: items[C]" in card(made).notes[0]


def test_what_the_policy_leaves_out_no_move_brings_back() -> None:
    relaxed = {"name": "rules", "filters": {"exclude_sites": ["N1"]}, "fallbacks": [{"relax": ["exclude_sites"]}]}
    for stock, moves in (({"N1": 9, "N2": 9}, {"N1": "barred"}), ({"N1": 9}, {"N1": ""})):
        made = world(relaxed)
        for site_id, units in stock.items():
            made.receive(site_id, "A", units)
        made.clear(order("o1", {"A": 2}))
        (reserved,) = made.reserved("o1")
        assert reserved.barred == ("N1",)
        assert [site_id for site_id, _, _ in reserved.seen] == [site_id for site_id in stock if site_id == "N2"]
        for site_id, reason in moves.items():
            held = (HeldLine(line_id="l-A", sku="A", site_id=site_id, quantity=2),)
            part = PartMove(part_id=reserved.part_id, order_id="o1", version=1, held=held)
            *_, answer = made.send(MoveRequested(region="north", move_id="m1", moves=(part,)))
            assert isinstance(answer, MoveRefused if reason else HoldMoved)
            if isinstance(answer, MoveRefused):
                assert answer.reason == reason
                assert all(seen != "N1" for seen, _, _ in answer.seen)
        made.check()
