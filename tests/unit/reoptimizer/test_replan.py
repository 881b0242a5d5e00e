"""What the re-optimizer finds in small pools that can be worked out by hand."""

from __future__ import annotations

from itertools import count

import pytest
from msgspec.structs import replace

from orderwing.reoptimizer import exact
from orderwing.reoptimizer.choice import Block, Option, Problem, bundles, components, feasible
from orderwing.reoptimizer.emit import proposal_message, window_message
from orderwing.reoptimizer.pool import (
    Line,
    Pool,
    PoolPart,
    Refusal,
    Take,
    decode_entry,
    encode_entry,
    learn_freeze,
    learn_plan,
    learn_refusal,
    make_pool,
)
from orderwing.reoptimizer.replan import Budget, Look, replan, verify
from orderwing.reoptimizer.search import greedy, improve, small_groups
from orderwing_schemas.codec import decode, header_map
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.events.allocation import PartFrozen, ProposalAnswered
from orderwing_schemas.events.reoptimizer import ProposalMade, WindowClosed
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site, Trait
from support.parts import an_allocated_part

HOUR_MS = 3_600_000
NOW_MS = 20_000 * 24 * HOUR_MS
HERE = Point(latitude=51.5, longitude=0.0)


def network(dear_site: str = "", extra_minor: int = 0) -> Network:
    def site(site_id: str) -> Site:
        return Site(
            site_id=site_id,
            region_id="r",
            location=HERE,
            timezone="UTC",
            pick_minutes=10,
            units_per_hour=100,
            handling_line_minor=0,
            handling_parcel_minor=0,
        )

    def lane(site_id: str) -> Lane:
        return Lane(
            lane_id=site_id,
            site_id=site_id,
            zone="z",
            carrier="van",
            services=(ServiceLevel.STANDARD,),
            every_minutes=60,
            transit_minutes=60,
            parcels_per_departure=9,
            parcel_minor=300 + (extra_minor if site_id == dear_site else 0),
            kilogram_minor=0,
        )

    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="r", centre=HERE),),
        sites=(site("s1"), site("s2")),
        lanes=(lane("s1"), lane("s2")),
        policies=Policies(churn_minor=5),
    )


def catalogue(_sku: str) -> Item | None:
    return None


def part(name: str, *takes: tuple[str, str], cost_minor: int, **changes: object) -> PoolPart:
    """One unit of each (site, SKU)."""
    made = PoolPart(
        region="r",
        part_id=f"{name}/r/1",
        order_id=name,
        version=1,
        zone="z",
        stop_id="stop",
        service_level=ServiceLevel.STANDARD,
        one_box=False,
        may_split=True,
        lines=tuple(Line(str(n), sku, 1, 100, 1) for n, (_, sku) in enumerate(takes)),
        takes=tuple(sorted(Take(site, str(n), sku, 1) for n, (site, sku) in enumerate(takes))),
        cost_minor=cost_minor,
        arrival_at_ms=NOW_MS,
        promise_at_ms=NOW_MS + 24 * HOUR_MS,
        freeze_at_ms=NOW_MS + HOUR_MS,
    )
    return replace(made, **changes)


def look(pool: Pool, net: Network | None = None, refused_after_ms: int = 0) -> Look:
    return replan(pool, net or network(), catalogue, NOW_MS, Budget(), 1, refused_after_ms)


def test_a_site_that_may_not_ship_a_part_is_no_option_and_the_proposal_says_why() -> None:
    net = network()
    picky = net.sites[0].model_copy(update={"capabilities": ()})
    net = net.model_copy(update={"sites": (picky, net.sites[1])})
    cup = Item(sku="cup", weight_g=0, volume_cm3=0, capacity=1, list_price_minor=1, traits=(Trait.MEDICAL,))
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)

    def looked(free: dict[tuple[str, str], int]) -> Look:
        return replan(Pool("r", (split,), free), net, {"cup": cup}.get, NOW_MS, Budget(), 1)

    assert looked({("s1", "cup"): 1}).proposals == ()
    (proposal,) = looked({("s1", "cup"): 1, ("s2", "tea"): 1}).proposals
    assert {take.site_id for take in proposal.changes[0].takes} == {"s2"}
    assert {one.label: one.lost_because for one in proposal.candidates}["o/r/1: s1"] == "may not ship cup: medical"


