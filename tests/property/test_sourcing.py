"""Quick sourcing against every assignment there is."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderwing.bench.decisions.sourcing_plain import plain_choice
from orderwing.planning.calendar import arrival_ms, earliest_departure
from orderwing.planning.holding import Sought, hold, weighed
from orderwing.planning.outlets import terms_of
from orderwing.planning.pricing import price_list
from orderwing.planning.sourcing import Asked, quick_choice, splits, verify
from orderwing.planning.sourcing.building import problem_of
from orderwing.planning.sourcing.engine import plan
from orderwing_schemas.domain import LineQuantity, Point, ServiceLevel
from orderwing_schemas.network import (
    Carton,
    Item,
    Lane,
    Network,
    Policies,
    RateCard,
    Region,
    Site,
    Trait,
    WeightBreak,
)

HERE = Point(latitude=51.5, longitude=0.0)
NOW_MS = 1_750_000_000_000
SKUS = ("tea", "mug", "jam", "pen")
ITEMS = {
    sku: Item(sku=sku, weight_g=300 * n, volume_cm3=1, capacity=1, list_price_minor=100) for n, sku in enumerate(SKUS)
}

HEAVY = {
    sku: item.model_copy(update={"volume_cm3": 900 * n, "traits": (Trait.OVERSIZE, Trait.HAZARD)[: n + 1 - n % 2]})
    for n, (sku, item) in enumerate(ITEMS.items())
}
BREAKS = tuple(WeightBreak(up_to_g=g, parcel_minor=p) for g, p in ((500, 12), (1_500, 20), (4_000, 41)))
CARTONS = (
    Carton(carton_id="s", max_weight_g=1_000, volume_cm3=2_000, tare_g=40, carton_minor=2),
    Carton(carton_id="l", max_weight_g=2_500, volume_cm3=6_000, tare_g=90, carton_minor=5),
)


def a_network(parcels: list[int], handlings: list[int], kilogram_minor: int = 0, late_hour_minor: int = 0) -> Network:
    sites = tuple(
        Site(
            site_id=f"s{n}",
            region_id="r",
            location=HERE,
            timezone="UTC",
            pick_minutes=20,
            units_per_hour=1000,
            handling_line_minor=handling,
            handling_parcel_minor=3,
        )
        for n, handling in enumerate(handlings)
    )
    lanes = tuple(
        Lane(
            lane_id=f"l{n}",
            site_id=f"s{n}",
            zone="z",
            carrier="c",
            services=(ServiceLevel.STANDARD,),
            every_minutes=60 + 10 * n,
            transit_minutes=30,
            parcels_per_departure=9,
            parcel_minor=parcel,
            kilogram_minor=kilogram_minor,
        )
        for n, parcel in enumerate(parcels)
    )
    region = Region(region_id="r", centre=HERE)
    policies = Policies(late_hour_minor=late_hour_minor)
    return Network(version=1, currency="GBP", regions=(region,), sites=sites, lanes=lanes, policies=policies)


def asked_for(
    network: Network,
    stock: dict[tuple[str, str], int],
    lines: tuple[tuple[str, int], ...],
    may_split: bool = True,
    max_delay_minutes: int = 1440,
) -> Asked:
    return Asked(
        network=network,
        catalogue=ITEMS.get,
        atp=lambda site_id, sku: stock.get((site_id, sku), 0),
        lines=tuple(LineQuantity(line_id=f"n{n}", sku=sku, quantity=q) for n, (sku, q) in enumerate(lines)),
        zone="z",
        service_level=ServiceLevel.STANDARD,
        now_ms=NOW_MS,
        may_split=may_split,
        max_delay_minutes=max_delay_minutes,
    )


@st.composite
def problems(draw: st.DrawFn, most: int = 1, repeats: bool = False) -> Asked:
    count = draw(st.integers(1, 4))
    network = a_network(
        [draw(st.integers(0, 50)) for _ in range(count)],
        [draw(st.integers(0, 20)) for _ in range(count)],
        late_hour_minor=draw(st.sampled_from([0, 60])),
    )
    stock = {(site.site_id, sku): draw(st.integers(-1, most + 1)) for site in network.sites for sku in SKUS}
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=4, unique=not repeats))
    lines = tuple((sku, draw(st.integers(1, most))) for sku in skus)
    return asked_for(network, stock, lines, draw(st.booleans()), draw(st.sampled_from([0, 10, 1440])))


def arrivals_of(asked: Asked) -> dict[str, int]:
    """The next arrival from each site, which has one lane."""
    arrivals = {}
    for lane in asked.network.lanes:
        units = sum(line.quantity for line in asked.lines)
        departure = earliest_departure(lane, asked.network.site_by_id[lane.site_id], asked.now_ms, units)
        assert departure is not None
        arrivals[lane.site_id] = arrival_ms(lane, departure)
    return arrivals


def in_time(asked: Asked, ways: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of ways that are equally good otherwise: those that arrive not much later than the earliest of them."""
    arrivals = arrivals_of(asked)
    latest = {way: max((arrivals[site_id] for site_id in way), default=0) for way in ways}
    return [way for way in ways if latest[way] <= min(latest.values()) + asked.max_delay_minutes * 60_000]


