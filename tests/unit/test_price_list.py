from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.pricing import (
    HOUR_MS,
    Goods,
    Handling,
    PriceList,
    Shipping,
    cartons_of,
    price_list,
    shipment_terms,
    tariff_of,
    unpriced,
)
from orderwing_schemas.domain import Point, ServiceLevel
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

SITE = Site(
    site_id="lon",
    region_id="south",
    location=Point(latitude=51.5, longitude=0.0),
    timezone="Europe/London",
    pick_minutes=30,
    units_per_hour=100,
    handling_line_minor=7,
    handling_parcel_minor=40,
)
LANE = Lane(
    lane_id="lon-south",
    site_id="lon",
    zone="south",
    carrier="van",
    services=(ServiceLevel.STANDARD,),
    every_minutes=60,
    transit_minutes=90,
    parcels_per_departure=10,
    parcel_minor=250,
    kilogram_minor=30,
)
CARD = RateCard(
    carrier="van",
    zone="south",
    breaks=(WeightBreak(up_to_g=1_000, parcel_minor=300), WeightBreak(up_to_g=5_000, parcel_minor=420)),
    kilogram_minor=35,
    volumetric_cm3_per_kg=5_000,
)
BOXES = (
    Carton(carton_id="s", max_weight_g=2_000, volume_cm3=4_000, tare_g=100, carton_minor=12),
    Carton(carton_id="l", max_weight_g=9_000, volume_cm3=30_000, tare_g=400, carton_minor=50),
)


def a_network(
    lane: Lane = LANE, cards: tuple[RateCard, ...] = (), cartons: tuple[Carton, ...] = (), late_hour_minor: int = 200
) -> Network:
    return Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="south", centre=SITE.location),),
        sites=(SITE,),
        lanes=(lane,),
        policies=Policies(late_hour_minor=late_hour_minor),
        rate_cards=cards,
        cartons=cartons,
    )


def items_of(sizes: Iterable[tuple[int, int]], traits: tuple[Trait, ...] = (Trait.OVERSIZE,)) -> dict[str, Item]:
    return {
        f"sku-{n}": Item(sku=f"sku-{n}", weight_g=g, volume_cm3=v, capacity=1, list_price_minor=1, traits=traits)
        for n, (g, v) in enumerate(sizes)
    }


def test_every_term_is_named_and_they_sum_to_freight_and_lateness() -> None:
    prices = PriceList(a_network())
    load = prices.load(items_of([(500, 1), (1, 1), (250, 1)]).get, [("sku-0", 1), ("sku-1", 1), ("sku-2", 2)])
    told = dict(prices.terms(LANE, load, HOUR_MS, 0))
    assert told == {"parcel": 250, "weight": 60, "handling_lines": 21, "handling_parcel": 40, "lateness": 200}
    assert prices.freight_minor(LANE, load) + prices.lateness_minor(HOUR_MS, 0) == 571


def test_what_costs_nothing_is_not_printed_and_what_nobody_knows_weighs_nothing() -> None:
    prices = PriceList(a_network())
    load = prices.load(items_of([]).get, [("a", 3)])
    assert [name for name, _ in prices.terms(LANE, load, 5, 5)] == ["parcel", "handling_lines", "handling_parcel"]
    assert prices.freight_minor(LANE, load) == 297


def test_a_sku_in_two_lines_is_picked_once() -> None:
    prices = PriceList(a_network())
    items = items_of([(500, 1)])
    assert prices.load(items.get, [("sku-0", 1), ("sku-0", 2)]) == prices.load(items.get, [("sku-0", 3)])


