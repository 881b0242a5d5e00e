"""The re-optimizer weighs parts' strategies and steering prices, and tells what is truly saved."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from orderwing.commands.explaining.proposals import by_search, is_reproduced, reconsidering
from orderwing.planning.policies.compiling import Compiled, compiled
from orderwing.planning.policies.file import Parsed
from orderwing.reoptimizer.counting import Counts, Rules
from orderwing.reoptimizer.emit import proposal_message
from orderwing.reoptimizer.pool import Leg, Line, Pool, PoolPart, Take
from orderwing.reoptimizer.replan import Budget, Proposal, replan, verify
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.domain import Backorder, Order, OrderLine, Payer, Point, ServiceLevel
from orderwing_schemas.events.reoptimizer import ProposalMade
from orderwing_schemas.network import Network
from orderwing_schemas.policy import Policy
from support.pools import HOUR_MS, NOW_MS, catalogue, network

CHURN = 5
TEN_UNITS_AN_HOUR = 10


def net(prices: tuple[int, int, int] = (250, 200, 900)) -> Network:
    """A unit costs 250, 200 or 900, and 48 more at each site."""
    made = network(prices, CHURN)
    sites = tuple(site.model_copy(update={"units_per_hour": TEN_UNITS_AN_HOUR}) for site in made.sites)
    return made.model_copy(update={"sites": sites})


def policy_of(on: Network, **strategy: Any) -> Compiled:
    given = {"policy": "p", "version": 2, "currency": "GBP", "strategies": [{"name": "s", **strategy}]}
    return compiled(Parsed("p", Policy.model_validate(given, strict=False), {}), on)


def part(site_id: str, name: str = "o", units: int = 1, cost_minor: int = 298) -> PoolPart:
    """It leaves in an hour, and is picked in the ten minutes before."""
    return PoolPart(
        region="r", part_id=f"{name}/r/1", order_id=name, version=1, zone="z", stop_id="stop",
        service_level=ServiceLevel.STANDARD, one_box=False, may_split=True,
        lines=(Line("1", "a", units, 100, 1),), takes=(Take(site_id, "1", "a", units),),
        cost_minor=cost_minor, arrival_at_ms=NOW_MS + 2 * HOUR_MS, promise_at_ms=NOW_MS + 24 * HOUR_MS,
        freeze_at_ms=NOW_MS + HOUR_MS, strategy="s",
        legs=(Leg(site_id, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS, 1),),
    )  # fmt: skip


def proposals(pool: Pool, rules: Rules, on: Network) -> list[Proposal]:
    found = replan(pool, on, catalogue, NOW_MS, Budget(), 1, counts=Counts(rules, on, NOW_MS, pool)).proposals
    assert verify(pool, found) == []
    return list(found)


FREE = {("s1", "a"): 3, ("s2", "a"): 3}


@pytest.mark.parametrize("by", ["weights", "prices"])
def test_a_cheaper_site_that_weighs_more_is_not_proposed(by: str) -> None:
    on = net()
    pool = Pool("r", (part("s1"),), FREE)
    (plain,) = replan(pool, on, catalogue, NOW_MS, Budget(), 1).proposals
    assert plain.gain_minor == plain.weighed_minor == 50 - CHURN
    for counted, found in ((44, 1), (45, 0)):
        rules = Rules(steering=lambda site_id, _sku, counted=counted: counted if site_id == "s2" else 0)  # type: ignore[misc]
        if by == "weights":
            rules = Rules(policy_of(on, weights={"site_unit_minor": {"s2": counted}}))
        told = proposals(pool, rules, on)
        assert len(told) == found
        assert [(one.gain_minor, one.weighed_minor) for one in told] == [(45, 1)] * found


def test_a_dearer_site_that_weighs_less_is_proposed_at_its_true_loss_and_found_again() -> None:
    on = net()
    rules = Rules(policy_of(on, weights={"site_unit_minor": {"s2": 80}}), lambda site_id, _sku: 7 * (site_id == "s2"))
    (one,) = proposals(Pool("r", (part("s2", cost_minor=248),), FREE), rules, on)
    assert (one.gain_minor, one.weighed_minor) == (-50 - CHURN, 87 - 50 - CHURN)
    standing = next(candidate for candidate in one.candidates if "standing" in candidate.label)
    assert standing.lost_because == "cheaper by 50, but weights and prices count 87 against it"
    again = remade(one, on, rules.policy)
    verdict = by_search(again)
    assert (verdict.chosen, verdict.cost_minor) == ("s1", 298)
    assert verdict.compared is not None
    assert verdict.compared["s2"] - verdict.compared["s1"] == 87 - 50 - CHURN
    assert not is_reproduced(made_of(one), reconsidered(one, on, None)), "the policy decided"


def test_sites_whose_hours_are_too_full_are_left_out_and_balance_counts() -> None:
    on = net()
    others = tuple(replace(part("s2", f"f{n}", 2, 250), strategy=None) for n in range(2))
    pool = Pool("r", (*others, part("s1")), {("s2", "a"): 3})
    assert len(proposals(pool, Rules(policy_of(on, filters={"max_load_percent": 41})), on)) == 1
    assert proposals(pool, Rules(policy_of(on, filters={"max_load_percent": 40})), on) == []
    assert len(proposals(pool, Rules(policy_of(on, weights={"balance_unit_minor": 110})), on)) == 1, "44 against 50"
    assert proposals(pool, Rules(policy_of(on, weights={"balance_unit_minor": 120})), on) == []
    balance = policy_of(on, weights={"balance_unit_minor": 110})
    (one,) = proposals(pool, Rules(balance), on)
    assert one.facts is not None
    assert one.facts.hours == (("s1", NOW_MS // HOUR_MS, 1), ("s2", NOW_MS // HOUR_MS, 4))
    remade(one, on, balance)


def test_what_counts_first_never_outweighs_a_wish() -> None:
    """One box is wished for, and two smaller parcels would be there earlier."""
    on = net((250, 250, 250))
    slow = on.lanes[2].model_copy(update={"transit_minutes": 300})
    on = on.model_copy(update={"lanes": (*on.lanes[:2], slow)})
    lines = (Line("1", "a", 1, 100, 1), Line("2", "b", 1, 100, 1))
    takes = (Take("s1", "1", "a", 1), Take("s2", "2", "b", 1))
    split = replace(part("s1"), lines=lines, takes=takes, one_box=True, cost_minor=500, max_delay_minutes=600)
    free = {("s3", "a"): 1, ("s3", "b"): 1}
    (one,) = proposals(Pool("r", (split,), free), Rules(policy_of(on, first="arrival")), on)
    assert {take.site_id for take in one.changes[0].takes} == {"s3"}


def made_of(one: Proposal) -> ProposalMade:
    message = proposal_message("r", "w", one, NOW_MS)
    made = decode(message.value, header_map(message.headers).get("ce_type"))
    assert isinstance(made, ProposalMade)
    return made


def reconsidered(one: Proposal, on: Network, policy: Compiled | None) -> Any:
    made = made_of(one)
    assert made.facts is not None
    return reconsidering(made, made.facts, "o/r/1", an_order(), on, [catalogue("a")], policy)


def remade(one: Proposal, on: Network, policy: Compiled | None) -> Any:
    made = made_of(one)
    assert made.facts is not None
    assert (made.facts.policy, made.facts.policy_version) == ("p", 2)
    facts = reconsidered(one, on, policy)
    assert is_reproduced(made, facts)
    return facts


def an_order() -> Order:
    return Order(
        order_id="o", version=1, customer_key="c", currency="GBP",
        lines=(OrderLine(line_id="1", sku="a", quantity=1, amount_minor=100, capacity=1),),
        service_level=ServiceLevel.STANDARD, home_region="r", zone="z",
        delivery_point=Point(latitude=51.5, longitude=0.0), stop_id="stop", shipping_paid_by=Payer.SHOP,
        one_box=False, max_delay_minutes=1440, may_split=True, backorder=Backorder.NONE,
        placed_at_ms=NOW_MS, accepted_at_ms=NOW_MS,
    )  # fmt: skip


@pytest.mark.parametrize(("single_site", "found"), [("when_cheapest", [{"s1", "s2"}]), ("always", [])])
def test_a_second_site_takes_a_line_from_one_that_has_all_where_one_site_has_to_be_cheapest(
    single_site: str, found: list[set[str]]
) -> None:
    on = net()
    rules = Rules(policy_of(on, single_site=single_site, weights={"site_unit_minor": {"s1": 900}}))
    lines, takes = (
        (Line("1", "a", 1, 100, 1), Line("2", "b", 1, 100, 1)),
        (Take("s1", "1", "a", 1), Take("s1", "2", "b", 1)),
    )
    whole = replace(part("s1", cost_minor=305), lines=lines, takes=takes)
    told = proposals(Pool("r", (whole,), {("s2", "a"): 1}), rules, on)
    assert [{take.site_id for take in one.changes[0].takes} for one in told] == found
