"""Plans of parts and proposals made again: what is told lets another win, and half of it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orderwing.allocation.decide import planned_by
from orderwing.allocation.rows import Move, Plan
from orderwing.commands.explaining.again import Remade, proposed_again, remade
from orderwing.commands.explaining.by_policy import plan_by
from orderwing.commands.explaining.cards import CardError, Reference, proposal_of
from orderwing.commands.explaining.plans import Planning, planning_of, sites_of
from orderwing.planning.explaining.breakeven import halved
from orderwing.planning.policies.compiling import compiled
from orderwing.planning.policies.file import Parsed
from orderwing.planning.policies.governing import barred
from orderwing.reoptimizer.emit import proposal_message
from orderwing.reoptimizer.pool import Pool, PoolPart
from orderwing.reoptimizer.replan import Budget, replan
from orderwing_schemas.domain import Order, ServiceLevel
from orderwing_schemas.events.reservation import DecisionCard, StockReserved
from orderwing_schemas.network import Item, Network, Policies
from orderwing_schemas.policy import Filters, First, Lateness, Policy, Strategy, Weights
from support.allocation_world import HOUR_MS, START_MS, AllocationWorld, a_lane, a_network, a_site, hold, reserved
from support.pools import NOW_MS, SKUS, cases, catalogue
from support.sourced import an_order

PLENTY = 50
ITEMS = (
    Item(sku="tea", weight_g=400, volume_cm3=1, capacity=1, list_price_minor=100),
    Item(sku="mug", weight_g=0, volume_cm3=0, capacity=1, list_price_minor=100),
)


@contextmanager
def suppress_only(why: str) -> Iterator[None]:
    """That a decision cannot be made again, for this reason."""
    try:
        yield
    except CardError as error:
        if why not in str(error):
            raise


def require_flips(again: Remade) -> None:
    for one in again.findings.found:
        assert one.winner != again.verdict.chosen
        assert again.decide(one.apply(again.facts)).chosen == one.winner, one
        for less in (*one.just_under(), one.halved()):
            assert again.decide(less.apply(again.facts)).chosen != one.winner, one


@st.composite
def parts(draw: st.DrawFn, places: int) -> tuple[Network, list[StockReserved]]:
    """Parts that come one after another, on departures of so many places."""
    sites = [f"s{n}" for n in range(draw(st.integers(2, 3)))]
    network = a_network(
        [a_site(site_id, handling=draw(st.integers(0, 20))) for site_id in sites],
        [
            a_lane(site_id, draw(st.integers(1, places)), draw(st.integers(90, 110)), draw(st.sampled_from([60, 120])))
            for site_id in sites
        ],
        Policies(
            churn_minor=5,
            move_threshold_minor=draw(st.integers(0, 12)),
            late_hour_minor=draw(st.sampled_from([0, 7, 40])),
            single_site=draw(st.sampled_from(["always", "when_cheapest"])),
        ),
    )
    units = st.integers(-1, 4)
    events = [
        reserved(
            f"o{n}/south/1",
            [hold(draw(st.sampled_from(sites)), draw(st.integers(1, 2)), f"{place}", sku) for place, sku in lines],
            START_MS + draw(st.integers(0, 5)) * HOUR_MS,
            [(site_id, sku, draw(units)) for site_id in sites for sku in ("tea", "mug")],
            one_box=draw(st.booleans()),
            max_delay_minutes=draw(st.sampled_from([0, 60, 600])),
        )
        for n in range(draw(st.integers(1, 3)))
        for lines in [draw(st.sampled_from([((1, "tea"),), ((1, "tea"), (2, "mug"))]))]
    ]
    return network, events


def card_and_order(world: AllocationWorld, event: StockReserved) -> tuple[DecisionCard, Order]:
    told = [one for one in world.put(event) if isinstance(one, DecisionCard)]
    return DecisionCard.model_validate_json(told[0].model_dump_json()), event.order


@settings(max_examples=6, deadline=None)
@given(parts(PLENTY))
def test_a_plan_comes_out_again_and_what_is_told_flips_it(case: tuple[Network, list[StockReserved]]) -> None:
    network, events = case
    world = AllocationWorld(network)
    for event in events:
        again = remade(*card_and_order(world, event), Reference({1: network}, ITEMS, network))
        require_flips(again)


@settings(max_examples=6, deadline=None)
@given(parts(1))
def test_so_does_one_that_met_full_departures(case: tuple[Network, list[StockReserved]]) -> None:
    network, events = case
    world = AllocationWorld(network)
    for event in events:
        require_flips(remade(*card_and_order(world, event), Reference({1: network}, ITEMS, network)))


@settings(max_examples=80, deadline=None)
@given(parts(PLENTY), st.data())
def test_by_another_policy_it_is_what_allocation_would_have_decided(
    case: tuple[Network, list[StockReserved]], data: st.DataObject
) -> None:
    network, events = case
    strategy = data.draw(strategies())
    policy = compiled(Parsed("p", Policy(policy="p", version=1, currency="GBP", strategies=(strategy,)), {}), network)
    world = AllocationWorld(network)
    everywhere = tuple([(site.site_id, sku, 4) for site in network.sites for sku in ("tea", "mug")])
    for event in [one.model_copy(update={"seen": everywhere}) for one in events]:
        bars = barred(policy, event.order, world.view.reference.item, network.sites)
        seen = tuple([one for one in event.seen if one[0] not in bars])
        decision = planned_by(world.view, event.model_copy(update={"seen": seen}), world.now_ms, policy)
        moves = [row.changes[0].shipments for row in decision.puts if isinstance(row, Move)]
        plans = [row.shipments for row in decision.puts if isinstance(row, Plan)]
        card, order = card_and_order(world, event)
        assert card.plan is not None
        facts = planning_of(card, card.plan, order, network, ITEMS)
        assert plan_by(policy)(facts).chosen == sites_of((moves or plans)[0])


def strategies() -> st.SearchStrategy[Strategy]:
    deciding = (
        {"first": First.ARRIVAL},
        {"first": First.SITES},
        {"max_sites": 1},
        {"single_site": "when_cheapest"},
        {"single_site": "always"},
        {"weights": Weights(site_unit_minor={"s0": 30})},
        {"weights": Weights(site_unit_minor={"s1": 30})},
        {"weights": Weights(parcel_minor=25, lateness=Lateness(hour_minor=90))},
        {"max_delay_minutes": {ServiceLevel.STANDARD: 30}},
    )
    filters = (Filters(), Filters(exclude_sites=("s0",)), Filters(exclude_sites=("s1",)))
    return st.builds(
        lambda given, some: Strategy(name="s", filters=some, **given),
        st.sampled_from(deciding),
        st.sampled_from(filters),
    )


def test_the_card_tells_which_departures_were_full() -> None:
    network = a_network(
        [a_site("s0"), a_site("s1")], [a_lane("s0", 1), a_lane("s1", 1, 105)], Policies(late_hour_minor=3)
    )
    world = AllocationWorld(network)
    reference = Reference({1: network}, ITEMS, network)
    events = [reserved(f"o{n}/south/1", [hold("s0")], START_MS, [("s0", "tea", 9), ("s1", "tea", 9)]) for n in range(3)]
    made = [remade(*card_and_order(world, event), reference) for event in events]
    due = [one.verdict.promise_at_ms or 0 for one in made]
    assert due == [due[0], due[0] + HOUR_MS, due[0] + 2 * HOUR_MS]
    full = [one.facts.full for one in made if isinstance(one.facts, Planning)]
    assert [len({at_ms for _, at_ms in places}) for places in full] == [0, 1, 2]


@settings(max_examples=4, deadline=None)
@given(cases())
def test_a_proposal_comes_out_again_and_what_is_told_flips_it(case: tuple[Pool, Network]) -> None:
    pool, network = case
    proposals = replan(pool, network, catalogue, NOW_MS, Budget(), 1).proposals
    assume(proposals)
    reference = Reference({1: network}, tuple([catalogue(sku) for sku in SKUS]), network)
    for one in proposals:
        told = proposal_of(json.loads(proposal_message(pool.region, "w", one, NOW_MS).value))
        with suppress_only("parts that it does not name"):
            for _, again in proposed_again(told, order_of(one.changes[0].part), reference):
                assert again.verdict.candidates[0].lost_because is None
                require_flips(again)


def order_of(part: PoolPart) -> Order:
    units = {line.sku: line.quantity for line in part.lines}
    order = an_order(units, part.service_level, may_split=part.may_split, delay=part.max_delay_minutes)
    return order.model_copy(update={"order_id": part.order_id, "one_box": part.one_box})


@given(value=st.integers(-50, 50), to=st.integers(-50, 50))
def test_half_of_a_change_is_rounded_towards_what_is(value: int, to: int) -> None:
    assert abs(halved(value, to) - value) == abs(to - value) // 2
    assert (halved(value, to) - value) * (to - value) >= 0
