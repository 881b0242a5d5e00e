"""What a batch of records comes to."""

from __future__ import annotations

from orderwing.views.batch import Batch
from orderwing.views.project import Command


def test_sums_are_added_up_and_of_values_and_levels_the_last_is_kept() -> None:
    batch = Batch(("stock.moved", 0), 7)
    told: list[list[Command]] = [
        [("HINCRBY", "counts", "a", 1), ("HSET", "facts:o", "x", b"1"), ("SADD", "pool:south", "p")],
        [("HINCRBY", "counts", "a", 2), ("HSET", "facts:o", "y", b"2"), ("SREM", "pool:south", "p")],
        [("HINCRBY", "totals", "a", 0), ("HSET", "facts:o", "x", b"3"), ("SHELF", "shelves", "s", "south", 9, 1, 0, 7)],
        [("HSET", "facts:p", "x", b"4"), ("SHELF", "shelves", "s", "south", 8, 1, 0, 8)],
    ]
    for commands in told:
        batch.add(commands)
    assert list(batch.commands()) == [
        ("HINCRBY", "counts", "a", 3),
        ("HINCRBY", "totals", "a", 0),
        ("HSET", "facts:o", "x", b"3", "y", b"2"),
        ("HSET", "facts:p", "x", b"4"),
        ("SHELF", "shelves", "s", "south", 8, 1, 0, 8),
        ("SADD", "pool:south", "p"),
        ("SREM", "pool:south", "p"),
    ]