def whole_cost(asked: Asked, assigned: tuple[str | None, ...]) -> int:
    """Additive costs only (nothing weighs): parcels, lines, and lateness against the earliest site."""
    arrivals = arrivals_of(asked)
    due = min(arrivals.values())
    cost = 0
    for lane in asked.network.lanes:
        count = assigned.count(lane.site_id)
        site = asked.network.site_by_id[lane.site_id]
        if count:
            cost += lane.parcel_minor + site.handling_parcel_minor + count * site.handling_line_minor
            cost += price_list(asked.network).lateness_minor(arrivals[lane.site_id], due)
    return cost


def rank(asked: Asked, assigned: tuple[str | None, ...]) -> tuple[int, bool, int]:
    """One site that has all comes before any split."""
    return assigned.count(None), len(set(assigned)) > 1, whole_cost(asked, assigned)


@settings(max_examples=300, deadline=None)
@given(asked=problems())
def test_single_units_are_sourced_as_well_as_any_assignment_can(asked: Asked) -> None:
    choices: list[list[str | None]] = [
        [None, *(s.site_id for s in asked.network.sites if asked.atp(s.site_id, line.sku) >= 1)] for line in asked.lines
    ]
    possible = [a for a in product(*choices) if asked.may_split or len({s for s in a if s}) <= 1]
    least = min(assigned.count(None) for assigned in possible)
    equal = {a: tuple(sorted({s for s in a if s})) for a in possible if a.count(None) == least}
    timely = in_time(asked, list(equal.values()))
    best = min(rank(asked, assigned) for assigned, used in equal.items() if used in timely)
    choice = quick_choice(asked, asked.network.sites)
    assert verify(asked, choice) == []
    several = bool(choice.short and choice.held) or len(choice.site_ids) > 1
    assert (len(choice.short), several, choice.cost_minor) == best


@settings(max_examples=300, deadline=None)
@given(asked=problems(most=6, repeats=True))
def test_as_many_units_are_held_as_stock_allows(asked: Asked) -> None:
    choice = quick_choice(asked, asked.network.sites)
    assert verify(asked, choice) == []
    needed = {line.sku: sum(x.quantity for x in asked.lines if x.sku == line.sku) for line in asked.lines}

    def short(sites: tuple[str, ...]) -> int:
        return sum(max(0, q - sum(max(0, asked.atp(s, sku)) for s in sites)) for sku, q in needed.items())

    ids = [site.site_id for site in asked.network.sites]
    groups = [tuple(i for n, i in enumerate(ids) if mask >> n & 1) for mask in range(1 << len(ids))]
    allowed = [group for group in groups if asked.may_split or len(group) <= 1]
    least = min(short(group) for group in allowed)
    assert sum(line.quantity for line in choice.short) == least
    for line in asked.lines:
        places = [h.site_id for h in choice.held if h.line_id == line.line_id]
        assert len(places) == len(set(places))


