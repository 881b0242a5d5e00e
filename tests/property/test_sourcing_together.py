"""An order asked for everywhere at once, whatever others really have and whatever happens before they have answered."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.reservation.rows import Hold, HoldState, RemoteHold
from orderwing_schemas.domain import Backorder, Order
from orderwing_schemas.events.fraud import OrderCleared
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import DecisionCard, SlipPassed, SlipReturned, StockTold
from orderwing_schemas.network import Item
from orderwing_schemas.policy import Policy
from support.memory_view import MemoryReference
from support.reservation_world import MINUTE_MS, World, of_kind, order

LINES = {"A": 2, "B": 1, "C": 1}
TOLD = {"west": (("W2", "A", 2), ("W2", "B", 1)), "south": (("S1", "A", 1), ("S1", "C", 1))}
SHELVES = (("W2", "A"), ("W2", "B"), ("W1", "A"), ("W1", "C"), ("S1", "A"), ("S1", "B"), ("S1", "C"), ("N2", "C"))
ITEMS = tuple(Item(sku=sku, weight_g=100, volume_cm3=100, capacity=1, list_price_minor=100) for sku in "ABC")
RULES: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {"first": "parcels", "max_sites": 2, "fallbacks": [{"relax": ["max_sites"]}]},
    {"weights": {"site_unit_minor": {"N1": 500, "W2": 100}}},
)
SLIPS = (SlipPassed, SlipReturned)
STEPS = ("deliver", "deliver", "clear", "lapse", "stop", "rival", "again")


def believing(stock: list[int], rules: dict[str, Any] | None) -> World:
    """Home has two of A, and believes of others what may not be so."""
    world = World()
    if rules is not None:
        given = {"policy": "p", "version": 1, "currency": "GBP", "strategies": [{"name": "s", **rules}]}
        policy = Policy.model_validate(given, strict=False)
        for view in world.views.values():
            view.reference = MemoryReference(world.network, ITEMS, policy)
    world.receive("N1", "A", 2)
    for (site_id, sku), quantity in zip(SHELVES, stock, strict=True):
        if quantity:
            world.receive(site_id, sku, quantity)
    for region, shelves in TOLD.items():
        told = StockTold(
            region="north", from_region=region, number=1, as_of_ms=world.now_ms, shelves=shelves, complete=True
        )
        world.send(told)
    return world


def happen(world: World, placed: Order, word: str, stopped: bool) -> bool:
    """One thing; whether the order has been stopped before it was cleared."""
    hold = world.hold("o1")
    assert hold is not None
    if word == "deliver":
        world.deliver(lambda pairs: pairs[0])
    elif word == "clear":
        world.clear(placed)
    elif word == "lapse":
        world.now_ms += 31 * MINUTE_MS
        world.due()
    elif word == "rival":
        world.send(OrderCleared(order=order("o2", {"A": 2, "B": 1}, home="west", backorder=Backorder.NONE)))
    elif word == "stop":
        stopped = stopped or hold.state not in (HoldState.FIRM, HoldState.FIRM_ASKING, HoldState.ENDED)
        world.send(HoldReleaseRequested(region="north", order_id="o1", version=1, reason="declined"))
    elif slips := [events[0] for events in world.slips.values() if events and isinstance(events[0], SLIPS)]:
        world.send(slips[0])  # and once more when its turn comes
    world.check()
    return stopped


@settings(max_examples=150, deadline=None)
@given(
    stock=st.lists(st.integers(0, 2), min_size=len(SHELVES), max_size=len(SHELVES)),
    backorder=st.sampled_from(Backorder),
    rules=st.sampled_from(RULES),
    steps=st.lists(st.sampled_from(STEPS), max_size=8),
)
def test_nothing_is_held_twice_or_lost(
    stock: list[int], backorder: Backorder, rules: dict[str, Any] | None, steps: list[str]
) -> None:
    world = believing(stock, rules)
    placed = order("o1", LINES, backorder=backorder)
    world.request(placed)
    stopped = False
    for word in steps:
        stopped = happen(world, placed, word, stopped)
    world.settle()
    world.clear(placed)
    world.settle()
    world.check()
    assert all(not row.held for row in world.all_rows(RemoteHold) if isinstance(row, RemoteHold))
    hold = world.hold("o1")
    assert isinstance(hold, Hold)
    assert not hold.held
    assert not hold.remote
    assert (hold.state is HoldState.RELEASED) == stopped
    taken = sum(line.quantity for part in world.reserved("o1") for line in part.held)
    left = sum(line.quantity for line in (*hold.open, *hold.declined))
    assert taken + left == (0 if stopped else sum(LINES.values()))
    assert any(card.decision == "home and others together" for card in of_kind(world.emitted, DecisionCard))