def test_a_split_part_is_sent_from_one_site_once_stock_is_there() -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    assert look(Pool("r", (split,))).proposals == ()
    (proposal,) = look(Pool("r", (split,), {("s1", "cup"): 1})).proposals
    assert proposal.gain_minor == 600 - 300 - 5
    assert {take.site_id for take in proposal.changes[0].takes} == {"s1"}
    told = {candidate.label: candidate.lost_because for candidate in proposal.candidates}
    assert told == {"o/r/1: s1 + s2 (standing)": "costs 300 more", "o/r/1: s1": None}


def test_two_parts_swap_their_last_units() -> None:
    """Each holds the unit that would make the other whole; greedy sees nothing."""
    one = part("one", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    two = part("two", ("s2", "tea"), ("s1", "cup"), cost_minor=600)
    found = look(Pool("r", (one, two)))
    (proposal,) = found.proposals
    assert [change.part.order_id for change in proposal.changes] == ["one", "two"]
    assert proposal.gain_minor == 2 * (600 - 300 - 5)
    assert found.greedy_minor == 0
    assert verify(Pool("r", (one, two)), found.proposals) == []


def test_independent_changes_are_separate_proposals() -> None:
    parts = tuple(part(name, ("s1", "tea"), ("s2", "cup"), cost_minor=600) for name in ("a", "b", "c"))
    found = look(Pool("r", parts, {("s1", "cup"): 2}))
    assert [len(proposal.changes) for proposal in found.proposals] == [1, 1]


def test_a_gain_no_larger_than_churn_is_not_proposed() -> None:
    dear = part("o", ("s2", "tea"), cost_minor=305)
    pool = Pool("r", (dear,), {("s1", "tea"): 1})
    assert look(pool, network("s2", 5)).proposals == ()
    assert look(Pool("r", (replace(dear, cost_minor=306),), pool.free), network("s2", 6)).proposals[0].gain_minor == 1


def test_the_promise_is_kept_even_if_breaking_it_were_cheaper() -> None:
    due = part("o", ("s1", "tea"), cost_minor=9_000, promise_at_ms=NOW_MS)
    assert look(Pool("r", (due,), {("s2", "tea"): 1})).proposals == ()


@pytest.mark.parametrize(("promise_minutes", "proposals"), [(119, 0), (120, 1)])
def test_the_promise_is_kept_by_the_departure_that_allocation_would_take(promise_minutes: int, proposals: int) -> None:
    """A dear one would keep it; allocation takes the cheaper, which arrives after two hours."""
    net = network()
    dear = net.lanes[1].model_copy(update={"lane_id": "dear", "transit_minutes": 30, "parcel_minor": 900})
    net = net.model_copy(update={"lanes": (*net.lanes, dear)})
    due = part("o", ("s1", "tea"), cost_minor=9_000, promise_at_ms=NOW_MS + promise_minutes * HOUR_MS // 60)
    assert len(look(Pool("r", (due,), {("s2", "tea"): 1}), net).proposals) == proposals


def test_one_box_is_not_split_and_a_refused_change_waits() -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    pool = Pool("r", (split,), {("s1", "cup"): 1})
    (proposal,) = look(pool).proposals
    refused = replace(split, refusals=(Refusal(proposal.fingerprint, NOW_MS - 10),))
    waiting = Pool("r", (refused,), pool.free)
    assert look(waiting, refused_after_ms=NOW_MS - 20).proposals == ()
    assert len(look(waiting, refused_after_ms=NOW_MS - 5).proposals) == 1


def test_one_box_is_proposed_at_a_loss_to_who_wants_it_and_never_given_up() -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=200)
    free = {("s1", "cup"): 1}
    assert look(Pool("r", (split,), free)).proposals == ()
    wanted = Pool("r", (replace(split, one_box=True),), free)
    (proposal,) = look(wanted).proposals
    assert proposal.gain_minor == 200 - 300 - 5
    assert verify(wanted, (proposal,)) == []
    told = {candidate.label: candidate.lost_because for candidate in proposal.candidates}
    assert told == {"o/r/1: s1 + s2 (standing)": "2 parcels, and the customer wants one box", "o/r/1: s1": None}
    whole = part("o", ("s1", "tea"), ("s1", "cup"), cost_minor=9_000, one_box=True)
    elsewhere = Pool("r", (whole,), {("s2", "tea"): 1})
    assert look(elsewhere).proposals == ()


def test_one_box_may_break_the_promise_by_the_delay_that_is_acceptable() -> None:
    soon_ms = NOW_MS - HOUR_MS
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600, promise_at_ms=soon_ms, arrival_at_ms=soon_ms)
    for max_delay_minutes, found in ((10 * 60, 1), (60, 0)):
        hasty = replace(split, one_box=True, max_delay_minutes=max_delay_minutes)
        assert len(look(Pool("r", (hasty,), {("s1", "cup"): 1})).proposals) == found
    assert look(Pool("r", (split,), {("s1", "cup"): 1})).proposals == ()


