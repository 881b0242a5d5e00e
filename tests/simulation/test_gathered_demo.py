"""The demo's market in simulated time: some orders are gathered at one site first, and come by their promise."""

from __future__ import annotations

from orderwing.shop.demo_network import demo_network
from orderwing.shop.generator import generated_feed
from orderwing.simulation.market_day import MarketDay
from orderwing.simulation.shop import MINUTE_MS
from orderwing.simulation.world import START_MS

FACTOR = 60.0


def test_the_demo_gathers_and_keeps_its_promises() -> None:
    opens_ms = START_MS + 30 * MINUTE_MS  # so that transfers reach the vans of ten o'clock
    verdict = MarketDay(generated_feed(60, 3, 3.0, opens_ms, FACTOR), opens_ms, FACTOR).run()
    assert verdict.clean, verdict.violations[:3]
    assert verdict.gathered_orders > 0
    assert verdict.promise_kept == 1.0


def test_transfers_join_all_sites_of_a_region_and_no_others() -> None:
    network = demo_network()
    region = {site.site_id: site.region_id for site in network.sites}
    joined = {(one.from_site, one.to_site) for one in network.transfers}
    assert joined == {(a, b) for a in region for b in region if a != b and region[a] == region[b]}
