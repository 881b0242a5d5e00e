"""The auditor's own books of shelves: logs that tell of more than movements, counts and shipments leave are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.audit_story import HELD, NETWORK, SHIPMENT, Story, delivered, moves, shelf, ships

SAFE = NETWORK.model_copy(
    update={"sites": tuple(site.model_copy(update={"safety_share_percent": 40}) for site in NETWORK.sites)}
)


def kinds(story: Story) -> set[str]:
    return {violation.kind for violation in story.violations()}


def holds(story: Story, part_id: str, units: int, cause: str) -> None:
    order_id = part_id.partition("/")[0]
    body = {"region": "south", "part_id": part_id, "order_id": order_id, "held": [{**HELD, "quantity": units}]}
    story.tell("stock.reserved", "stock.reserved.v1", body, "reservation", cause)


def moves_part(story: Story, part_id: str, held: list[dict[str, Any]], cause: str) -> None:
    """One and the same move of a part, told as often as it is called."""
    body = {"region": "south", "move_id": f"M-{part_id}", "moves": [{"part_id": part_id, "held": held}]}
    story.tell("stock.reserved", "hold.moved.v1", body, "reservation", cause)


def given_up(story: Story) -> None:
    """A count of three that waited in vain for movement 2."""
    moves(story, "counted", 3, on_hand=3, includes_sequence=2)
    shelf(story, "received", 4, 0, moves(story, "received", 4, quantity=1))
    vain = "movement 3 waited in vain for earlier ones"
    shelf(story, "counted", 3 + 1, 0, "reservation.deadlines/0/1", exception=vain)


# --- What must be found: after the delivery three units are left ------------------------------------------------------


def _more_told_than_put_there(story: Story) -> None:
    """The level told rises with nothing that put units there, and falls before anybody looks."""
    shelf(story, "held", 30, 20, "orders.cleared/0/1")
    shelf(story, "released", 3, 0, "payments.releases/0/0")


def _held_before_it_came(story: Story) -> None:
    shelf(story, "held", 8, 8, "orders.cleared/0/1")
    shelf(story, "received", 8, 8, moves(story, "received", 2, quantity=5))
    shelf(story, "released", 8, 0, "payments.releases/0/0")


def _counted_and_told_as_more(story: Story) -> None:
    counted = moves(story, "counted", 2, on_hand=3, includes_sequence=1)
    shelf(story, "counted", 30, 0, counted)
    shelf(story, "held", 30, 20, "orders.cleared/0/1")
    shelf(story, "released", 30, 0, "payments.releases/0/0")


def _counted_before_a_shipment_that_is_forgotten(story: Story) -> None:
    """Two more leave after the shipment that the count includes; the count is told as if they were still there."""
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    holds(story, "O9/south/1", 2, "orders.cleared/0/1")
    shelf(story, "shipped", 1, 0, ships(story, "O9/south/1/1", "O9/south/1", 2))
    counted = moves(story, "counted", 2, on_hand=3, includes_sequence=1, includes_shipment=SHIPMENT)
    shelf(story, "counted", 3, 0, counted)
    shelf(story, "held", 3, 3, "orders.cleared/0/2")
    shelf(story, "released", 3, 0, "payments.releases/0/0")


def _counted_with_a_loss_twice_ignored(story: Story) -> None:
    """The loss of two came after the count, and is gone from the books with it."""
    shelf(story, "adjusted", 1, 0, moves(story, "adjusted", 3, delta=-2))
    shelf(story, "counted", 3, 0, moves(story, "counted", 2, on_hand=3, includes_sequence=1))
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    shelf(story, "released", 3, 0, "payments.releases/0/0")


def _counted_too_late(story: Story) -> None:
    """The count has come and misses nothing, yet two units are promised before it is believed."""
    moves(story, "counted", 2, on_hand=1, includes_sequence=1)
    shelf(story, "received", 4, 0, moves(story, "received", 3, quantity=1))
    shelf(story, "held", 4, 4, "orders.cleared/0/1")
    shelf(story, "released", 4, 0, "payments.releases/0/0")


def _corrected_and_held_at_once(story: Story) -> None:
    adjusted = moves(story, "adjusted", 2, delta=-2)
    shelf(story, "adjusted", 1, 9, adjusted, exception="damage")
    shelf(story, "released", 1, 0, "payments.releases/0/0")


def _one_correction_excuses_all(story: Story) -> None:
    """A shelf with an exception on record may be told as anything that is more."""
    adjusted = moves(story, "adjusted", 2, delta=-4)
    shelf(story, "adjusted", 0, 0, adjusted, exception="adjustment 2 takes more than is on hand")
    shelf(story, "held", 20, 20, "orders.cleared/0/1")
    shelf(story, "released", 20, 0, "payments.releases/0/0")


def _shipped_what_nothing_held(story: Story) -> None:
    """Two leave that no part held, while a part holds all three."""
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    holds(story, "O8/south/1", 3, "orders.cleared/0/1")
    left = ships(story, "O9/south/1/1", "O9/south/1", 2)
    shelf(story, "shipped", 1, 3, left, exception="reserved exceeds stock less safety at dartford|TEA")
    shelf(story, "shipped", 0, 0, ships(story, "O8/south/1/1", "O8/south/1", 3))


def _parts_hold_the_same_units(story: Story) -> None:
    """Two parts are given the three units that are there; the shelf sets them aside once."""
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    for number in (8, 9):
        holds(story, f"O{number}/south/1", 3, f"orders.cleared/0/{number}")
    for number in (8, 9):
        moves_part(story, f"O{number}/south/1", [], f"allocation.requests/0/{number}")
    shelf(story, "released", 3, 0, "payments.releases/0/0")


def _warehouse_ships_what_was_only_counted_again(story: Story) -> None:
    shelf(story, "counted", 3, 0, moves(story, "counted", 2, on_hand=3, includes_sequence=1))
    line = {"line_id": "1", "sku": "TEA", "quantity": 5}
    story.warehouse.append({"status": "shipped", "shipment_id": "O9/1", "site_id": "dartford", "lines": [line]})


def _counted_before_many_shipments(story: Story) -> None:
    """The books of the count forget all but the last sixteen."""
    shelf(story, "received", 33, 0, moves(story, "received", 2, quantity=30))
    for number in range(20):
        ships(story, f"O9/south/1/{number}", "O9/south/1", 1)
    shelf(story, "shipped", 13, 0, ships(story, "O9/south/1/20", "O9/south/1", 0))
    counted = moves(story, "counted", 3, on_hand=33, includes_sequence=2, includes_shipment=SHIPMENT)
    shelf(story, "counted", 33 - 16, 0, counted)
    shelf(story, "held", 17, 17, "orders.cleared/0/1")
    shelf(story, "released", 17, 0, "payments.releases/0/0")


def _came_after_the_count_that_includes_it(story: Story) -> None:
    given_up(story)
    shelf(story, "received", 9, 0, moves(story, "received", 2, quantity=5))
    shelf(story, "held", 9, 9, "orders.cleared/0/1")
    shelf(story, "released", 9, 0, "payments.releases/0/0")


OVERSOLD = (
    _more_told_than_put_there, _held_before_it_came, _counted_and_told_as_more,
    _counted_before_a_shipment_that_is_forgotten, _counted_with_a_loss_twice_ignored, _counted_too_late,
    _corrected_and_held_at_once, _one_correction_excuses_all, _shipped_what_nothing_held, _parts_hold_the_same_units,
    _warehouse_ships_what_was_only_counted_again, _counted_before_many_shipments,
    _came_after_the_count_that_includes_it,
)  # fmt: skip


@pytest.mark.parametrize("plant", OVERSOLD, ids=[plant.__name__.strip("_") for plant in OVERSOLD])
def test_units_that_are_not_there_are_found_oversold(plant: Callable[[Story], None]) -> None:
    story = delivered()
    plant(story)
    assert "oversold" in kinds(story)
    assert story.judged().oversold_units > 0


def test_safety_is_not_for_sale() -> None:
    story = delivered()
    story.network = SAFE
    assert kinds(story) == {"stock"}  # five units came, and two of them should have been kept back
    for fact in story.facts:
        if fact.type == "stock.moved.v1":
            fact.body["shelves"][0]["safety"] = 2
    assert story.violations() == []
    shelf(story, "held", 3, 2, "orders.cleared/0/1", safety=1)
    shelf(story, "released", 3, 0, "payments.releases/0/0", safety=2)
    assert kinds(story) == {"stock"}


def test_what_reservation_never_wrote_down_is_found() -> None:
    story = delivered()
    moves(story, "adjusted", 2, delta=-2)
    assert kinds(story) == {"stock"}
    story = delivered()
    ships(story, "O9/south/1/1", "O9/south/1", 2)
    assert kinds(story) == {"stock"}


# --- What is in order -------------------------------------------------------------------------------------------------


def test_a_count_is_corrected_by_what_left_and_came_since() -> None:
    story = delivered()
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    shelf(story, "shipped", 1, 0, ships(story, "O9/south/1/1", "O9/south/1", 2))
    shelf(story, "received", 11, 0, moves(story, "received", 3, quantity=10))
    counted = moves(story, "counted", 2, on_hand=4, includes_sequence=1, includes_shipment=SHIPMENT)
    shelf(story, "counted", 4 - 2 + 10, 0, counted)
    assert story.violations() == []


def test_a_count_may_wait_for_a_movement_and_a_shipment() -> None:
    story = delivered()
    moves(story, "counted", 3, on_hand=4, includes_sequence=2, includes_shipment="O9/south/1/1")
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    received = moves(story, "received", 2, quantity=5)
    shelf(story, "received", 8, 2, received)
    left = ships(story, "O9/south/1/1", "O9/south/1", 2)
    shelf(story, "shipped", 6, 0, left)
    shelf(story, "counted", 4, 0, left)
    assert story.violations() == []


def test_a_count_that_waits_may_be_the_last_movement() -> None:
    """Nothing tells of its coming but the shipment that it waited for."""
    story = delivered()
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    shelf(story, "received", 5, 2, moves(story, "received", 2, quantity=2))
    moves(story, "counted", 3, on_hand=1, includes_sequence=1, includes_shipment="O9/south/1/1")
    left = ships(story, "O9/south/1/1", "O9/south/1", 2)
    shelf(story, "shipped", 3, 0, left)
    shelf(story, "counted", 3, 0, left)
    shelf(story, "held", 3, 3, "orders.cleared/0/2")
    shelf(story, "released", 3, 0, "payments.releases/0/0")
    assert story.violations() == []


def test_a_later_count_may_be_complete_before_an_earlier_one() -> None:
    story = delivered()
    moves(story, "counted", 4, on_hand=9, includes_sequence=3)  # the third never comes
    moves(story, "counted", 5, on_hand=2, includes_sequence=1, includes_shipment="O9/south/1/1")
    shelf(story, "held", 3, 2, "orders.cleared/0/1")
    left = ships(story, "O9/south/1/1", "O9/south/1", 2)
    shelf(story, "shipped", 1, 0, left)
    shelf(story, "counted", 2, 0, left)
    assert story.violations() == []


def test_what_comes_after_the_count_that_includes_it_changes_nothing_but_older_counts() -> None:
    story = delivered()
    given_up(story)
    shelf(story, "received", 4, 0, moves(story, "received", 2, quantity=5), exception="counted already")
    assert story.violations() == []
    shelf(story, "counted", 2 + 5 + 1, 0, moves(story, "counted", 5, on_hand=2, includes_sequence=1))
    assert story.violations() == []


def test_what_was_given_up_once_is_not_waited_for_again() -> None:
    story = delivered()
    given_up(story)
    shelf(story, "counted", 9, 0, moves(story, "counted", 5, on_hand=9, includes_sequence=4))
    assert story.violations() == []
    shelf(story, "counted", 8, 0, moves(story, "counted", 7, on_hand=8, includes_sequence=6))
    assert kinds(story) == {"stock"}, "movement 6 is still waited for"


def test_an_older_count_changes_nothing() -> None:
    story = delivered()
    shelf(story, "counted", 2, 0, moves(story, "counted", 3, on_hand=2, includes_sequence=1))
    moves(story, "counted", 2, on_hand=9, includes_sequence=1)
    shelf(story, "held", 2, 2, "orders.cleared/0/1")
    shelf(story, "released", 2, 0, "payments.releases/0/0")
    assert story.violations() == []


def test_a_loss_waits_for_the_receipt_that_it_is_a_loss_of() -> None:
    story = delivered()
    moves(story, "adjusted", 3, delta=-5)
    received = moves(story, "received", 2, quantity=5)
    shelf(story, "received", 8, 0, received)
    shelf(story, "adjusted", 3, 0, received)
    assert story.violations() == []


def test_units_held_before_a_correction_may_ship_after_it() -> None:
    story = delivered()
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    holds(story, "O9/south/1", 3, "orders.cleared/0/1")
    over = "reserved exceeds stock less safety at dartford|TEA"
    shelf(story, "counted", 1, 3, moves(story, "counted", 2, on_hand=1, includes_sequence=1), exception=over)
    left = ships(story, "O9/south/1/1", "O9/south/1", 3)
    shelf(story, "shipped", 0, 0, left, exception="shipment took 2 units that were not on the books")
    assert story.violations() == []
    assert story.judged().oversold_units == 0


def test_a_correction_excuses_no_promise_that_follows() -> None:
    story = delivered()
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    over = "reserved exceeds stock less safety at dartford|TEA"
    shelf(story, "counted", 1, 3, moves(story, "counted", 2, on_hand=1, includes_sequence=1), exception=over)
    shelf(story, "released", 1, 2, "payments.releases/0/0")
    assert kinds(story) == {"stock"}  # two stand reserved, and no part holds them
    shelf(story, "held", 1, 3, "orders.cleared/0/2", exception=over)
    assert "oversold" in kinds(story)
    assert story.judged().oversold_units == 1


def test_what_was_not_found_is_off_the_books_once() -> None:
    story = delivered()
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    holds(story, "O9/south/1", 3, "orders.cleared/0/1")
    missing = {"line_id": "1", "sku": "TEA", "quantity": 1}
    named = {"region": "south", "order_id": "O9", "part_id": "O9/south/1", "shipment_id": "O9/south/1/1"}
    asked = {**named, "site_id": "dartford", "missing": [missing]}
    for _ in range(2):
        short = story.tell("allocation.requests", "hold.replacement_requested.v1", dict(asked), "allocation", "x/0/0")
        if short.offset == 0:
            shelf(story, "short_pick", 2, 2, short.place, exception="found fewer units than on the books")
    shelf(story, "shipped", 0, 0, ships(story, "O9/south/1/1", "O9/south/1", 2))
    assert story.violations() == []


def test_an_input_behind_a_dead_letter_comes_when_it_is_redriven() -> None:
    story = delivered()
    dead = moves(story, "received", 2, quantity=4)
    letter = {"topic": "stock.movements", "partition": 0, "offset": int(dead.rpartition("/")[2]), "order_id": None}
    story.tell("reservation.dead-letters", "record.dead_lettered.v1", letter, "reservation")
    shelf(story, "received", 5, 0, moves(story, "received", 3, quantity=2))
    assert story.violations() == []
    shelf(story, "received", 9, 0, dead)
    assert story.violations() == []


def test_what_came_after_the_audits_end_is_not_judged() -> None:
    story = delivered()
    late = shelf(story, "received", 9, 0, "stock.movements/0/7")
    assert story.judged(settled_before_wall_ms=late.wall_ms).count("stock") == 0
    assert story.judged().count("stock") > 0


def test_a_move_told_again_moves_nothing() -> None:
    story = delivered()
    shelf(story, "held", 3, 3, "orders.cleared/0/1")
    holds(story, "O9/south/1", 3, "orders.cleared/0/1")
    moves_part(story, "O9/south/1", [{**HELD, "quantity": 3}], "allocation.requests/0/0")
    shelf(story, "shipped", 0, 0, ships(story, "O9/south/1/1", "O9/south/1", 3))
    moves_part(story, "O9/south/1", [{**HELD, "quantity": 3}], "allocation.requests/0/1")
    assert story.violations() == []
