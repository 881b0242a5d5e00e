"""What the re-optimizer proposes for one part has room at allocation, by the run and at the cost that it says."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orderwing.allocation.rows import Move
from orderwing.reoptimizer.pool import Entry, Pool, learn_plan
from orderwing.reoptimizer.replan import Budget, replan
from orderwing_schemas.domain import HeldLine
from orderwing_schemas.events.allocation import PartAllocated
from orderwing_schemas.network import Policies
from support.allocation_world import HOUR_MS, START_MS, AllocationWorld, a_lane, a_network, a_site, hold, reserved

SITES = ("s0", "s1", "s2")


@st.composite
def regions(draw: st.DrawFn) -> tuple[AllocationWorld, Pool]:
    """Sites of little room, parts held there by whatever came first, and tea that is free."""
    prices = [draw(st.sampled_from((100, 140, 200))) for _ in SITES]
    network = a_network(
        [a_site(site_id, units_per_hour=draw(st.integers(2, 4))) for site_id in SITES],
        [a_lane(s, draw(st.integers(1, 3)), price) for s, price in zip(SITES, prices, strict=True)],
        Policies(churn_minor=0, late_hour_minor=3, single_site=draw(st.sampled_from(("always", "when_cheapest")))),
    )
    world, entry = AllocationWorld(network), Entry()
    for number in range(draw(st.integers(3, 8))):
        lines = [hold(draw(st.sampled_from(SITES)), draw(st.integers(1, 2)), f"{n}") for n in range(2)]
        due_ms = START_MS + draw(st.integers(2, 5)) * HOUR_MS
        for event in world.put(reserved(f"o{number}/south/1", lines, due_ms)):
            if isinstance(event, PartAllocated):
                entry = learn_plan(entry, event)
    free = {(site_id, "tea"): draw(st.integers(0, 4)) for site_id in SITES}
    return world, Pool("south", tuple(entry.values()), free)


@given(regions())
@settings(max_examples=60, deadline=None)
def test_a_proposal_of_one_part_has_room(case: tuple[AllocationWorld, Pool]) -> None:
    world, pool = case
    found = replan(pool, world.network, world.view.reference.item, START_MS, Budget(), 1).proposals
    alone = next((one for one in found if len(one.changes) == 1), None)
    assume(alone is not None)
    assert alone is not None
    (change,) = alone.changes
    held = [
        HeldLine(line_id=take.line_id, sku=take.sku, site_id=take.site_id, quantity=take.quantity)
        for take in change.takes
    ]
    world.propose("w:1", (change.part.part_id, change.part.version, tuple(held)))
    (move,) = world.rows(Move)
    shipments = move.changes[0].shipments
    assert sum(one.cost_minor for one in shipments) == change.cost_minor
    assert max(one.arrival_at_ms for one in shipments) == change.arrival_ms
    world.check_capacity()
