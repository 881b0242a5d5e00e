"""Plans and proposals as they are told, and as they would be if something were otherwise."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from orderwing.commands.explain import _asked, _proposed, _told
from orderwing.commands.explaining.again import remade
from orderwing.commands.explaining.as_json import as_json, proposal_json
from orderwing.commands.explaining.cards import Reference
from orderwing.commands.explaining.plans import Outcome, _weighed
from orderwing.commands.explaining.told import Proposed, Told, print_card, print_proposal
from orderwing.planning.explaining.asking import WhatIf
from orderwing.planning.explaining.telling import question
from orderwing.reoptimizer.emit import proposal_message
from orderwing.reoptimizer.options import Pricer
from orderwing.reoptimizer.pool import Line, Pool, PoolPart, Take
from orderwing.reoptimizer.replan import Budget, replan
from orderwing_schemas.domain import Candidate, Order, ServiceLevel
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Item, Policies
from support.allocation_world import HOUR_MS, START_MS, AllocationWorld, a_lane, a_network, a_site, hold, reserved
from support.pools import NOW_MS, catalogue, network
from support.sourced import an_order

ITEMS = (Item(sku="tea", weight_g=400, volume_cm3=1, capacity=1, list_price_minor=100),)


def said(told: Told | Proposed, asked: WhatIf | None = None) -> str:
    console = Console(width=160, record=True, file=StringIO())
    about = "" if asked is None else question(asked)
    if isinstance(told, Proposed):
        if asked is not None:
            told = Proposed(told.proposal, told.answer, tuple([_asked(one, asked, None, False) for one in told.parts]))
        print_proposal(told, about, console)
        json.dumps(proposal_json(told))
    else:
        print_card(told if asked is None else _asked(told, asked, None, False), about, console)
        json.dumps(as_json(told))
    return console.export_text().replace("\n", " ").replace("  ", " ")


def planned(threshold_minor: int) -> Told:
    """Two units at s0, which costs 10 more than s1 with two free ones and 2 less than s2 with one."""
    sites = ("s0", "s1", "s2")
    world = a_network(
        [a_site(site_id) for site_id in sites],
        [a_lane("s0", price=110), a_lane("s1", price=100), a_lane("s2", price=112)],
        Policies(move_threshold_minor=threshold_minor),
    )
    event = reserved(
        "o/south/1", [hold("s0", 2)], START_MS + 9 * HOUR_MS, [("s0", "tea", 0), ("s1", "tea", 2), ("s2", "tea", 1)]
    )
    card = next(one for one in AllocationWorld(world).put(event) if isinstance(one, DecisionCard))
    return _told(json.loads(card.model_dump_json()), event.order, Reference({1: world}, ITEMS, world), None)


def test_a_plan_says_what_would_move_it() -> None:
    text = said(planned(threshold_minor=20))
    assert "Runner-up: s1, 0.10 cheaper." in text
    assert "s1 would win if the threshold of a move were 0.11 lower (0.09 instead of 0.20)" in text
    assert "s2 would win if s2 had 1 more of tea (2 instead of 1) and the" in text


def test_a_plan_is_made_again_as_if_sites_or_stock_were_otherwise() -> None:
    stays = planned(threshold_minor=20)
    assert "without s0: It would be s1: 0.10 cheaper." in said(stays, WhatIf(without=("s0",)))
    assert "It is held at s0 all the same" in said(stays, WhatIf(without=("s0",)))
    nowhere = said(stays, WhatIf(without=("s0", "s1")))
    assert "No departure would have room, and the part would wait." in nowhere
    assert "it is not there" in nowhere
    moves = planned(threshold_minor=5)
    assert "without s1: It would be s0: 0.10 dearer." in said(moves, WhatIf(without=("s1",)))
    later = said(moves, WhatIf(now_ms=START_MS + 3 * HOUR_MS))
    assert "The card does not say whether s1-south at" in later


def tight(units_per_hour: int, parcels: int) -> Told:
    """One unit held at s0, dearer than s1, whose first hour or departure another part had filled."""
    world = a_network(
        [a_site("s0", units_per_hour=100), a_site("s1", units_per_hour=units_per_hour)],
        [a_lane("s0", price=104), a_lane("s1", parcels)],
        Policies(move_threshold_minor=0, late_hour_minor=60),
    )
    made = AllocationWorld(world)
    made.put(reserved("o/south/0", [hold("s1")], START_MS + HOUR_MS))
    event = reserved("o/south/1", [hold("s0")], START_MS + HOUR_MS, [("s1", "tea", 2)])
    card = next(one for one in made.put(event) if isinstance(one, DecisionCard))
    return _told(json.loads(card.model_dump_json()), event.order, Reference({1: world}, ITEMS, world), None)


def test_what_was_lost_for_want_of_room_is_told_with_the_room_that_it_lacked() -> None:
    departure, hour = said(tight(100, parcels=1)), said(tight(1, parcels=9))
    assert (
        "s1 would win if the departure of s1-south at 2026-06-01 09:00:00 had room for 1 parcel instead of 0"
        in departure
    )
    assert "s1 would win if the hour of picking at s1 from 2026-06-01 08:00:00 had room for 1 unit instead of 0" in hour
    assert "room" not in said(tight(100, parcels=9))


def test_room_on_a_departure_is_not_said_to_help_where_its_hour_was_full_too() -> None:
    assert "had room" not in said(tight(1, parcels=1))


def test_a_plan_keeps_its_cost_beside_another_split_over_its_sites_without_room() -> None:
    ways = [("s0 by l0 + s1 by l1", 200), ("s0 + s1", None)]
    candidates = tuple([Candidate(label=label, cost_minor=minor) for label, minor in ways])
    for told in (candidates, candidates[::-1]):
        card = DecisionCard(
            order_id="o", part_id="o/south/1", stage="allocation", decision="planned", at_ms=START_MS,
            chosen=ways[0][0], candidates=told, seen=(), notes=(), truncated=False,
        )  # fmt: skip
        ((one, weight),) = _weighed(Outcome(card, (), ())).values()
        assert one.cost_minor == weight.all_minor == 200


def test_it_did_not_look_elsewhere() -> None:
    assert "It did not look at what would change without n0" in said(planned(5), WhatIf(without=("n0",)))


def proposed() -> Proposed:
    """A part of one line at s1; s2 has the goods and is 1.00 cheaper, s3 has none."""
    world = network((300, 200, 250), churn_minor=5)
    part = PoolPart(
        region="r",
        part_id="o1/r/1",
        order_id="o1",
        version=1,
        zone="z",
        stop_id="stop",
        service_level=ServiceLevel.STANDARD,
        one_box=False,
        may_split=True,
        lines=(Line("n0", "a", 1, 100, 1),),
        takes=(Take("s1", "n0", "a", 1),),
        cost_minor=348,
        arrival_at_ms=NOW_MS + 2 * HOUR_MS,
        promise_at_ms=NOW_MS + 9 * HOUR_MS,
        freeze_at_ms=NOW_MS + HOUR_MS,
    )
    assert Pricer(world, catalogue, NOW_MS).cost(part, part.takes) == part.cost_minor
    (one,) = replan(Pool("r", (part,), {("s2", "a"): 1}), world, catalogue, NOW_MS, Budget(), 0).proposals
    told = json.loads(proposal_message("r", "w", one, NOW_MS).value)
    return _proposed(told, None, order_of_the_part(), Reference({1: world}, (catalogue("a"),), world), None)


def order_of_the_part() -> Order:
    return an_order({"a": 1}, ServiceLevel.STANDARD)


def test_a_proposal_says_what_would_have_kept_the_plan() -> None:
    text = said(proposed())
    assert "Re-optimizer: a better plan, worth 0.95 net of churn" in text
    assert "Allocation has not answered." in text
    assert "if the price of a change were 0.95 higher (1.00 instead of 0.05)" in text


@pytest.mark.parametrize(
    ("counted", "by"),
    [
        ({}, "for its customer"),
        ({"policy": "p", "policy_version": 1}, "by wishes, weights and prices"),
        ({"steering": [0, 1]}, "by wishes, weights and prices"),
    ],
)
def test_a_proposal_that_costs_money_says_what_may_be_worth_it(counted: dict[str, Any], by: str) -> None:
    proposal = proposed().proposal
    dearer = {**proposal, "expected_gain_minor": -5, "facts": {**proposal["facts"], **counted}}
    assert f"a better plan, {by} at a cost of 0.05 net of churn" in said(Proposed(dearer, None, ()))


def test_a_proposal_is_searched_for_again_as_if_sites_or_stock_were_otherwise() -> None:
    one = proposed()
    without = said(one, WhatIf(without=("s2",)))
    assert "without s2: It would be s1: 1.00 dearer." in without
    assert "Nothing would be proposed." in without
    assert "part o1/r/1 stood at s1 then" in said(one, WhatIf(without=("s1",)))
    assert "It would be the same." in said(one, WhatIf(without=("s3",)))


def test_a_proposal_that_keeps_nothing_says_so() -> None:
    one = proposed()
    reference = Reference({}, (), network((300, 200, 250), churn_minor=5))
    bare = _proposed({**one.proposal, "facts": None}, None, order_of_the_part(), reference, None)
    assert "The proposal does not hold what it rests on" in said(bare)


def test_a_plan_of_goods_that_left_the_catalogue_is_not_guessed_at() -> None:
    told = planned(threshold_minor=20)
    card = DecisionCard.model_validate_json(json.dumps(told.card))
    assert told.remade is not None
    order = told.remade.facts.order
    world = told.remade.network
    heavier = (ITEMS[0].model_copy(update={"weight_g": 9_000}),)
    again = _told(json.loads(card.model_dump_json()), order, Reference({1: world}, heavier, world), None)
    assert again.remade is None
    assert "catalogue or program are no longer" in (again.why_not or "")
    assert remade(card, order, Reference({1: world}, ITEMS, world)).verdict.chosen == "s0"
