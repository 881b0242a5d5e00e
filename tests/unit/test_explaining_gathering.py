"""Plans of goods that are gathered first, made again from their cards: where hours and departures are full, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orderwing.commands.explaining import plans
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.events.allocation import PartAllocated
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Consolidation, Network, Policies, Transfer
from support.allocation_world import HOUR_MS, START_MS, AllocationWorld, a_lane, a_network, a_site, hold, reserved

ROADS = tuple(Transfer(from_site=f, to_site=t, minutes=20, transfer_minor=10) for f, t in (("a", "b"), ("b", "a")))
Told = tuple[DecisionCard, Order, PartAllocated]


def tight() -> Network:
    """An hour's picking is for one part, a departure for one parcel."""
    rule = Consolidation(service=ServiceLevel.STANDARD, threshold_minor=20, max_delay_minutes=360)
    lanes = (a_lane("a", parcels=1), a_lane("b", parcels=1))
    network = a_network((a_site("a", 4), a_site("b", 4)), lanes, Policies(consolidation=(rule,)))
    return network.model_copy(update={"transfers": ROADS})


@pytest.fixture(scope="module")
def told() -> list[Told]:
    world = AllocationWorld(tight())
    return list(planned(world))


def planned(world: AllocationWorld) -> Iterator[Told]:
    for number in range(8):
        event = reserved(f"o{number}/south/1", [hold("a", 3), hold("b", 1, "2", "mug")], START_MS + 9 * HOUR_MS)
        events = world.put(event)
        (card,) = [one for one in events if isinstance(one, DecisionCard)]
        (plan,) = [one for one in events if isinstance(one, PartAllocated)]
        yield card, event.order, plan


def again(card: DecisionCard, order: Order) -> plans.Planning:
    assert card.plan is not None
    return plans.planning_of(card, card.plan, order, tight(), AllocationWorld(tight()).items)


def test_every_plan_comes_out_again(told: list[Told]) -> None:
    moved = [one for _, _, plan in told for one in plan.shipments if one.to_site_id]
    parcels = [one for _, _, plan in told for one in plan.shipments if not one.to_site_id]
    assert len({one.departure_at_ms for one in moved}) > 1, "some wait for an hour with room"
    assert len({one.departure_at_ms for one in parcels}) > 4, "and for a departure"
    for card, order, _ in told:
        assert plans.is_reproduced(card, again(card, order))


def test_without_what_was_booked_it_would_not(told: list[Told]) -> None:
    for gone in ("hours", "booked"):
        cards = [(card.model_copy(update={"plan": card.plan.model_copy(update={gone: None})}), order)  # type: ignore[union-attr]
                 for card, order, _ in told]  # fmt: skip
        assert not all(plans.is_reproduced(card, again(card, order)) for card, order in cards)


def test_of_a_transfer_nobody_asks_whether_its_lane_had_room(told: list[Told]) -> None:
    verdict = plans.by_allocation(
        again(*next((card, order) for card, order, plan in told if plan.shipments[0].to_site_id))
    )
    assert " to " in verdict.chosen
    assert verdict.note == ""
