"""What a policy's weights and steering prices decided is not undone later in the day, and costs stay true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from orderwing.audit.facts import Fact
from orderwing.audit.verdict import judge
from orderwing.simulation.shop import MINUTE_MS, items, small_network
from orderwing.simulation.world import START_MS, World, facts_of
from orderwing_schemas.events.reference import PolicyPublished
from orderwing_schemas.policy import Policy, Strategy, Weights
from support.published import prices_of_the_day, publish_later

SITES = {"middle-0": 90}
POLICY = Policy(
    policy="last", version=1, currency="GBP",
    strategies=(Strategy(name="sites", weights=Weights(site_unit_minor=SITES, parcel_minor=40)),),
)  # fmt: skip
NETWORK = small_network()
Plan = Mapping[str, Any]


def ran(seed: int) -> list[Fact]:
    world = World(seed, orders=60, fault_rate=0.0)
    publish_later(world, START_MS + MINUTE_MS, PolicyPublished(policy=POLICY), prices_of_the_day(0, 2 * START_MS))
    assert world.run() is None
    told = list(facts_of(world.cluster))
    verdict = judge(
        told, NETWORK, items(), world.provider.book, world.warehouse.book,
        settled_before_wall_ms=world.cluster.wall_ms + 1,
    )  # fmt: skip
    assert not verdict.violations
    answers = [fact.body for fact in told if fact.type == "proposal.answered.v1" and fact.body["accepted"]]
    assert sum(answer["gain_minor"] for answer in answers) == verdict.savings.saved_minor
    return told


def changes(told: list[Fact]) -> Iterator[tuple[Plan, Plan]]:
    """Plans of parts that a proposal or allocation itself changed, with what they were before."""
    plans = {
        (fact.body["part_id"], fact.body["version"]): fact.body for fact in told if fact.type == "part.allocated.v1"
    }
    for (part_id, version), plan in plans.items():
        before = plans.get((part_id, version - 1))
        if before is not None:
            yield before, plan


def beside(plan: Plan, prices: Mapping[tuple[str, str], int]) -> int:
    """Counted anew, as the policy says: so much a unit, so much a parcel, and what the list says of the shelf."""
    total = 0
    for one in plan["shipments"]:
        total += 40 * one["parcels"]
        for line in one["lines"]:
            each = SITES.get(one["site_id"], 0) + prices.get((one["site_id"], line["sku"]), 0)
            total += each * line["quantity"]
    return total


def undone(told: list[Fact], prices: Mapping[tuple[str, str], int]) -> list[tuple[str, int]]:
    """Moves, each all or none of its parts, that are heavier though no customer gained anything by them."""
    heavier: Counter[str] = Counter()
    liked: set[str] = set()
    for before, after in changes(told):
        move = after["proposal_id"] or f"{after['part_id']}/v{after['version']}"
        heavier[move] += after["cost_minor"] + beside(after, prices) - before["cost_minor"] - beside(before, prices)
        if len(after["shipments"]) < len(before["shipments"]) or _arrives(after) < _arrives(before):
            liked.add(move)
    return [(move, by) for move, by in heavier.items() if by >= 0 and move not in liked]


def _arrives(plan: Plan) -> int:
    return max(int(one["arrival_at_ms"]) for one in plan["shipments"])


@pytest.fixture(scope="module")
def prices() -> Mapping[tuple[str, str], int]:
    listed = prices_of_the_day(0, 2 * START_MS).prices
    return {(one.site_id, one.sku): one.price_minor for one in listed}


@pytest.mark.parametrize("seed", [5, 7])
def test_no_later_move_makes_a_part_heavier(prices: Mapping[tuple[str, str], int], seed: int) -> None:
    """On both days allocation moved a part onto dearer shelves while it weighed cost alone."""
    told = ran(seed)
    moved = list(changes(told))
    assert moved
    assert {plan["strategy"] for _, plan in moved} == {"sites"}
    assert undone(told, prices) == []
