"""Home and others together: a card made again as it was made."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orderwing.commands.explaining import jointly
from orderwing.commands.explaining.again import remade
from orderwing.commands.explaining.cards import CardError, Reference, compiled_of, is_reproduced
from orderwing.planning.explaining.asking import Stocked, WhatIf
from orderwing_schemas.domain import Order
from orderwing_schemas.events.reservation import DecisionCard, StockTold
from orderwing_schemas.policy import Policy
from support.memory_view import MemoryReference
from support.reservation_world import World, of_kind, order

NOTHING_PUBLISHED = ()


def by(strategy: Mapping[str, object]) -> tuple[World, Reference]:
    """A policy of one strategy, in force at home."""
    given = {"policy": "p", "version": 1, "currency": "GBP", "strategies": [strategy]}
    policy, world = Policy.model_validate(given, strict=False), World()
    world.views["north"].reference = MemoryReference(world.network, policy=policy)
    return world, Reference({1: world.network}, NOTHING_PUBLISHED, world.network, {("p", 1): policy})


def together(world: World, placed: Order) -> DecisionCard:
    (card,) = [one for one in of_kind(world.clear(placed), DecisionCard) if one.decision == jointly.TOGETHER]
    return card


@pytest.mark.parametrize("steering", [None, {("W2", "A"): 5, ("N1", "A"): 3}])
def test_home_and_others_together_are_weighed_again(steering: dict[tuple[str, str], int] | None) -> None:
    world = World()
    for site_id, sku, units in (("N1", "A", 2), ("W2", "A", 2), ("W2", "B", 1), ("S1", "B", 1)):
        world.receive(site_id, sku, units)
    world.tell()
    for view in world.views.values():
        view.reference = MemoryReference(world.network, prices=steering)
    placed = order("o1", {"A": 2, "B": 1})
    card = together(world, placed)
    again = remade(card, placed, Reference({1: world.network}, NOTHING_PUBLISHED, world.network))
    assert again.verdict.candidates == card.candidates
    assert again.verdict.chosen == "W2"
    assert jointly.HOME_FIRST in {one.winner for one in again.findings.found}
    for one in again.findings.found:
        assert again.decide(one.apply(again.facts)).chosen == one.winner
    without = again.decide(WhatIf(("W2",)).apply(again.facts))
    assert (without.chosen, without.short_units) == (jointly.HOME_FIRST, 0)
    assert {(one.site_id, one.units) for one in without.taken} == {("N1", 2), ("S1", 1)}
    assert all(one.lost_because for one in without.candidates[1:])
    at_home = again.decide(WhatIf(stock=(Stocked("B", "N1", 1),)).apply(again.facts))
    assert (at_home.chosen, {one.site_id for one in at_home.taken}) == (jointly.HOME_FIRST, {"N1"})


def test_home_first_is_weighed_again_where_too_little_was_told_to_decide_all_at_once() -> None:
    filtered = {"filters": {"exclude_sites": ["S2"]}, "fallbacks": [{"relax": ["exclude_sites"]}]}
    world, reference = by({"name": "rules", **filtered})
    world.receive("N1", "A", 2)
    for region, shelves in (("west", (("W2", "A", 2), ("W2", "B", 1))), ("south", (("S1", "B", 1),))):
        told = StockTold(region="north", from_region=region, number=1, as_of_ms=world.now_ms, shelves=shelves)
        world.send(told)
    placed = order("o1", {"A": 2, "B": 1, "C": 1})
    card = together(world, placed)
    assert [one.label for one in card.candidates[:2]] == ["W2", jointly.HOME_FIRST]
    again = remade(card, placed, reference)
    assert (again.verdict.chosen, again.verdict.candidates) == ("W2", card.candidates)
    assert jointly.HOME_FIRST in {one.winner for one in again.findings.found}
    policy = compiled_of(card, reference)
    assert policy is not None
    assert not is_reproduced(card, jointly.under(policy)(again.facts)), "by the policy all is decided at once"


def test_more_is_weighed_again_than_a_card_shows_only_where_it_was_cut() -> None:
    cheap = {"name": "cheap", "single_site": "when_cheapest", "weights": {"site_unit_minor": {"N1": 60}}}
    world, reference = by(cheap)
    for site_id in ("N1", "N2", "S1", "S2", "W1", "W2"):
        world.receive(site_id, "A", 2)
    world.tell()
    placed = order("o1", {"A": 2})
    card = together(world, placed)
    assert card.truncated
    told = remade(card, placed, reference).verdict.candidates
    assert told[:12] == card.candidates != told
    remade(card.model_copy(update={"candidates": told, "truncated": False}), placed, reference)
    with pytest.raises(CardError, match="Made again it is"):
        remade(card.model_copy(update={"truncated": False}), placed, reference)