def test_out_of_time_means_fewer_looks() -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    budget = Budget(out_of_time=lambda: True)
    found = replan(Pool("r", (split,), {("s1", "cup"): 1}), network(), catalogue, NOW_MS, budget, 1)
    assert (found.looked, found.proposals) == (0, ())


def test_out_of_time_while_pricing_those_that_freeze_first_are_looked_at_and_moved() -> None:
    freezes = {"o1": 3, "o2": 1, "o3": 2}
    pool = Pool(
        "r",
        tuple(
            part(name, ("s1", "tea"), ("s2", "cup"), cost_minor=600, freeze_at_ms=NOW_MS + hours * HOUR_MS)
            for name, hours in freezes.items()
        ),
        {("s1", "cup"): 3},
    )
    asked = count()
    found = replan(pool, network(), catalogue, NOW_MS, Budget(out_of_time=lambda: next(asked) >= 2), 1)
    assert found.looked == 2
    assert {change.part.order_id for proposal in found.proposals for change in proposal.changes} == {"o2", "o3"}


def test_out_of_time_no_search_goes_on() -> None:
    a = Block(part("a", ("s1", "x"), cost_minor=0), (_option("s1", "x", 500), _option("s2", "x", 100)))
    problem = Problem((a,), {("s2", "x"): 1}, churn_minor=5)
    assert improve(problem, [0], rounds=2, seed=3) == small_groups(problem, [0], [])[0] == [1]
    assert improve(problem, [0], rounds=2, seed=3, out_of_time=lambda: True) == [0]
    assert small_groups(problem, [0], [], out_of_time=lambda: True) == ([0], [])


@pytest.mark.parametrize("break_it", ["stock", "version", "lines", "gain", "twice"])
def test_the_verifier_finds_what_is_wrong(break_it: str) -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    pool = Pool("r", (split,), {("s1", "cup"): 1})
    (good,) = look(pool).proposals
    change = good.changes[0]
    from dataclasses import replace as changed

    broken = {
        "stock": (Pool("r", (split,)), [good]),
        "version": (pool, [changed(good, changes=(changed(change, part=replace(split, version=2)),))]),
        "lines": (pool, [changed(good, changes=(changed(change, takes=change.takes[:1]),))]),
        "gain": (pool, [changed(good, weighed_minor=0)]),
        "twice": (Pool("r", (split,), {("s1", "cup"): 2}), [good, good]),
    }
    against, proposals = broken[break_it]
    assert len(verify(against, proposals)) == 1