@st.composite
def rich_problems(draw: st.DrawFn) -> Asked:
    """With weight breaks, cartons, line-haul, traits and steering prices, or without some of them."""
    asked = draw(problems(most=draw(st.sampled_from([1, 2, 5])), repeats=True))
    network, site = asked.network, asked.network.sites[0]
    lanes = [
        lane.model_copy(update={"parcel_minor": lane.parcel_minor + 1, "kilogram_minor": draw(st.integers(0, 9))})
        for lane in network.lanes
    ]
    if draw(st.booleans()):
        lanes[0] = lanes[0].model_copy(update={"carrier": "cards", "line_haul_minor": 3})
    update: dict[str, object] = {"lanes": tuple(lanes)}
    if draw(st.booleans()):
        update["rate_cards"] = (RateCard(carrier="cards", zone="z", breaks=BREAKS, kilogram_minor=4),)
    if draw(st.booleans()):
        update["cartons"] = CARTONS
    if draw(st.booleans()):
        update["sites"] = (site.model_copy(update={"capabilities": (Trait.OVERSIZE,)}), *network.sites[1:])
    prices = {s.site_id: draw(st.integers(0, 9)) for s in network.sites}
    return replace(
        asked,
        network=network.model_copy(update=update),
        catalogue=HEAVY.get,
        may_split=True,
        steering=draw(st.sampled_from([None, lambda site_id, _: prices[site_id]])),
    )


@pytest.mark.parametrize("few", [0, splits.FEW])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=rich_problems(), single_site=st.sampled_from(["always", "when_cheapest"]))
def test_it_chooses_as_the_exact_engine_does(
    monkeypatch: pytest.MonkeyPatch, few: int, asked: Asked, single_site: str
) -> None:
    monkeypatch.setattr(splits, "FEW", few)
    policies = asked.network.policies.model_copy(update={"single_site": single_site})
    asked = replace(asked, network=asked.network.model_copy(update={"policies": policies}))
    choice = quick_choice(asked, asked.network.sites)
    assert verify(asked, choice) == []
    price = asked.steering or (lambda _site_id, _sku: 0)
    units = {(s.site_id, sku): price(s.site_id, sku) for s in asked.network.sites for sku in SKUS}
    exact = plan(problem_of(asked, asked.network.sites, steering=units)).chosen
    assert (sum(line.quantity for line in choice.short), choice.weighed_minor) == (exact.short_units, exact.cost_minor)
    if choice.parcels:
        terms = terms_of(price_list(asked.network), choice.parcels, choice.due_ms)
        assert dict(terms) == dict(exact.terms)


@settings(max_examples=120, deadline=None)
@given(asked=rich_problems(), may_split=st.booleans())
def test_it_is_never_dearer_than_the_plain_rule(asked: Asked, may_split: bool) -> None:
    asked = replace(asked, steering=None, may_split=may_split)
    ours, plain = quick_choice(asked, asked.network.sites), plain_choice(asked, asked.network.sites)
    assert verify(asked, plain) == []
    assert sum(line.quantity for line in ours.held) == sum(line.quantity for line in plain.held)
    assert ours.cost_minor <= plain.cost_minor


def test_a_customer_who_wants_one_box_gets_it_from_one_site_whatever_is_cheaper() -> None:
    network = a_network([1, 1, 90], [0, 0, 0])
    network = network.model_copy(update={"policies": Policies(single_site="when_cheapest", late_hour_minor=0)})
    stock = {("s0", "tea"): 1, ("s1", "mug"): 1, ("s2", "tea"): 1, ("s2", "mug"): 1}
    asked = asked_for(network, stock, (("tea", 1), ("mug", 1)))
    assert quick_choice(asked, network.sites).site_ids == ("s0", "s1")
    assert quick_choice(replace(asked, one_box=True), network.sites).site_ids == ("s2",)


def test_what_a_site_may_not_ship_is_as_if_it_were_not_there_and_the_card_says_so() -> None:
    network = a_network([1, 5], [0, 0])
    picky = network.sites[0].model_copy(update={"capabilities": (Trait.HAZARD,)})
    network = network.model_copy(update={"sites": (picky, network.sites[1])})
    stock = {("s0", "mug"): 3, ("s1", "mug"): 3}
    items = {**ITEMS, "mug": ITEMS["mug"].model_copy(update={"traits": (Trait.MEDICAL, Trait.HAZARD)})}
    asked = replace(asked_for(network, stock, (("mug", 2),)), catalogue=items.get)
    sought = Sought(asked, "r")
    choice = hold(sought)
    assert choice.site_ids == ("s1",)
    told = {one.label: one.lost_because for one in weighed(sought, choice)}
    assert told == {"s1": None, "s0": "may not ship mug: medical"}


