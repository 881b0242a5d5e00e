"""A network that has lost a site, or a site's lanes, while orders hold stock there: they are decided all the same."""

from __future__ import annotations

import pytest

from orderwing_schemas.events.reservation import ReservationOutcome
from orderwing_schemas.network import Network
from support.memory_view import MemoryReference
from support.reservation_world import MINUTE_MS, World, network, order


def without(site: bool) -> Network:
    """N1's lanes are gone, and with `site` N1 itself."""
    base = network()
    return Network(
        version=2,
        currency=base.currency,
        regions=base.regions,
        sites=tuple(s for s in base.sites if not site or s.site_id != "N1"),
        lanes=tuple(lane for lane in base.lanes if lane.site_id != "N1"),
        policies=base.policies,
    )


@pytest.mark.parametrize("site", [True, False])
@pytest.mark.parametrize("elsewhere", [0, 1])
def test_an_order_that_holds_stock_at_a_lost_site_becomes_a_part(site: bool, elsewhere: int) -> None:
    world = World()
    world.receive("N1", "tea", 2)
    world.receive("N2", "mug", 1)
    placed = order("o1", {"tea": 2, "mug": elsewhere} if elsewhere else {"tea": 2})
    world.request(placed)
    world.network = without(site)
    for view in world.views.values():
        view.reference = MemoryReference(world.network)
    world.clear(placed)
    world.settle()
    world.check()
    [part] = world.reserved("o1")
    assert {line.site_id for line in part.held} == ({"N1", "N2"} if elsewhere else {"N1"})
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    late_ms = part.promise_at_ms - world.now_ms
    assert late_ms >= 150 * MINUTE_MS if elsewhere else late_ms == 0
