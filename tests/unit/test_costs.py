from hypothesis import given
from hypothesis import strategies as st

from orderwing.planning.costs import HOUR_MS, freight_minor, lateness_minor, price_shipment, weight_g
from orderwing.planning.pricing import Goods, Handling, Shipping, shipment_terms, tariff_of
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Item, Lane, Network, Policies, Region, Site

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


def test_every_term_is_named_and_the_cost_is_their_sum() -> None:
    cost, terms = price_shipment(
        SITE, LANE, Policies(late_hour_minor=200), line_count=3, grams=1001, arrival_at_ms=HOUR_MS, promise_at_ms=0
    )
    told = dict(terms)
    assert told == {"parcel": 250, "weight": 60, "handling_lines": 21, "handling_parcel": 40, "lateness": 200}
    assert cost == 571


def test_what_costs_nothing_is_not_printed() -> None:
    cost, terms = price_shipment(SITE, LANE, Policies(), line_count=1, grams=0, arrival_at_ms=5, promise_at_ms=5)
    assert [name for name, _ in terms] == ["parcel", "handling_lines", "handling_parcel"]
    assert cost == 297


@given(
    lines=st.integers(1, 50),
    grams=st.integers(0, 10**7),
    arrival=st.integers(0, 10**10),
    promise=st.integers(0, 10**10),
)
def test_terms_add_up_and_lateness_is_monotone(lines: int, grams: int, arrival: int, promise: int) -> None:
    policies = Policies(late_hour_minor=173)
    cost, terms = price_shipment(
        SITE, LANE, policies, line_count=lines, grams=grams, arrival_at_ms=arrival, promise_at_ms=promise
    )
    assert cost == sum(amount for _, amount in terms)
    assert cost == freight_minor(SITE, LANE, lines, grams) + lateness_minor(policies, arrival, promise)
    assert lateness_minor(policies, arrival + 1, promise) >= lateness_minor(policies, arrival, promise)
    assert (lateness_minor(policies, arrival, promise) > 0) == (arrival > promise)


@given(
    units=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    unit_grams=st.integers(0, 4_000),
    arrival=st.integers(0, 10**9),
    promise=st.integers(0, 10**9),
)
def test_it_is_the_cost_model_of_sourcing_without_rate_cards(
    units: list[int], unit_grams: int, arrival: int, promise: int
) -> None:
    network = Network(
        version=1,
        currency="GBP",
        regions=(Region(region_id="south", centre=SITE.location),),
        sites=(SITE,),
        lanes=(LANE,),
        policies=Policies(late_hour_minor=173),
    )
    goods = [Goods(f"sku-{n}", count, unit_grams, 1) for n, count in enumerate(units)]
    handling = Handling(SITE.handling_line_minor, SITE.handling_parcel_minor)
    via = Shipping(tariff_of(network, LANE), arrival, promise, network.policies.late_hour_minor)
    _, terms = price_shipment(
        SITE,
        LANE,
        network.policies,
        line_count=len(units),
        grams=sum(units) * unit_grams,
        arrival_at_ms=arrival,
        promise_at_ms=promise,
    )
    assert dict(shipment_terms((), goods, handling, via)) == dict(terms)


def test_weight_is_summed_over_quantities_and_unknown_items_weigh_nothing() -> None:
    items = {"a": Item(sku="a", weight_g=120, volume_cm3=1, capacity=1, list_price_minor=1)}
    assert weight_g(items.get, (("a", 3), ("b", 9))) == 360