@settings(max_examples=200, deadline=None)
@given(asked=problems(most=6, repeats=True))
def test_all_that_was_weighed_is_told_with_the_terms_of_its_cost(asked: Asked) -> None:
    choice = quick_choice(asked, asked.network.sites)
    prices = price_list(asked.network)
    told_ways = [(choice.parcels, choice.weighed_minor), *((x.parcels, x.weighed_minor) for x in choice.losers)]
    for parcels, cost in told_ways:
        assert sum(amount for _, amount in terms_of(prices, parcels, choice.due_ms)) == cost
    assert tuple(sorted(parcel.site.site_id for parcel in choice.parcels)) == choice.site_ids
    told = [tuple(parcel.site.site_id for parcel in loser.parcels) for loser in choice.losers]
    assert len(set(told)) == len(told)
    assert choice.site_ids not in told
    needed = {line.sku: sum(x.quantity for x in asked.lines if x.sku == line.sku) for line in asked.lines}
    whole = {(s.site_id,) for s in asked.network.sites if all(asked.atp(s.site_id, k) >= q for k, q in needed.items())}
    assert whole <= {*told, choice.site_ids}


def test_a_single_site_that_is_too_late_loses_to_two_that_are_in_time() -> None:
    network = a_network([1, 1, 1], [1, 1, 1])
    late = network.lanes[2].model_copy(update={"transit_minutes": 30 + 24 * 60})
    network = network.model_copy(update={"lanes": (*network.lanes[:2], late)})
    stock = {("s0", "tea"): 1, ("s1", "mug"): 1, ("s2", "tea"): 1, ("s2", "mug"): 1}
    lines = (("tea", 1), ("mug", 1))
    patient = quick_choice(asked_for(network, stock, lines, max_delay_minutes=3000), network.sites)
    assert patient.site_ids == ("s2",)
    hasty = quick_choice(asked_for(network, stock, lines, max_delay_minutes=60), network.sites)
    assert hasty.site_ids == ("s0", "s1")
    (loser,) = hasty.losers
    assert loser.why.startswith("arrives ")
    assert loser.why.endswith("than the earliest possible, 60 are acceptable")
    whole = asked_for(network, stock, lines, may_split=False, max_delay_minutes=60)
    assert quick_choice(whole, network.sites).site_ids == ("s2",)


@settings(max_examples=100, deadline=None)
@given(asked=problems(most=6, repeats=True))
def test_the_same_question_has_the_same_answer(asked: Asked) -> None:
    assert quick_choice(asked, asked.network.sites) == quick_choice(asked, asked.network.sites)


def test_steering_prices_decide_and_nobody_pays_them() -> None:
    network = a_network([10, 14], [0, 0])
    stock = {("s0", "tea"): 2, ("s1", "tea"): 2}
    plain = quick_choice(asked_for(network, stock, (("tea", 2),)), network.sites)
    assert (plain.site_ids, plain.cost_minor, plain.weighed_minor) == (("s0",), 13, 13)
    prices = {("s0", "tea"): 3}
    asked = replace(asked_for(network, stock, (("tea", 2),)), steering=lambda site, sku: prices.get((site, sku), 0))
    steered = quick_choice(asked, network.sites)
    assert (steered.site_ids, steered.cost_minor, steered.weighed_minor) == (("s1",), 17, 17)
    (loser,) = steered.losers
    assert loser.why == "dearer by 2"
    terms = terms_of(price_list(network), loser.parcels, steered.due_ms)
    assert dict(terms) == {"parcel": 10, "handling_parcel": 3, "steering": 6}
    assert loser.parcels[0].cost_minor == 13


