"""What regions tell each other of their stock: what has changed, batched, bounded, and once."""

from __future__ import annotations

import msgspec
import pytest

from orderwing.kernel.row import Row
from orderwing.kernel.view import Draft
from orderwing.reservation.hearing import known
from orderwing.reservation.stage import STAGE
from orderwing.reservation.telling import MESSAGE_SHELVES, MUCH, level, most
from orderwing.reservation.told import ROWS, Telling
from orderwing.runtime.store import encode_row
from orderwing_schemas.events.reservation import StockTold
from support.reservation_world import MINUTE_MS, START_MS, World, network, of_kind, order


def told(world: World) -> list[StockTold]:
    """Since asked last."""
    messages = of_kind(world.emitted, StockTold)
    world.emitted.clear()
    return messages


def settled() -> World:
    """Everybody knows that N1 has 100 A."""
    world = World()
    world.receive("N1", "A", 100)
    world.tell()
    told(world)
    return world


@pytest.mark.parametrize(
    ("units", "lowest", "highest"),
    [(-3, 0, 0), (0, 0, 0), (1, 1, 1), (3, 3, 3), (4, 4, 7), (7, 4, 7), (8, 8, 15), (100, 64, 127)],
)
def test_a_level_bounds_what_a_shelf_may_have(units: int, lowest: int, highest: int) -> None:
    assert level(units) == lowest
    assert most(max(0, units)) == highest
    assert level(highest) == lowest < level(highest + 1)


def test_a_change_is_told_at_once_and_the_next_a_minute_later() -> None:
    world = settled()
    world.now_ms += 10 * MINUTE_MS
    world.receive("N1", "A", 100)
    world.receive("N2", "B", 1)
    world.due()
    messages = told(world)
    assert [(m.region, m.shelves) for m in messages] == [
        (region, (("N1", "A", 200), ("N2", "B", 1))) for region in ("south", "west")
    ]
    assert {m.as_of_ms for m in messages} == {world.now_ms}
    world.receive("N2", "B", 1)
    world.now_ms += MINUTE_MS - 1
    world.due()
    assert told(world) == []
    world.now_ms += 1
    world.due()
    assert [m.shelves for m in told(world)] == [(("N2", "B", 2),)] * 2
    world.now_ms += 60 * MINUTE_MS
    world.due()
    assert told(world) == []


def test_a_full_shelf_that_loses_a_unit_is_not_worth_a_word() -> None:
    world = settled()
    world.request(order("o1", {"A": 3}))
    world.now_ms += 10 * MINUTE_MS
    world.due()
    assert told(world) == []


def test_what_is_again_as_others_believe_is_not_told() -> None:
    world = settled()
    world.request(order("o1", {"A": 90}))
    world.now_ms += 30 * MINUTE_MS
    view = world.views["north"]
    (hold,) = (row for row in view.rows.values() if getattr(row, "order_id", "") == "o1")
    view.apply(STAGE.due(view, hold, world.now_ms))
    world.due()
    assert told(world) == []


def test_much_at_once_is_told_without_delay_in_messages_of_bounded_size() -> None:
    world = settled()
    world.receive("N1", "B", 1)
    world.due()
    told(world)
    for number in range(MESSAGE_SHELVES + 1):
        world.receive("N1", f"sku-{number}", 1)
        row = world.views["north"].get(Telling, "north")
        assert row is not None
        assert (row.wake_at_ms == 0) == (number + 1 >= MUCH)
    world.due()
    assert [len(m.shelves) for m in told(world)] == [MESSAGE_SHELVES] * 2 + [1] * 2


def test_a_region_that_joins_is_told_all_there_is_site_by_site() -> None:
    before = World(network(regions=("north", "south")))
    before.receive("N1", "A", 2)
    before.receive("N2", "B", 5)
    before.tell()
    world = World(now_ms=before.now_ms + MINUTE_MS, sequences=before.sequences)
    world.views["north"].rows = before.views["north"].rows
    world.receive("N1", "C", 1)
    world.due()
    first = {m.region: m for m in told(world) if m.shelves != (("N1", "C", 1),)}
    assert {region: (m.shelves, m.complete) for region, m in first.items()} == {
        "west": ((("N1", "A", 2), ("N1", "C", 1)), False)
    }
    world.now_ms += MINUTE_MS
    world.due()
    assert [(m.region, m.shelves, m.complete) for m in told(world)] == [("west", (("N2", "B", 5),), True)]
    world.now_ms += MINUTE_MS
    world.due()
    assert told(world) == []


def test_what_is_known_of_a_region() -> None:
    world = World()
    world.receive("N1", "A", 100)
    world.due()
    world.settle()
    west = world.views["west"]
    draft = Draft(west)
    assert known(draft, "north", ("A", "B")).units == {
        ("N1", "A"): 100,
        ("N2", "A"): None,
        ("N1", "B"): None,
        ("N2", "B"): None,
    }
    world.tell()
    north = known(draft, "north", ("A", "B"))
    assert north.units == {("N1", "A"): 100, ("N2", "A"): 0, ("N1", "B"): 0, ("N2", "B"): 0}
    assert north.as_of_ms == START_MS
    assert known(draft, "north", ("B",)).as_of_ms == START_MS + MINUTE_MS
    assert known(draft, "south", ("A",)).as_of_ms is None


def test_older_words_change_nothing() -> None:
    world = World()

    def say(number: int, units: int) -> None:
        world.send(
            StockTold(
                region="west", from_region="north", number=number, as_of_ms=START_MS, shelves=(("N1", "A", units),)
            )
        )

    say(5, 3)
    say(4, 9)
    say(5, 8)
    draft = Draft(world.views["west"])
    assert known(draft, "north", ("A",)).units["N1", "A"] == 3
    say(6, 1)
    assert known(draft, "north", ("A",)).units["N1", "A"] == 1


def test_a_region_without_others_tells_nobody() -> None:
    world = World(network(regions=("north",)))
    world.receive("N1", "A", 5)
    assert not world.all_rows(Telling)


@pytest.mark.parametrize("kind", ROWS)
def test_rows_survive_a_restart(kind: type[Row]) -> None:
    world = World()
    world.receive("N1", "A", 5)
    world.due()
    world.settle()
    world.receive("N1", "B", 5)
    rows = world.all_rows(kind)
    assert rows
    assert [msgspec.json.decode(encode_row(row), type=kind) for row in rows] == rows