def test_ejection_reaches_what_greedy_cannot_and_exact_confirms_it() -> None:
    """a wants b's unit; b can move to free stock at a small loss."""
    a = Block(part("a", ("s1", "x"), cost_minor=0), (_option("s1", "x", 500), _option("s2", "x", 100)))
    b = Block(part("b", ("s2", "x"), cost_minor=0), (_option("s2", "x", 100), _option("s3", "x", 150)))
    problem = Problem((a, b), {("s3", "x"): 1}, churn_minor=5)
    assert greedy(problem) == [0, 0]
    assert improve(problem, [0, 0], rounds=2, seed=3) == exact.solve(problem, nodes=100) == [1, 1]
    assert problem.total([1, 1]) == 400 - 50 - 10
    assert bundles(problem, [1, 1]) == [[0, 1]]
    assert len(components(problem)) == 1
    assert not feasible(problem, [1, 0])


def test_a_long_chain_is_told_in_proposals_of_few_parts() -> None:
    """Twenty parts in a ring, each wanting the unit of the next: one proposal would name them all."""
    parts = 20
    ring = tuple(part(f"p{n:02}", ("s1", f"k{n}"), ("s2", f"k{(n + 1) % parts}"), cost_minor=600) for n in range(parts))
    pool = Pool("r", ring, {("s1", f"k{n}"): 1 for n in (1, 8)})
    found = look(pool)
    assert verify(pool, found.proposals) == []
    assert found.proposals
    assert max(len(proposal.changes) for proposal in found.proposals) <= Budget().parts


def _option(site: str, sku: str, cost_minor: int) -> Option:
    return Option(site, (Take(site, "0", sku, 1),), cost_minor)


def test_the_newest_version_of_a_part_wins_and_a_frozen_one_goes() -> None:
    told = an_allocated_part("one")
    entry = learn_plan({}, told.model_copy(update={"version": 2, "cost_minor": 7}))
    assert learn_plan(entry, told) == entry  # told again after a restart
    refused = ProposalAnswered(
        region="south", proposal_id="w:ab", accepted=False, reason="capacity", part_ids=(told.part_id, "other/south/1")
    )
    entry = learn_refusal(entry, refused, "ab", 5)
    assert entry[told.part_id].refusals == (Refusal("ab", 5),)
    assert decode_entry(encode_entry(entry)) == entry
    shelves = [(("s1", "tea"), -3)]
    assert make_pool("south", [entry], shelves, open_after_ms=0).free == {("s1", "tea"): 0}
    assert make_pool("south", [entry], shelves, open_after_ms=told.freeze_at_ms).parts == ()
    frozen = PartFrozen(region="south", part_id=told.part_id, order_id="one", version=2)
    assert learn_freeze(entry, frozen) == {}


def test_proposals_and_windows_become_events() -> None:
    split = part("o", ("s1", "tea"), ("s2", "cup"), cost_minor=600)
    pool = Pool("r", (split,), {("s1", "cup"): 1})
    found = look(pool)
    made = proposal_message("r", "r/9", found.proposals[0], 9)
    proposal = decode(made.value, header_map(made.headers)["ce_type"])
    assert isinstance(proposal, ProposalMade)
    assert proposal.proposal_id == f"r/9:{found.proposals[0].fingerprint}"
    assert [(held.site_id, held.sku) for held in proposal.changes[0].held] == [("s1", "tea"), ("s1", "cup")]
    told = window_message(pool, found, "r/9", 9, 3)
    window = decode(told.value, header_map(told.headers)["ce_type"])
    assert isinstance(window, WindowClosed)
    assert (window.pool, window.looked, window.proposed, window.part_ids) == (1, 1, 1, ("o/r/1",))
