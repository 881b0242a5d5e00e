"""Prices from the log: shelves are used up evenly, scarce and wanted ones last; the log alone decides."""

from __future__ import annotations

import numpy as np
import pytest

from orderwing.planning.steering.running_out import running_out
from orderwing.shop.demo_network import demo_network
from orderwing.steering.market import MINUTE_MS, Market
from orderwing.steering.rhythm import Rhythm
from orderwing_schemas.domain import Backorder, Order, OrderLine, Payer, Point, ServiceLevel, ShelfLevel
from orderwing_schemas.events.intake import OrderAccepted
from orderwing_schemas.events.reservation import StockMoved

NETWORK = demo_network()
SITES = [site.site_id for site in NETWORK.sites_by_region["north"]]
HOUR_MS = 60 * MINUTE_MS


def stocked(sku: str, *units: int) -> StockMoved:
    """Units at the first sites of the north."""
    levels = zip(SITES, units, strict=False)
    return StockMoved(
        region="north",
        kind="movement",
        order_id=None,
        shelves=tuple(
            ShelfLevel(site_id=site_id, sku=sku, on_hand=on_hand, reserved=0, safety=0) for site_id, on_hand in levels
        ),
    )


def accepted(number: int, at_ms: int, *skus: str) -> OrderAccepted:
    lines = tuple(
        OrderLine(line_id=str(n), sku=sku, quantity=1, amount_minor=100, capacity=1) for n, sku in enumerate(skus)
    )
    order = Order(
        order_id=f"O-{number}", version=1, customer_key="C", currency="GBP", lines=lines,
        service_level=ServiceLevel.SAME_DAY, home_region="north", zone="north",
        delivery_point=Point(latitude=54, longitude=-2), stop_id="s", shipping_paid_by=Payer.SHOP, one_box=False,
        max_delay_minutes=240, may_split=True, backorder=Backorder.LINES, placed_at_ms=at_ms, accepted_at_ms=at_ms,
    )  # fmt: skip
    return OrderAccepted(order=order, payment_token="tok_ok")


def market(*events: StockMoved | OrderAccepted) -> Market:
    made = Market(half_life_ms=HOUR_MS, horizon_ms=HOUR_MS)
    for event in events:
        made.learn(event)
    return made


def prices(made: Market, now_ms: int) -> dict[tuple[str, str], int]:
    return {(price.site_id, price.sku): price.price_minor for price in made.prices(NETWORK, now_ms)}


@pytest.mark.parametrize("demand", [0.0, 0.3, 4.0, 90.0])
@pytest.mark.parametrize("units", [1, 2, 7])
def test_a_price_is_the_chance_that_demand_reaches_the_last_unit(demand: float, units: int) -> None:
    """Of geometric demand, term by term, against what is served: worth of a unit is what one less would miss."""
    chances = [(1 / (1 + demand)) * (demand / (1 + demand)) ** n for n in range(20_000)]

    def missed(stock: int) -> float:
        return sum(chance * max(0, wanted - stock) for wanted, chance in enumerate(chances))

    found = running_out(np.array([[float(units)]]), np.array([[demand]]), np.array([[100.0]]))
    assert found[0, 0] == pytest.approx(100 * (missed(units - 1) - missed(units)), abs=1e-6)


def test_what_is_no_demand_is_refused() -> None:
    with pytest.raises(ValueError, match="demand"):
        running_out(np.ones((1, 1)), -np.ones((1, 1)), np.ones((1, 1)))


def test_the_emptier_shelf_is_the_dearer_and_what_is_wanted_too() -> None:
    orders = [accepted(n, n * MINUTE_MS, "tea", "cup") for n in range(9)]
    made = market(stocked("tea", 9, 2), stocked("jam", 9, 2), stocked("cup", 3), *orders)
    found = prices(made, 10 * MINUTE_MS)
    assert found[SITES[1], "tea"] > found[SITES[0], "tea"]
    assert found[SITES[1], "tea"] > found.get((SITES[1], "jam"), 0)
    assert not [shelf for shelf in found if shelf[1] == "cup"], "where one site has all there is nothing to choose"
    made.learn(stocked("tea", 1, 4))
    later = prices(made, 10 * MINUTE_MS)
    assert later[SITES[0], "tea"] > later[SITES[1], "tea"]


def test_what_nobody_orders_any_more_costs_less_by_and_by() -> None:
    made = market(stocked("tea", 5, 5), *(accepted(n, n * MINUTE_MS, "tea") for n in range(20)))
    course = [prices(made, hours * HOUR_MS)[SITES[0], "tea"] for hours in (1, 3, 6)]
    assert course == sorted(course, reverse=True)
    assert course[0] > course[-1]


def test_the_order_of_two_topics_makes_no_difference() -> None:
    stock, orders = stocked("tea", 5, 3), [accepted(n, n * MINUTE_MS, "tea") for n in range(5)]
    now_ms = 9 * MINUTE_MS
    assert prices(market(stock, *orders), now_ms) == prices(market(*orders, stock), now_ms)


def test_without_orders_or_stock_nothing_has_a_price() -> None:
    assert prices(market(stocked("tea", 5, 3)), HOUR_MS) == {}
    assert prices(market(accepted(1, 0, "tea")), HOUR_MS) == {}


def test_a_list_is_due_by_time_or_by_orders_and_outlives_the_next() -> None:
    rhythm = Rhythm(every_ms=600, orders=50, half_life_ms=1, horizon_ms=1)
    assert rhythm.due(None, 0, 0)
    assert not rhythm.due((1_000, 10), 1_599, 59)
    assert rhythm.due((1_000, 10), 1_600, 10)
    assert rhythm.due((1_000, 10), 1_001, 60)
    assert rhythm.valid_ms > 2 * rhythm.every_ms
