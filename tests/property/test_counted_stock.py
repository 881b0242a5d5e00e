"""Counts tell what is there: however movements, counts and shipments overtake each other, the books end at that."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.reservation.stock import COUNT_HORIZON_MS, Postponed
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.public import StockAdjusted, StockCounted, StockMovement, StockReceived
from support.reservation_world import MINUTE_MS, World

STOCK = 1000  # nothing that is to be told ever takes more than is there
STEPS = st.lists(st.sampled_from(["ship", "ship", "ship", "receive", "lose", "count"]), max_size=60)


class House:
    """One shelf as it is, and what is told of it."""

    def __init__(self) -> None:
        self.there = STOCK
        self.movements: list[StockMovement] = [StockReceived(site_id="N1", sku="A", quantity=STOCK, sequence=1)]
        self.shipments: list[ShipmentShipped] = []

    def step(self, what: str, units: int) -> None:
        place = {"site_id": "N1", "sku": "A", "sequence": len(self.movements) + 1}
        if what == "ship":
            self.there -= units
            self.shipments.append(_shipped(len(self.shipments) + 1, units))
        elif what == "receive":
            self.there += units
            self.movements.append(StockReceived.model_validate({**place, "quantity": units}))
        elif what == "lose":
            self.there -= units
            self.movements.append(StockAdjusted.model_validate({**place, "delta": -units, "reason": "lost"}))
        elif self.shipments:
            told = {"includes_sequence": len(self.movements), "includes_shipment": self.shipments[-1].shipment_id}
            self.movements.append(StockCounted.model_validate({**place, **told, "on_hand": self.there}))


def _shipped(number: int, units: int) -> ShipmentShipped:
    lines = (LineQuantity(line_id="l-A", sku="A", quantity=units),)
    return ShipmentShipped(
        region="north", order_id=f"o{number}", order_version=1, part_id=f"o{number}/north/1",
        shipment_id=f"s{number}", site_id="N1", lines=lines,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 10_000), lost=st.booleans())
def test_the_books_end_at_what_is_there(steps: list[str], seed: int, lost: bool) -> None:
    random, house, world = Random(seed), House(), World()
    for what in steps:
        house.step(what, random.randint(1, 9))
    first, *movements = house.movements
    random.shuffle(movements)
    late = movements[:1] if lost and movements and not isinstance(movements[0], StockCounted) else []
    movements, shipments = movements[len(late) :], list(house.shipments)
    world.move_stock(first)
    while movements or shipments:
        world.now_ms += random.choice((0, 90 * MINUTE_MS))
        if shipments and (not movements or random.random() < 0.5):
            world.send(shipments.pop(0))
        else:
            world.move_stock(movements.pop())
    if late:  # after the counts that include it were given up
        world.now_ms += COUNT_HORIZON_MS
        world.due()
        world.move_stock(late[0])
    assert not world.all_rows(Postponed)
    assert world.shelf("N1", "A").on_hand == house.there
    world.check()