def test_every_carton_is_a_parcel_to_carriers_and_packers() -> None:
    prices = PriceList(a_network(cards=(CARD,), cartons=BOXES))
    load = prices.load(items_of([(4_000, 9_000)]).get, [("sku-0", 3)])
    assert (load.parcels, [(one.carton_id, one.times) for one in load.packed]) == (2, [("l", 1), ("l", 1)])
    volumetric_kg = 30_000 // 5_000
    told = dict(prices.terms(LANE, load, 0, 0))
    assert told["parcel"] + told["weight"] == 420 + (8_400 - 5_000 + 999) // 1_000 * 35 + 420 + (volumetric_kg - 5) * 35
    assert (told["cartons"], told["handling_parcel"], told["handling_lines"]) == (100, 80, 7)


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 6_000), st.integers(0, 20_000)), min_size=1, max_size=5),
    haul=st.tuples(st.integers(0, 50), st.integers(0, 9)),
    with_card=st.booleans(),
    cartons=st.sampled_from([(), BOXES]),
    late_ms=st.integers(-(10**6), 10**9),
)
def test_it_is_the_cost_model_of_sourcing(
    sizes: list[tuple[int, int, int]],
    haul: tuple[int, int],
    with_card: bool,
    cartons: tuple[Carton, ...],
    late_ms: int,
) -> None:
    lane = LANE.model_copy(update={"line_haul_minor": haul[0], "line_haul_kilogram_minor": haul[1]})
    network = a_network(lane, (CARD,) if with_card else (), cartons, late_hour_minor=173)
    goods = [Goods(f"sku-{n}", units, g, v, oversize=True) for n, (units, g, v) in enumerate(sizes)]
    via = Shipping(tariff_of(network, lane), 10**9 + late_ms, 10**9, 173)
    told = shipment_terms(cartons_of(network), goods, Handling(7, 40), via)
    prices = PriceList(network)
    items = items_of([(g, v) for _, g, v in sizes])
    load = prices.load(items.get, [(one.sku, one.units) for one in goods])
    terms = prices.terms(lane, load, 10**9 + late_ms, 10**9)
    assert dict(terms) == dict(told)
    assert prices.freight_minor(lane, load) + prices.lateness_minor(10**9 + late_ms, 10**9) == sum(
        amount for _, amount in terms
    )


@given(arrival=st.integers(0, 10**10), due=st.integers(0, 10**10))
def test_lateness_is_monotone(arrival: int, due: int) -> None:
    prices = PriceList(a_network(late_hour_minor=173))
    assert prices.lateness_minor(arrival + 1, due) >= prices.lateness_minor(arrival, due)
    assert (prices.lateness_minor(arrival, due) > 0) == (arrival > due)


def test_each_network_has_its_own_list_however_many_there_are() -> None:
    networks = [a_network(LANE.model_copy(update={"parcel_minor": 100 + n})) for n in range(50)]
    for _ in range(2):
        for n, network in enumerate(networks):
            prices = price_list(network)
            assert prices.freight_minor(network.lanes[0], prices.load(items_of([]).get, [("a", 1)])) == 147 + n


@pytest.mark.parametrize(
    ("network", "items", "fields"),
    [
        (a_network(), items_of([(10**6, 10**6)], ()), []),
        (
            a_network(LANE.model_copy(update={"parcel_minor": 0, "kilogram_minor": 0})),
            {},
            ["lanes[lon-south].parcel_minor"],
        ),
        (a_network(cartons=BOXES), items_of([(9_001, 1), (9_000, 30_000)], ()), ["items[sku-0].traits"]),
        (a_network(cartons=BOXES), items_of([(9_001, 1)]), []),
    ],
)
def test_what_cannot_be_priced_is_named_before_it_is_published(
    network: Network, items: dict[str, Item], fields: list[str]
) -> None:
    assert [error.field for error in unpriced(network, items.values())] == fields


def test_what_slipped_through_is_priced_all_the_same() -> None:
    free = LANE.model_copy(update={"parcel_minor": 0, "kilogram_minor": 0})
    prices = PriceList(a_network(free, cartons=BOXES))
    load = prices.load(items_of([(50_000, 1)], ()).get, [("sku-0", 2)])
    assert load.parcels == 2
    assert dict(prices.terms(free, load, 0, 0)) == {"handling_lines": 7, "handling_parcel": 80}
