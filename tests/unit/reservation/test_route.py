"""Whom a slip asks: as other regions were last known to have stock, whatever they have by now."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from orderwing.reservation.rows import Want
from orderwing.views.tally import tally
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.reservation import DecisionCard, ReservationOutcome, SlipPassed, StockTold
from support.reservation_world import REGION_OF, World, network, of_kind, order


def knowing(*places: tuple[str, str, int]) -> World:
    """Every region knows what there is: in each some Z, and `places`."""
    world = World()
    for site_id in ("N1", "S1", "W1"):
        world.receive(site_id, "Z", 1)
    for site_id, sku, quantity in places:
        world.receive(site_id, sku, quantity)
    world.tell()
    return world


def walked(world: World) -> list[str]:
    return [slip.region for slip in of_kind(world.emitted, SlipPassed)]


def cards(world: World, decision: str) -> list[DecisionCard]:
    return [card for card in of_kind(world.emitted, DecisionCard) if card.decision == decision]


def lie(world: World, region: str, site_id: str, sku: str, units: int) -> None:
    """What the region believes from now on."""
    event = StockTold(
        region=region,
        from_region=REGION_OF[site_id],
        number=1_000_000,
        as_of_ms=world.now_ms,
        shelves=((site_id, sku, units),),
    )
    world.send(event)


def reserved_in(world: World) -> list[str]:
    return sorted(part.region for part in world.reserved("o1"))


def placed(world: World, lines: dict[str, int], **wishes: object) -> None:
    world.clear(order("o1", lines, **wishes))  # type: ignore[arg-type]  # of `order`
    world.settle()
    world.check()


def test_it_goes_straight_to_where_the_stock_is() -> None:
    world = knowing(("S1", "A", 1), ("W2", "A", 5))
    placed(world, {"A": 5})
    assert (walked(world), reserved_in(world)) == (["west"], ["west"])
    (card,) = cards(world, "route")
    assert card.chosen == "west, south"
    assert card.candidates[0].cost_minor == sum(minor for _, minor in card.candidates[0].terms) > 0
    assert ("W2", "A", 5) in card.seen
    assert [note.split(" told")[0] for note in card.notes] == ["south: 1 units", "west: 5 units"]


def test_the_one_that_has_most_of_it_is_asked_first() -> None:
    world = knowing(("S1", "A", 1), ("W1", "B", 4), ("W1", "C", 1))
    placed(world, {"A": 1, "B": 4, "C": 1})
    assert (walked(world), reserved_in(world)) == (["west", "south"], ["south", "west"])


def test_what_nobody_has_told_is_asked_for_in_the_order_of_preference() -> None:
    world = World()
    world.receive("W1", "A", 5)
    placed(world, {"A": 5})
    assert walked(world) == ["south", "west"]
    (card,) = cards(world, "route")
    assert card.candidates[0].cost_minor is None
    assert card.notes == tuple(f"{region}: it has told nothing of what is sought" for region in ("south", "west"))


@pytest.mark.parametrize("may_split", [True, False])
@pytest.mark.parametrize("backorder", Backorder)
def test_only_who_would_be_declined_asks_those_who_have_nothing(backorder: Backorder, may_split: bool) -> None:
    world = knowing(("S1", "B", 9))
    placed(world, {"A": 1}, backorder=backorder, may_split=may_split)
    assert walked(world) == (["south", "west"] if backorder is Backorder.NONE else [])
    assert cards(world, "route")[0].chosen == ("south, west" if backorder is Backorder.NONE else "nobody")


@pytest.mark.parametrize("may_split", [True, False])
@pytest.mark.parametrize("backorder", Backorder)
def test_stock_that_nobody_knows_of_is_found(backorder: Backorder, may_split: bool) -> None:
    world = knowing(("S1", "B", 9))
    world.receive("W1", "A", 2)
    placed(world, {"A": 2}, backorder=backorder, may_split=may_split)
    assert reserved_in(world) == ["west"]
    assert not world.all_rows(Want)


@pytest.mark.parametrize("backorder", Backorder)
def test_stock_that_is_gone_is_sought_elsewhere_and_the_card_says_so(backorder: Backorder) -> None:
    world = knowing(("W1", "A", 2))
    lie(world, "north", "S1", "A", 2)
    placed(world, {"A": 2}, backorder=backorder)
    assert (walked(world), reserved_in(world)) == (["south", "west"], ["west"])
    (card,) = cards(world, "route was stale")
    assert [(c.label, c.lost_because) for c in card.candidates] == [("south", "refused 2 of A")]
    assert card.chosen == "west"


def test_it_waits_where_the_stock_is_gone_for_good() -> None:
    world = knowing(("S1", "B", 9))
    lie(world, "north", "S1", "A", 2)
    placed(world, {"A": 2})
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    assert len(world.all_rows(Want)) == 3


def test_units_that_another_region_took_over_are_not_refused() -> None:
    world = knowing(("S1", "A", 2), ("W1", "A", 1))
    world.receive("S2", "A", 1)
    placed(world, {"A": 3}, may_split=True)
    assert reserved_in(world) == ["south"]
    assert not cards(world, "route was stale")


def test_a_shelf_that_may_have_a_unit_more_than_was_told_is_asked_for_all() -> None:
    world = knowing(("W1", "A", 4))
    world.receive("W1", "A", 1)
    world.tell()
    placed(world, {"A": 5}, may_split=False)
    assert reserved_in(world) == ["west"]
    assert walked(world) == ["west"]


def test_one_box_is_sought_where_one_site_is_known_to_have_all() -> None:
    world = knowing(("N1", "A", 1), ("S1", "A", 1), ("S2", "B", 1), ("W2", "A", 1), ("W2", "B", 1))
    placed(world, {"A": 1, "B": 1}, one_box=True)
    assert (walked(world), reserved_in(world)) == (["west"], ["west"])
    assert [card.chosen for card in cards(world, "route to one box")] == ["west"]


def test_one_box_is_not_sought_where_no_one_site_has_all() -> None:
    world = knowing(("N1", "A", 1), ("S1", "A", 1), ("S2", "B", 1))
    placed(world, {"A": 1, "B": 1}, one_box=True)
    assert (walked(world), reserved_in(world)) == (["south"], ["north", "south"])
    assert [card.chosen for card in cards(world, "one box or several")] == ["several boxes"]


@pytest.mark.parametrize("believed", [0, 1])
def test_an_order_that_waits_for_all_looks_everywhere_whatever_is_known(believed: int) -> None:
    """An offer comes but once: who leaves out a region that has the rest waits for ever."""
    world = knowing(("N1", "C", 1))
    placed(world, {"A": 1, "B": 1}, backorder=Backorder.WHOLE)
    for site_id, sku in (("S1", "A"), ("W1", "B")):
        world.receive(site_id, sku, 1)
    lie(world, "north", "S1", "A", believed)
    lie(world, "north", "W1", "B", 0)
    world.settle()
    assert reserved_in(world) == ["south", "west"]


def test_a_region_alone_asks_nobody() -> None:
    world = World(network(regions=("north",)))
    placed(world, {"A": 1}, one_box=True)
    assert not cards(world, "route")
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED


def test_operators_see_how_often_knowledge_was_stale() -> None:
    """As the views count cards."""
    world = knowing(("W1", "A", 2))
    lie(world, "north", "S1", "A", 2)
    for name, sku in (("o1", "A"), ("o2", "B")):
        world.clear(order(name, {sku: 2}))
    fresh = World()
    fresh.clear(order("o3", {"A": 2}))
    for one in (world, fresh):
        one.settle()
    made = of_kind([*world.emitted, *fresh.emitted], DecisionCard)
    counted = Counter(labels for card in made for _, _, labels in tally(card.EVENT_TYPE, json.loads(encode(card))))
    assert counted == {("told",): 1, ("stale",): 1, ("nobody",): 1, ("unknown",): 1}
