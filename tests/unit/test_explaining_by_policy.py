"""Plans and proposals as if another policy had been in force, from what their cards hold."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from orderwing.commands.explain import _asked, _proposed, _told
from orderwing.commands.explaining.as_json import as_json, proposal_json
from orderwing.commands.explaining.cards import Reference
from orderwing.commands.explaining.told import Proposed, Told, print_card, print_proposal
from orderwing.planning.explaining.asking import WhatIf
from orderwing.planning.policies.file import Parsed
from orderwing.reoptimizer.emit import proposal_message
from orderwing.reoptimizer.pool import Leg, Line, Pool, PoolPart, Take
from orderwing.reoptimizer.replan import Budget, replan
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Item, Network, Policies
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
from support.pools import NOW_MS, catalogue, network
from support.sourced import an_order

ITEMS = (Item(sku="tea", weight_g=400, volume_cm3=1, capacity=1, list_price_minor=100),)


def by(*strategies: dict[str, Any]) -> Parsed:
    given = {"policy": "p", "version": 1, "currency": "GBP", "strategies": [{"name": "s", **one} for one in strategies]}
    return Parsed("p.yaml", Policy.model_validate(given, strict=False), {})


def said(one: Told | Proposed, policy: Parsed | None = None, asked: WhatIf | None = None) -> str:
    console = Console(width=200, record=True, file=StringIO())
    wanted = asked or WhatIf()
    if isinstance(one, Proposed):
        if policy or asked:
            one = Proposed(one.proposal, one.answer, tuple([_asked(p, wanted, policy, False) for p in one.parts]))
        print_proposal(one, "by p.yaml" if policy else "", console)
        json.dumps(proposal_json(one))
    else:
        one = _asked(one, wanted, policy, False)
        print_card(one, "by p.yaml", console)
        json.dumps(as_json(one))
    return " ".join(console.export_text().split())


def net() -> Network:
    """A unit costs 10 more from s0 than from s1, and 2 less than from s2."""
    sites = [a_site(site_id, units_per_hour=10) for site_id in ("s0", "s1", "s2")]
    lanes = [a_lane("s0", price=110), a_lane("s1", price=100), a_lane("s2", price=112)]
    return a_network(sites, lanes, Policies(move_threshold_minor=5))


def planned(before: int = 0, barred: tuple[str, ...] = (), policy: Parsed | None = None) -> Told:
    """The plan of two units held at s0, after so many others had been planned at s1."""
    world = AllocationWorld(net())
    if policy is not None:
        world.view.reference = MemoryReference(world.network, ITEMS, policy.policy)
    if before:
        world.put(reserved("o/south/0", [hold("s1", before)], START_MS + 9 * HOUR_MS))
    seen = [shelf(site_id, 2) for site_id in ("s1", "s2") if site_id not in barred]
    event = reserved("o/south/1", [hold("s0", 2)], START_MS + 9 * HOUR_MS, seen)
    made = world.put(event.model_copy(update={"barred": barred}))
    card = next(one for one in made if isinstance(one, DecisionCard))
    policies = {} if policy is None else {("p", 1): policy.policy}
    reference = Reference({1: world.network}, ITEMS, world.network, policies)
    return _told(json.loads(card.model_dump_json()), event.order, reference, None)


def test_a_plan_is_made_again_by_weights_and_filters_of_another_policy() -> None:
    plain = planned()
    assert "It would be the same." in said(plain, by({"weights": {"parcel_minor": 3}}))
    stays = said(plain, by({"weights": {"site_unit_minor": {"s1": 20}}}))
    assert "By the policy, by p.yaml: It would be s0: 0.10 dearer." in stays
    assert "It is held as it was: what the policy would hold instead, reservation's card says." in stays
    assert "It would be s0: 0.10 dearer." in said(plain, by({"filters": {"exclude_sites": ["s1"]}}))
    both = by({"filters": {"exclude_sites": ["s1"]}, "weights": {"site_unit_minor": {"s0": 50}}})
    assert "It would be s2: 0.12 dearer." in said(plain, both)
    assert "It would be s0: 0.10 dearer." in said(plain, both, WhatIf(without=("s2",)))


@pytest.mark.parametrize(("percent", "stays"), [(40, True), (50, True), (51, False)])
def test_how_full_hours_were_is_on_the_card_though_nothing_asked_for_it_then(percent: int, stays: bool) -> None:
    text = said(planned(before=5), by({"filters": {"max_load_percent": percent}}))
    assert ("It would be s0: 0.10 dearer." if stays else "It would be the same.") in text
    if stays:
        assert f"its hour is 50 % full, {percent} are allowed (s)" in text


def test_what_sites_had_that_were_left_out_then_is_not_known() -> None:
    text = said(planned(barred=("s1",)), by({"weights": {"parcel_minor": 3}}))
    assert "It would be the same." in text
    assert "The card does not hold what s1 had: nothing might be moved there." in text
    assert "does not hold what" not in said(planned(barred=("s1",)), by({"filters": {"exclude_sites": ["s1"]}}))


def test_stock_is_not_said_to_help_a_site_that_the_policy_leaves_out() -> None:
    one = planned(barred=("s1",), policy=by({"filters": {"exclude_sites": ["s1"]}}))
    assert one.card["plan"]["barred"] == ["s1"]
    console = Console(width=200, record=True, file=StringIO())
    print_card(one, "", console)
    assert "s1 would win" not in console.export_text()


def test_a_plan_that_waits_less_long_by_its_policy_comes_out_again() -> None:
    told = planned(policy=by({"max_delay_minutes": {"STANDARD": 1}}))
    assert told.why_not is None
    assert told.card["plan"]["policy"] == "p"


def part(name: str, site_id: str) -> PoolPart:
    """One unit, cheaper by 1.00 from s2 than from s1."""
    return PoolPart(
        region="r", part_id=f"{name}/r/1", order_id=name, version=1, zone="z", stop_id="stop",
        service_level=ServiceLevel.STANDARD, one_box=False, may_split=True, lines=(Line("n0", "a", 1, 100, 1),),
        takes=(Take(site_id, "n0", "a", 1),), cost_minor={"s1": 348, "s2": 248, "s3": 298}[site_id],
        arrival_at_ms=NOW_MS + 2 * HOUR_MS, promise_at_ms=NOW_MS + 9 * HOUR_MS, freeze_at_ms=NOW_MS + HOUR_MS,
        legs=(Leg(site_id, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS, 1, f"l-{site_id}"),),
    )  # fmt: skip


def order_named(name: str) -> Order:
    return an_order({"a": 1}, ServiceLevel.STANDARD).model_copy(update={"order_id": name})


def proposed(
    *parts: PoolPart,
    free: dict[tuple[str, str], int],
    others: dict[str, Order] | None = None,
    earlier: bool = False,
    world: Network | None = None,
) -> Proposed:
    """`earlier`: by a version that heeded no room."""
    world = world or network((300, 200, 250), churn_minor=5)
    (one,) = replan(Pool("r", parts, free), world, catalogue, NOW_MS, Budget(), 0).proposals
    told = json.loads(proposal_message("r", "w", one, NOW_MS).value)
    if earlier:
        told["facts"] = {name: value for name, value in told["facts"].items() if name not in ("hours", "booked")}
    reference = Reference({1: world}, (catalogue("a"),), world)
    return _proposed(told, None, order_named("o1"), reference, None, others)


def test_a_proposal_is_searched_for_again_by_another_policy() -> None:
    one = proposed(part("o1", "s1"), free={("s2", "a"): 1, ("s3", "a"): 1})
    assert "By the policy, by p.yaml: It would be the same." in said(one, by({"weights": {"parcel_minor": 3}}))
    weighed = said(one, by({"weights": {"site_unit_minor": {"s2": 60}}}))
    assert "It would be s3: 0.50 dearer." in weighed
    assert "cheaper by 50, but weights and prices count 60 against it" in weighed
    barred = said(one, by({"filters": {"exclude_sites": ["s2", "s3"]}}))
    assert "It would be s1: 1.00 dearer." in barred
    assert "Nothing would be proposed." in barred
    assert "the policy leaves it out" in barred


def tight(*, hours: bool) -> Network:
    """Two units a site in an hour, or two parcels a departure."""
    made = network((300, 200, 250), churn_minor=5)
    if hours:
        return made.model_copy(
            update={"sites": tuple([x.model_copy(update={"units_per_hour": 2}) for x in made.sites])}
        )
    lanes = tuple([x.model_copy(update={"parcels_per_departure": 2}) for x in made.lanes])
    return made.model_copy(update={"lanes": lanes})


@pytest.mark.parametrize("hours", [True, False])
@pytest.mark.parametrize("others", [1, 2])
def test_a_site_that_was_too_full_for_a_proposal_is_told_with_the_room_that_it_lacked(hours: bool, others: int) -> None:
    mine = msgspec.structs.replace(part("o1", "s1"), promise_at_ms=NOW_MS + 2 * HOUR_MS)
    at_s2 = [part(f"p{n}", "s2") for n in range(others)]
    one = proposed(mine, *at_s2, free={("s2", "a"): 1, ("s3", "a"): 1}, world=tight(hours=hours))
    text = said(one)
    moved_to = [line["site_id"] for change in one.proposal["changes"] for line in change["held"]]
    kept = one.proposal["facts"]
    if others == 1:
        assert (moved_to, kept["booked"]) == (["s2"], [])
        assert "room" not in text
        return
    assert (moved_to, kept["booked"]) == (["s3"], [] if hours else [["l-s2", NOW_MS + HOUR_MS, 2]])
    assert ["s2", NOW_MS // HOUR_MS, 2] in kept["hours"]
    what = "hour of picking at s2" if hours else "departure of l-s2"
    assert re.search(rf"s2 would win if the {what} .* had room for 1 (unit|parcel) instead of 0", text)
    assert "no departure in time has room" in text


def test_a_proposal_says_what_it_does_not_hold() -> None:
    swap = (msgspec.structs.replace(part("o1", "s1"), barred=("s3",)), part("o2", "s2"))
    free = {("s3", "a"): 1}
    both = proposed(*swap, free=free, others={"o2": order_named("o2")}, earlier=True)
    full = by({"filters": {"max_load_percent": 90}})
    untold = "The proposal does not hold how full hours of picking were: its own parts alone count."
    assert untold in said(both, full)
    assert untold not in said(proposed(*swap, free=free), full)
    assert "is not known" not in said(both, full)
    alone = proposed(*swap, free=free)
    assert "What the policy means for o2/r/1 is not known" in said(alone, full)
