"""A network that has lost a site, or a site's lanes, while orders hold stock there: they are decided all the same."""

from __future__ import annotations

import pytest

from orderwing_schemas.domain import Backorder
from orderwing_schemas.events.payments import HoldReleaseRequested
from orderwing_schemas.events.reservation import ReservationOutcome, SlipReturned
from orderwing_schemas.network import Network
from support.memory_view import MemoryReference
from support.reservation_world import MINUTE_MS, World, network, order


def without(site: bool, site_id: str = "N1") -> Network:
    """The site's lanes are gone, and with `site` it itself."""
    base = network()
    return Network(
        version=2,
        currency=base.currency,
        regions=base.regions,
        sites=tuple(s for s in base.sites if not site or s.site_id != site_id),
        lanes=tuple(lane for lane in base.lanes if lane.site_id != site_id),
        policies=base.policies,
    )


def publish(world: World, net: Network) -> None:
    world.network = net
    for view in world.views.values():
        view.reference = MemoryReference(net)


@pytest.mark.parametrize("site", [True, False])
@pytest.mark.parametrize("elsewhere", [0, 1])
def test_an_order_that_holds_stock_at_a_lost_site_becomes_a_part(site: bool, elsewhere: int) -> None:
    world = World()
    world.receive("N1", "tea", 2)
    world.receive("N2", "mug", 1)
    placed = order("o1", {"tea": 2, "mug": elsewhere} if elsewhere else {"tea": 2})
    world.request(placed)
    publish(world, without(site))
    world.clear(placed)
    world.settle()
    world.check()
    [part] = world.reserved("o1")
    assert {line.site_id for line in part.held} == ({"N1", "N2"} if elsewhere else {"N1"})
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED
    late_ms = part.promise_at_ms - world.now_ms
    assert late_ms >= 150 * MINUTE_MS if elsewhere else late_ms == 0


def test_a_slip_that_returns_from_a_lost_site_goes_out_again() -> None:
    world = World()
    world.receive("S1", "tea", 2)
    world.receive("S2", "mug", 1)
    world.receive("W1", "tea", 2)
    placed = order("o1", {"tea": 2, "mug": 1})
    world.request(placed)
    world.deliver(lambda pairs: pairs[0])
    assert world.shelf("S1", "tea").reserved == 2
    publish(world, without(site=True, site_id="S1"))
    world.settle()
    world.check()
    assert world.shelf("S1", "tea").reserved == 0
    world.clear(placed)
    world.settle()
    world.check()
    assert {line.site_id for part in world.reserved("o1") for line in part.held} == {"W1", "S2"}
    assert world.recorded("o1").outcome is ReservationOutcome.RESERVED


def test_a_slip_that_returns_from_a_lost_site_to_a_released_order_gives_back() -> None:
    world = World()
    world.receive("S1", "tea", 2)
    placed = order("o1", {"tea": 2})
    world.request(placed)
    world.deliver(lambda pairs: pairs[0])
    assert world.shelf("S1", "tea").reserved == 2
    world.send(HoldReleaseRequested(region="north", order_id="o1", version=1, reason="declined"))
    publish(world, without(site=True, site_id="S1"))
    world.settle()
    world.check()
    assert world.shelf("S1", "tea").reserved == 0


def test_a_look_at_a_lost_site_is_taken_again() -> None:
    world = World()
    placed = order("o1", {"tea": 2}, backorder=Backorder.WHOLE)
    world.request(placed)
    world.clear(placed)
    world.settle()
    assert world.recorded("o1").outcome is ReservationOutcome.BACKORDERED
    world.receive("S1", "tea", 2)
    while not any(isinstance(event, SlipReturned) for waiting in world.slips.values() for event in waiting):
        world.deliver(lambda pairs: pairs[0])
    world.receive("W1", "tea", 2)
    publish(world, without(site=True, site_id="S1"))
    world.settle()
    world.check()
    assert {line.site_id for part in world.reserved("o1") for line in part.held} == {"W1"}
