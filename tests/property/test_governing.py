"""What a stage holds by a policy: sound, obedient, told as it was, and the network's rules where it says nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from orderwing.planning.holding import Sought, hold, weighed
from orderwing.planning.policies.compiling import Compiled, network_rules
from orderwing.planning.policies.file import PolicyError
from orderwing.planning.policies.governing import Governed, barred, hold_by
from orderwing_schemas.domain import Backorder
from support.policies import Case, case, policy, rich_network

SEEDS = st.integers(0, 2**40)
SITES = [site.site_id for site in rich_network().sites]
CARRIERS = sorted({lane.carrier for lane in rich_network().lanes})
STRATEGY = st.fixed_dictionaries(
    {"name": st.just("tried")},
    optional={
        "filters": st.fixed_dictionaries(
            {},
            optional={
                "exclude_sites": st.lists(st.sampled_from(SITES), min_size=1, max_size=5, unique=True),
                "exclude_carriers": st.lists(st.sampled_from(CARRIERS), min_size=1, max_size=2, unique=True),
                "keep_units": st.integers(1, 3),
                "max_distance_km": st.integers(20, 500),
            },
        ),
        "first": st.sampled_from(["cost", "sites", "parcels", "arrival"]),
        "weights": st.fixed_dictionaries(
            {}, optional={"site_unit_minor": st.dictionaries(st.sampled_from(SITES), st.integers(0, 300), max_size=4)}
        ),
        "max_sites": st.integers(1, 2),
        "single_site": st.sampled_from(["always", "when_cheapest"]),
        "backorder_unit_minor": st.integers(0, 2_000),
        "max_delay_minutes": st.fixed_dictionaries({"STANDARD": st.integers(0, 2_000)}),
    },
)


def sought_of(one: Case, prices: dict[tuple[str, str], int] | None) -> Sought:
    steering = None if prices is None else lambda site_id, sku: (prices or {}).get((site_id, sku), 0)
    return Sought(replace(one.asked, steering=steering), one.order.home_region, among=one.network.sites)


def usable(*strategies: Any) -> Compiled:
    try:
        return policy(*strategies)
    except PolicyError:  # no site is left, say
        reject()


def check(one: Case, sought: Sought, found: Governed) -> None:
    asked = sought.asked
    had = Counter({line.line_id: line.quantity for line in asked.lines})
    for line in (*found.held, *found.short):
        had[line.line_id] -= line.quantity
    assert not any(had.values())
    taken: Counter[tuple[str, str]] = Counter()
    for pick in found.held:
        taken[pick.site_id, pick.sku] += pick.quantity
    assert all(units <= asked.atp(*place) for place, units in taken.items())
    assert asked.may_split or len(found.site_ids) <= 1
    told = found.told()
    assert {site.site_id for site in sought.sites} <= {label for c in told for label in c.label.split("+")}
    assert all(bool(c.lost_because) != (place == 0 and bool(found.held)) for place, c in enumerate(told))
    assert all(sum(amount for _, amount in c.terms) == (c.cost_minor or 0) for c in told)
    if found.held:
        assert told[0].label == "+".join(found.site_ids)
        steering = sum(amount for name, amount in told[0].terms if name in ("steering", "backorder"))
        assert found.cost_minor == (told[0].cost_minor or 0) - steering
        assert found.promise_at_ms is not None
    assert found.note.startswith("policy tried v1, strategy ")


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, strategy=STRATEGY, relax=st.booleans(), steered=st.booleans())
def test_what_is_held_is_sound_obeys_and_is_told(
    seed: int, strategy: dict[str, Any], relax: bool, steered: bool
) -> None:
    one = case(seed)
    filters = strategy.get("filters", {})
    fallbacks = [{"relax": [name]} for name in filters] if relax else []
    rules = usable({**strategy, "fallbacks": fallbacks})
    prices = {(site, line.sku): seed % 97 for site in SITES[::2] for line in one.order.lines} if steered else None
    sought = sought_of(one, prices)
    found = hold_by(rules, sought, one.order)
    check(one, sought, found)
    again = hold_by(rules.on(one.network), sought, one.order)
    assert (found, found.told()) == (again, again.told())
    if not relax:
        assert not set(found.site_ids) & set(filters.get("exclude_sites", ()))
        assert len(found.site_ids) <= strategy.get("max_sites", 99)
        assert not set(found.site_ids) & set(barred(rules, one.order, one.asked.catalogue, one.network.sites))
        for pick in found.held:
            assert one.asked.atp(pick.site_id, pick.sku) - pick.quantity >= filters.get("keep_units", 0)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, backorder=st.sampled_from(Backorder))
def test_a_policy_that_says_nothing_decides_as_the_network_does(seed: int, backorder: Backorder) -> None:
    one = case(seed)
    sought, order = sought_of(one, None), one.order.model_copy(update={"backorder": backorder})
    plain = hold(sought)
    for empty in (network_rules(one.network), policy({"name": "all", "gather": "never"})):
        found = hold_by(empty, sought, order)
        assert (found.held, found.short, found.cost_minor) == (plain.held, plain.short, plain.cost_minor)
        assert found.told() == weighed(sought, plain)
