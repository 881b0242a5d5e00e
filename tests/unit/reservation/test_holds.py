from orderwing_schemas.events.fraud import OrderCleared
from orderwing_schemas.events.intake import SoftHoldRequested
from orderwing_schemas.events.reservation import StockReserved
from support.reservation_world import World, of_kind, order


def test_an_order_that_home_can_serve_is_one_part() -> None:
    world = World()
    world.receive("N1", "A", 5)
    world.send(SoftHoldRequested(order=order("o1", {"A": 3})))
    emitted = world.send(OrderCleared(order=order("o1", {"A": 3})))
    (part,) = of_kind(emitted, StockReserved)
    print(emitted)
    assert world.shelf("N1", "A").reserved == 3
    world.check()
