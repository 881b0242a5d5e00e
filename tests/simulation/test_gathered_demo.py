"""The demo's market in simulated time: some orders are gathered at one site first, and come by their promise."""

from __future__ import annotations

from itertools import product

from orderwing.demo.market import morning_ms
from orderwing.demo.options import DEFAULT_ORDERS, Options
from orderwing.planning.calendar import HOUR_MS, earliest_arrival
from orderwing.shop.demo_network import demo_network
from orderwing.shop.generator import generated_feed
from orderwing.simulation.market_day import MarketDay
from orderwing.simulation.shop import MINUTE_MS
from orderwing.simulation.world import START_MS
from orderwing_schemas.domain import ServiceLevel

FACTOR = 60.0
DEMO_S = 180
SPARE_S = 15  # before its market opens, and for the verdict


def test_the_demo_gathers_and_keeps_its_promises() -> None:
    opens_ms = START_MS + 30 * MINUTE_MS  # so that transfers reach the vans of ten o'clock
    verdict = MarketDay(generated_feed(60, 3, 3.0, opens_ms, FACTOR), opens_ms, FACTOR).run()
    assert verdict.clean, verdict.violations[:3]
    assert verdict.gathered_orders > 0
    assert verdict.promise_kept == 1.0


def test_what_leaves_an_hour_late_comes_within_a_default_demo() -> None:
    network, options, opens_ms = demo_network(), Options(), morning_ms()
    last_ms = opens_ms + int(DEFAULT_ORDERS / options.orders_a_second * options.speed * 1000)
    took_s = {}
    for site, zone in product(network.sites, {lane.zone for lane in network.lanes}):
        arrives_ms = earliest_arrival(network, site, zone, ServiceLevel.STANDARD, last_ms)
        assert arrives_ms is not None
        took_s[site.site_id, zone] = (arrives_ms + HOUR_MS - opens_ms) / 1000 / options.speed
    assert {way: s for way, s in took_s.items() if s > DEMO_S - SPARE_S} == {}


def test_transfers_join_all_sites_of_a_region_and_no_others() -> None:
    network = demo_network()
    region = {site.site_id: site.region_id for site in network.sites}
    joined = {(one.from_site, one.to_site) for one in network.transfers}
    assert joined == {(a, b) for a in region for b in region if a != b and region[a] == region[b]}
