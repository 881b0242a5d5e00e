"""What the re-optimizer remembers of several records at once."""

from __future__ import annotations

from orderwing.reoptimizer.memory import Memory
from orderwing.reoptimizer.pool import decode_shelf
from orderwing_schemas.domain import ShelfLevel
from orderwing_schemas.events.reservation import StockMoved


class Written(dict[bytes, bytes]):
    """Counts what is written: in a table each is a record."""

    times = 0

    def __setitem__(self, key: bytes, value: bytes, /) -> None:
        self.times += 1
        super().__setitem__(key, value)


def moved(site_id: str, *levels: tuple[str, int]) -> StockMoved:
    shelves = [ShelfLevel(site_id=site_id, sku=sku, on_hand=units, reserved=0, safety=0) for sku, units in levels]
    return StockMoved(region="south", kind="held", order_id=None, shelves=tuple(shelves))


def test_of_several_levels_of_a_shelf_the_last_is_written_once() -> None:
    shelves = Written()
    parts: dict[bytes, bytes] = {}
    memory = Memory(parts, shelves)
    told = [moved("a", ("tea", 5), ("cup", 2)), moved("b", ("tea", 1)), moved("a", ("tea", 4)), moved("a", ("tea", 3))]
    memory.learn([(event, 0) for event in told])
    assert shelves.times == 3
    memory.learn([(moved("a", ("tea", 3), ("cup", 1)), 0)])
    assert shelves.times == 4, "what is known already is not written"
    assert sorted(map(decode_shelf, memory.levels()["south"])) == [
        (("a", "cup"), 1),
        (("a", "tea"), 3),
        (("b", "tea"), 1),
    ]
