"""A period's steering problem out of network, stock and past orders."""

import numpy as np
import pytest

from orderwing.planning.steering.checks import verify
from orderwing.planning.steering.expecting import LATER, PastOrder, expected
from orderwing.planning.steering.planning import plan
from orderwing.planning.steering.prices import Prices, by_shelf
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Item, Lane, Network, Region, Site

HERE = Point(latitude=51.5, longitude=0.0)
LANES = (("mill", "north", 300, 20), ("mill", "south", 500, 40), ("dock", "south", 200, 10), ("dock", "south", 900, 1))


def a_network() -> Network:
    sites = tuple(
        Site(
            site_id=site_id,
            region_id="r",
            location=HERE,
            timezone="UTC",
            pick_minutes=20,
            units_per_hour=100,
            handling_line_minor=7,
            handling_parcel_minor=50,
        )
        for site_id in ("mill", "dock", "empty")
    )
    lanes = tuple(
        Lane(
            lane_id=f"{site_id}-{zone}-{parcel}",
            site_id=site_id,
            zone=zone,
            carrier="van",
            services=(ServiceLevel.STANDARD,),
            every_minutes=60,
            transit_minutes=120,
            parcels_per_departure=40,
            parcel_minor=parcel,
            kilogram_minor=kilogram,
        )
        for site_id, zone, parcel, kilogram in LANES
    )
    return Network(version=1, currency="GBP", regions=(Region(region_id="r", centre=HERE),), sites=sites, lanes=lanes)


def catalogue(sku: str) -> Item | None:
    known = sku in {"tea", "mug"}
    return Item(sku=sku, weight_g=1_000, volume_cm3=1, capacity=1, list_price_minor=1) if known else None


PAST = (
    PastOrder("south", (("tea", 1), ("mug", 2))),
    PastOrder("south", (("mug", 2), ("tea", 1))),
    PastOrder("north", (("tea", 1),)),
)
STOCK = {("mill", "tea"): 3, ("mill", "mug"): 9, ("dock", "mug"): 2, ("empty", "tea"): 0, ("mill", "unasked"): 5}


def test_costs_come_from_the_lanes_and_demand_from_the_orders() -> None:
    problem = expected(a_network(), catalogue, STOCK, PAST, factor=2.0)
    assert problem.site_ids == ("mill", "dock", LATER)
    assert problem.skus == ("mug", "tea")
    assert problem.localities == ("north", "south")
    assert problem.parcel[:2].tolist() == [[350, 550], [0, 250]]
    assert problem.unit[:2].tolist() == [[27, 47], [np.inf, 17]]
    assert problem.parcel[2].tolist() == [700, 1_100]
    assert problem.unit[2].tolist() == [54, 94]
    assert problem.stock.tolist() == [[9, 3], [2, 0], [np.inf, np.inf]]
    # Two orders of one basket, though their lines came in another order.
    assert problem.demand.sum(axis=0).tolist() == [2, 4]
    assert sorted(problem.demand.max(axis=1).tolist()) == [2, 4]


def test_what_is_short_gets_a_price_that_decisions_can_look_up() -> None:
    problem = expected(a_network(), catalogue, STOCK, PAST, factor=2.0)
    found = plan(problem)
    assert verify(problem, found) == []
    prices = Prices(1, 0, 1, {(site, sku): minor for site, sku, minor in by_shelf(problem, found.prices)})
    assert prices.minor("mill", "tea", 0) > 0
    assert prices.minor("mill", "mug", 0) == 0


@pytest.mark.parametrize(
    ("stock", "past", "says"),
    [
        (STOCK, (), "past: no order"),
        (STOCK, (PastOrder("south", (("jam", 1),)),), r"items\[jam\]"),
        ({("moon", "tea"): 1}, PAST, "no site moon"),
    ],
)
def test_what_is_missing_is_named(stock: dict[tuple[str, str], int], past: tuple[PastOrder, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        expected(a_network(), catalogue, stock, past)


def test_more_sites_than_can_be_weighed_are_refused() -> None:
    network = a_network()
    sites = tuple(network.sites[0].model_copy(update={"site_id": f"s{n}"}) for n in range(11))
    with pytest.raises(ValueError, match="11 sites have some, and at most 10"):
        expected(network.model_copy(update={"sites": sites}), catalogue, {(f"s{n}", "tea"): 1 for n in range(11)}, PAST)
