"""What counts beside the cost of what is held is what the exact engine counts where goods are chosen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orderwing.planning.moving import Weight, by_weight, is_worth_leaving
from orderwing.planning.policies.counting import Counting, Goods, Sent
from orderwing.planning.policies.weighing import weighed
from orderwing.planning.pricing.shipments import HANDLING_PARCEL
from orderwing.planning.sourcing import Asked, Rest
from orderwing.planning.sourcing.building import problem_of
from orderwing.planning.sourcing.engine import plan
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.policy import First, Lateness, Strategy, Weights
from support.pools import NOW_MS, SITES, SKUS, catalogue, network

MINOR = st.integers(0, 300)
WEIGHTS = st.builds(
    Weights,
    parcel_minor=MINOR,
    lateness=st.none() | st.builds(Lateness, hour_minor=MINOR, counts_from=st.sampled_from(("promise", "earliest"))),
    site_unit_minor=st.dictionaries(st.sampled_from(SITES), MINOR),
    balance_unit_minor=MINOR,
)


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    first, weights = draw(st.sampled_from((First.COST, First.COST, First.PARCELS, First.ARRIVAL))), draw(WEIGHTS)
    if first is First.PARCELS:
        weights = weights.model_copy(update={"parcel_minor": 0})
    if first is First.ARRIVAL:
        weights = weights.model_copy(update={"lateness": None})
    return Strategy(name="s", first=first, weights=weights)


@given(
    strategy=strategies(),
    prices=st.dictionaries(st.tuples(st.sampled_from(SITES), st.sampled_from(SKUS)), MINOR),
    load=st.dictionaries(st.sampled_from(SITES), st.integers(0, 100)),
    units=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    slow_hours=st.integers(0, 5),
)
def test_each_site_alone_counts_what_the_exact_engine_counts(
    strategy: Strategy,
    prices: dict[tuple[str, str], int],
    load: dict[str, int],
    units: list[int],
    slow_hours: int,
) -> None:
    net = network((100, 150, 200), 5)
    slow = net.lanes[2].model_copy(update={"transit_minutes": 60 + 60 * slow_hours})
    policies = net.policies.model_copy(update={"late_hour_minor": 90})
    net = net.model_copy(update={"lanes": (*net.lanes[:2], slow), "policies": policies})
    lines = [Rest(f"l{n}", sku, quantity) for n, (sku, quantity) in enumerate(zip(SKUS, units, strict=False))]
    asked = Asked(net, catalogue, lambda _site, _sku: 9, lines, "z", ServiceLevel.STANDARD, NOW_MS, False, 1440)
    base = problem_of(asked, net.sites)
    heavy = weighed(problem_of(asked, net.sites, steering=prices), strategy, load)
    goods = Goods("r", "z", ServiceLevel.STANDARD, sum(units), base.due_at_ms)
    counting = Counting(net, goods, NOW_MS, strategy, lambda site_id, sku: prices.get((site_id, sku), 0))
    for place, site_id in enumerate(SITES):
        one = plan(replace(base, sources=(base.sources[place],))).chosen.shipments[0]
        same = plan(replace(heavy, sources=(heavy.sources[place],))).chosen
        parcels = dict(one.terms)[HANDLING_PARCEL] // base.sources[place].handling.parcel_minor
        taken = [(line.sku, line.quantity) for line in lines]
        sent = Sent(site_id, parcels, taken, one.arrival_at_ms, load.get(site_id, 0))
        assert counting.beside_minor([sent]) == same.cost_minor - one.cost_minor


@given(
    costs=st.tuples(MINOR, MINOR), besides=st.tuples(MINOR, MINOR), threshold=st.integers(0, 50), first=st.booleans()
)
def test_the_reason_told_says_whether_it_is_worth_leaving(
    costs: tuple[int, int], besides: tuple[int, int], threshold: int, first: bool
) -> None:
    standing, other = (Weight(cost, beside) for cost, beside in zip(costs, besides, strict=True))
    said = by_weight(standing, other, threshold, "arrival counts first" if first else "")
    worth = is_worth_leaving(standing.all_minor, other.all_minor, threshold)
    assert said.endswith("the hold has to be moved first") == worth
    assert ("not above the threshold" in said) == (not worth and other.all_minor < standing.all_minor)
    assert said.startswith("cheaper by") == (costs[1] < costs[0])
    assert ("weights and prices" in said) == (besides[0] != besides[1])