def test_verify_finds_what_is_wrong() -> None:
    asked = asked_for(a_network([1, 1], [1, 1]), {("s0", "tea"): 1, ("s1", "mug"): 1}, (("tea", 1), ("mug", 1)))
    choice = quick_choice(asked, asked.network.sites)
    assert len(choice.site_ids) == 2
    lost = replace(choice, held=choice.held[:1])
    assert verify(asked, lost) == ["line n1: 0 units answered for 1"]
    more = choice.held[0]._replace(quantity=2)
    assert len(verify(asked, replace(choice, held=(more, choice.held[1])))) == 2
    assert verify(asked, replace(choice, cost_minor=0)) == ["the parcels do not sum up to the cost"]
    whole = asked_for(asked.network, {("s0", "tea"): 1, ("s1", "mug"): 1}, (("tea", 1), ("mug", 1)), may_split=False)
    assert verify(whole, choice) == ["split though the order may not be"]


def test_sites_without_a_lane_are_not_asked_and_nothing_anywhere_is_all_short() -> None:
    network = a_network([1, 1], [1, 1]).model_copy(update={"lanes": a_network([1, 1], [1, 1]).lanes[1:]})
    choice = quick_choice(asked_for(network, {("s0", "tea"): 9}, (("tea", 2),)), network.sites)
    assert (choice.held, [line.quantity for line in choice.short], choice.promise_at_ms) == ((), [2], None)


def test_a_penny_does_not_buy_an_hour() -> None:
    network = a_network([10, 9], [0, 0], late_hour_minor=200)
    stock = {("s0", "tea"): 1, ("s1", "tea"): 1}
    arrivals = {}
    for lane in network.lanes:
        departure = earliest_departure(lane, network.site_by_id[lane.site_id], NOW_MS)
        assert departure is not None
        arrivals[lane.site_id] = departure
    earlier = min(arrivals, key=lambda site_id: arrivals[site_id])
    assert quick_choice(asked_for(network, stock, (("tea", 1),)), network.sites).site_ids == (earlier,)


def test_large_orders_are_held_as_whole_and_cheaper_than_by_the_plain_rule() -> None:
    """Dozens of units of a dozen SKUs at three sites: no table has all their loads."""
    items = {
        f"k{n}": Item(sku=f"k{n}", weight_g=150 + 90 * n, volume_cm3=200 + 150 * n, capacity=1, list_price_minor=1)
        for n in range(12)
    }
    lanes = tuple(lane.model_copy(update={"carrier": "cards"}) for lane in a_network([9, 7, 8], [1, 2, 1]).lanes)
    cards = (RateCard(carrier="cards", zone="z", breaks=BREAKS, kilogram_minor=4),)
    cartons = (*CARTONS, Carton(carton_id="xl", max_weight_g=9_000, volume_cm3=20_000, carton_minor=9))
    network = a_network([9, 7, 8], [1, 2, 1]).model_copy(
        update={"lanes": lanes, "rate_cards": cards, "cartons": cartons}
    )
    ours = plain = 0
    for seed in range(12):
        random = Random(seed)
        stock = {(s.site_id, sku): random.choice((0, 3, 9, 30)) for s in network.sites for sku in items}
        lines = tuple((sku, random.randint(1, 12)) for sku in items)
        asked = replace(asked_for(network, stock, lines), catalogue=items.get)
        choice, other = quick_choice(asked, network.sites), plain_choice(asked, network.sites)
        assert verify(asked, choice) == []
        assert sum(line.quantity for line in choice.held) == sum(line.quantity for line in other.held)
        assert quick_choice(asked, network.sites) == choice
        ours, plain = ours + choice.cost_minor, plain + other.cost_minor
    assert ours < 0.99 * plain


@pytest.mark.parametrize("count", [10, 14])
def test_many_sites_are_all_used_if_needed(count: int) -> None:
    network = a_network([1] * count, [1] * count)
    stock = {(site.site_id, "tea"): 1 for site in network.sites}
    asked = asked_for(network, stock, (("tea", count + 1),))
    choice = quick_choice(asked, network.sites)
    assert verify(asked, choice) == []
    assert (len(choice.site_ids), choice.short[0].quantity) == (count, 1)
