"""Sourcing by policies: nothing is lost, costs are true, and rules do what they say."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from json import dumps
from typing import Any

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from orderwing.planning.policies.compiling import network_rules
from orderwing.planning.policies.file import PolicyError, parse
from orderwing.planning.policies.replay import parcels_of
from orderwing.planning.policies.sourcing import Sourced, source
from orderwing.planning.sourcing.building import problem_of
from orderwing.planning.sourcing.checking import verify_way
from orderwing.planning.sourcing.engine import plan, verify
from orderwing.planning.sourcing.plan import Kind
from orderwing_schemas.domain import ServiceLevel
from support.policies import TRAITS, Case, case, policy, rich_network

SEEDS = st.integers(0, 2**40)
SITES = [site.site_id for site in rich_network().sites]
REGIONS = [region.region_id for region in rich_network().regions]
SLOW = ("EXPRESS", "STANDARD")


def some(values: list[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "exclude_sites": some(SITES, 5),
        "exclude_regions": some(REGIONS, 2),
        "capabilities": some(list(TRAITS), 1),
        "exclude_carriers": some(["own-van", "parcel-line"], 2),
        "max_distance_km": st.integers(20, 500),
        "keep_units": st.integers(1, 3),
        "max_load_percent": st.integers(20, 140),
    },
)
WEIGHTS = st.fixed_dictionaries(
    {},
    optional={
        "parcel_minor": st.integers(0, 2_000),
        "lateness": st.fixed_dictionaries(
            {"hour_minor": st.integers(0, 1_000), "counts_from": st.sampled_from(["promise", "earliest"])}
        ),
        "site_unit_minor": st.dictionaries(st.sampled_from(SITES), st.integers(0, 300), max_size=4),
        "balance_unit_minor": st.integers(0, 300),
    },
)
STRATEGY = st.fixed_dictionaries(
    {"name": st.just("tried")},
    optional={
        "filters": FILTERS,
        "weights": WEIGHTS,
        "max_sites": st.integers(1, 3),
        "single_site": st.sampled_from(["always", "when_cheapest"]),
        "gather": st.one_of(
            st.just("never"),
            st.fixed_dictionaries({"threshold_minor": st.integers(0, 500), "max_delay_minutes": st.integers(0, 4_000)}),
        ),
        "max_delay_minutes": st.dictionaries(st.sampled_from(list(ServiceLevel)), st.integers(0, 2_000), max_size=4),
        "backorder_unit_minor": st.integers(0, 2_000),
    },
)


def sourced(one: Case, *strategies: Any) -> Sourced:
    try:
        usable = policy(*strategies)
    except PolicyError:  # no site is left, say
        reject()
    return source(usable, one.at)


def rank(found: Sourced) -> tuple[int, int]:
    return found.chosen.short_units, found.chosen.cost_minor


def parcels(found: Sourced) -> int:
    return sum(parcels_of(found.base, shipment) for shipment in found.chosen.shipments)


WORDS = st.sampled_from(["policy", "version", "currency", "strategies", "name", "when", "filters", "fallbacks", "GBP"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
HEAD = {"policy": "p", "version": 1, "currency": "GBP"}


@settings(max_examples=100, deadline=None)
@given(
    text=st.one_of(st.text(max_size=60), VALUES.map(dumps), VALUES.map(lambda v: dumps({**HEAD, "strategies": [v]})))
)
def test_whatever_is_in_a_file_it_is_read_or_refused(text: str) -> None:
    with suppress(PolicyError):
        assert parse("p.yaml", text).policy.version > 0


@pytest.mark.parametrize(
    "text", ["[" * 500, "policy: 0x" + "f" * 9_000, "a: &a [*a, *a]", "!!python/object:x {}", "\0"]
)
def test_nothing_in_a_file_breaks_its_reader(text: str) -> None:
    with pytest.raises(PolicyError, match="is no usable policy"):
        parse("p.yaml", text)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_a_policy_that_says_nothing_is_todays_rules(seed: int) -> None:
    one = case(seed)
    problem = problem_of(one.asked, one.network.sites)
    plain = plan(problem)
    for empty in (network_rules(one.network), policy(), policy({"name": "all"})):
        found = source(empty, one.at)
        assert found.problem == problem
        assert (found.plan, found.plan.losers) == (plain, plain.losers)
        assert found.chosen == plain.chosen


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, strategy=STRATEGY, relax=st.booleans())
def test_no_order_is_lost_and_every_cost_is_true(seed: int, strategy: dict[str, Any], relax: bool) -> None:
    one = case(seed)
    fallbacks = [{"relax": [name]} for name in strategy.get("filters", {})] if relax else []
    found = sourced(one, {**strategy, "fallbacks": fallbacks})
    had: Counter[str] = Counter()
    for shipment in found.chosen.shipments:
        for taken in (*shipment.taken, *(t for moved in shipment.moved for t in moved.taken)):
            had[taken.sku] += taken.units
    had.update({taken.sku: taken.units for taken in found.chosen.short})
    wanted: Counter[str] = Counter()
    for line in one.order.lines:
        wanted[line.sku] += line.quantity
    assert had == wanted
    assert bool(found.reason) == (found.chosen.short_units > 0)
    assert found.explained.startswith("strategy tried: it takes every order")
    assert verify(found.problem, found.plan, found.applied.max_sites) == []
    rules = replace(found.base.rules, backorder_unit_minor=one.network.policies.backorder_unit_minor)
    assert verify_way(replace(found.base, rules=rules), found.chosen) == []
    again = sourced(one, {**strategy, "fallbacks": fallbacks})
    assert (again.chosen, again.tried, again.reason) == (found.chosen, found.tried, found.reason)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, filters=FILTERS, name=st.sampled_from(SITES), most=st.integers(1, 3))
def test_stricter_filters_and_limits_never_make_an_order_better(
    seed: int, filters: dict[str, Any], name: str, most: int
) -> None:
    """Of a thing that always wins, or must save a threshold, one may well be rid to one's gain: without those."""
    one = case(seed)
    wide: dict[str, Any] = {"name": "wide", "single_site": "when_cheapest", "gather": "never", "filters": filters}
    loose = sourced(one, wide)
    narrow = {**filters, "exclude_sites": sorted({*filters.get("exclude_sites", []), name})}
    assert rank(loose) <= rank(sourced(one, {**wide, "filters": narrow}))
    assert rank(loose) <= rank(sourced(one, {**wide, "filters": {**filters, "keep_units": 4}}))
    limited = sourced(one, {**wide, "max_sites": most})
    assert rank(loose) <= rank(limited)
    assert len(limited.chosen.shipments) <= most
    if len(loose.chosen.shipments) <= most:
        assert limited.chosen == loose.chosen


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, backorder=st.none() | st.integers(0, 2_000))
def test_a_limit_of_sites_finds_the_best_of_all_pairs(seed: int, backorder: int | None) -> None:
    one = case(seed)
    assume(one.order.may_split)  # else one site that has all is taken whatever waiting would cost
    rules: dict[str, Any] = {"name": "tried", "single_site": "when_cheapest", "gather": "never"}
    if backorder is not None:
        rules["backorder_unit_minor"] = backorder

    def goodness(found: Sourced) -> tuple[int, int]:
        chosen = found.plan.chosen
        return (chosen.short_units if backorder is None else 0), chosen.cost_minor

    pairs = [sourced(one, {**rules, "filters": {"only_sites": pair}}) for pair in combinations(SITES, 2)]
    assert goodness(sourced(one, {**rules, "max_sites": 2})) == min(map(goodness, pairs))


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_the_fewest_sites_are_as_few_as_can_be_and_then_the_cheapest(seed: int) -> None:
    one = case(seed)
    rules: dict[str, Any] = {"name": "tried", "gather": "never"}
    free = {**rules, "single_site": "when_cheapest"}
    found, cheapest = sourced(one, {**rules, "first": "sites"}), sourced(one, free)
    sites = len(found.chosen.shipments)
    assert found.chosen.short_units == cheapest.chosen.short_units
    assert sites <= len(cheapest.chosen.shipments)
    groups = [(few, group) for few in (1, 2) if few <= sites for group in combinations(SITES, few)]
    for few, group in groups:
        other = sourced(one, {**free, "filters": {"only_sites": group}})
        if few < sites:
            assert other.chosen.short_units > found.chosen.short_units
        else:
            assert rank(other) >= rank(found)
    if sites > 1:
        limited = sourced(one, {**rules, "first": "sites", "max_sites": sites - 1})
        other = sourced(one, {**free, "max_sites": sites - 1})
        assert limited.chosen.short_units == other.chosen.short_units
        assert len(limited.chosen.shipments) <= len(other.chosen.shipments)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_what_counts_first_is_best(seed: int) -> None:
    one = case(seed)
    rules = {"name": "tried", "single_site": "when_cheapest", "gather": "never"}
    cheap, few, early = [sourced(one, {**rules, "first": first}) for first in ("cost", "parcels", "arrival")]
    assert cheap.chosen.short_units == few.chosen.short_units == early.chosen.short_units
    assert cheap.chosen.cost_minor <= min(few.chosen.cost_minor, early.chosen.cost_minor)
    assert parcels(few) <= min(parcels(cheap), parcels(early))
    lateness = [
        sum(s.arrival_at_ms - found.base.due_at_ms for s in found.chosen.shipments) for found in (cheap, few, early)
    ]
    if len({len(found.chosen.shipments) for found in (cheap, few, early)}) == 1:
        assert lateness[2] == min(lateness)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, filters=FILTERS)
def test_fallbacks_only_ever_help_and_only_where_units_are_short(seed: int, filters: dict[str, Any]) -> None:
    one = case(seed)
    bare = {"name": "bare", "filters": filters}
    lifted = {**bare, "fallbacks": [*[{"relax": [name]} for name in filters], {"strategy": "network-rules"}]}
    without, found = sourced(one, bare), sourced(one, lifted)
    assert found.chosen.short_units <= without.chosen.short_units
    if not without.chosen.short_units:
        assert found.chosen == without.chosen
        assert len(found.tried) == 1
    else:
        plain = source(network_rules(one.network), one.at)
        assert found.chosen.short_units <= plain.chosen.short_units


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_orders_are_gathered_only_where_the_policy_lets_them(seed: int) -> None:
    one = case(seed)
    assert sourced(one, {"name": "tried", "gather": "never"}).chosen.kind is not Kind.CONSOLIDATE
    eager = sourced(one, {"name": "tried", "gather": {"threshold_minor": 0, "max_delay_minutes": 100_000}})
    if one.order.service_level not in SLOW:
        assert eager.chosen.kind is not Kind.CONSOLIDATE
