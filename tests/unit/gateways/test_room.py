"""When the gateway fetches more."""

from __future__ import annotations

from orderwing.gateways.room import Room


def test_calls_that_hang_do_not_keep_the_other_places_empty() -> None:
    room = Room(at_once=512, many=128, rest_s=0.25)
    assert room.left(400, 10.0) == 112
    assert room.left(512, 10.0) == 0
    assert room.left(400, 10.2) == 0
    assert room.left(400, 10.25) == 112
    assert room.left(511, 10.3) == 1  # it was not full again


def test_many_that_end_are_replaced_at_once() -> None:
    room = Room(at_once=512, many=128, rest_s=0.25)
    assert room.left(512, 10.0) == 0
    assert room.left(385, 10.001) == 0
    assert room.left(384, 10.002) == 128


def test_full_for_long_it_gives_the_first_place_there_is() -> None:
    room = Room(at_once=512, many=128, rest_s=0.25)
    assert [room.left(512, 10.0 + n) for n in range(9)] == [0] * 9
    assert room.left(511, 19.0) == 1


def test_a_consumer_is_not_stopped_for_each_answer() -> None:
    """An answer every other turn, five thousand in ten seconds, and what there is room for is asked at once."""
    room = Room(at_once=512, many=1_000, rest_s=0.25)
    under_way, starts, asked = 512, 0, 0
    for turn in range(10_000):
        more = room.left(under_way, turn / 1000)
        starts += more > 0
        asked += more
        under_way += more - turn % 2
    assert asked > 4_700
    assert 30 <= starts <= 90
