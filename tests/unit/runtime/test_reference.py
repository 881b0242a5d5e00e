"""The catalogue as a stage sees it while chunks change."""

from orderwing.kernel.ports import Record
from orderwing.runtime.operator_log import outgoing
from orderwing.runtime.reference import ReferenceTable
from orderwing_schemas.base import Event
from orderwing_schemas.events.reference import CataloguePublished, SteeringPriced
from orderwing_schemas.network import Item
from orderwing_schemas.steering import ShelfPrice


def item(sku: str) -> Item:
    return Item(sku=sku, weight_g=1, volume_cm3=1, capacity=1, list_price_minor=1)


def record(key: str, event: Event | None) -> Record:
    made = outgoing("reference", 0, key, event)
    return Record("reference", 0, 0, made.key, made.value, tuple(made.headers), 0)


def chunk(number: int, *skus: str) -> Record:
    key = f"catalogue-{number}"
    return record(key, CataloguePublished(key=key, items=tuple(item(sku) for sku in skus)))


def known(table: ReferenceTable, *skus: str) -> list[str]:
    return [sku for sku in skus if table.item(sku) is not None]


def test_an_item_that_moves_to_another_chunk_stays() -> None:
    table = ReferenceTable()
    for written in (chunk(0, "A", "B"), chunk(1, "C", "D"), chunk(0, "A", "C"), chunk(1, "D", "B")):
        table.apply(written)
    assert known(table, "A", "B", "C", "D") == ["A", "B", "C", "D"]


def test_what_its_chunk_lacks_now_is_gone() -> None:
    table = ReferenceTable()
    for written in (chunk(0, "A", "B"), chunk(1, "C"), chunk(0, "A")):
        table.apply(written)
    assert known(table, "A", "B", "C") == ["A", "C"]
    table.apply(record("catalogue-1", None))
    assert known(table, "A", "B", "C") == ["A"]


def priced(number: int, version: int, **minor: int) -> Record:
    key = f"steering-{number}"
    prices = tuple(ShelfPrice(site_id="S", sku=sku, price_minor=price) for sku, price in minor.items())
    return record(key, SteeringPriced(key=key, version=version, valid_from_ms=10, valid_until_ms=20, prices=prices))


def test_a_price_steers_while_its_list_is_in_force_and_moves_between_chunks() -> None:
    table = ReferenceTable()
    for written in (priced(0, 1, A=1, B=2), priced(1, 1, C=3, D=4), priced(0, 2, A=5, C=6), priced(1, 2, D=7)):
        table.apply(written)
    assert [table.steering_minor("S", sku, 10) for sku in "ABCD"] == [5, 0, 6, 7]
    assert [table.steering_minor("S", "A", now_ms) for now_ms in (9, 19, 20)] == [0, 5, 0]
    assert table.steering_minor("T", "A", 10) == 0
    table.apply(record("steering-0", None))
    assert [table.steering_minor("S", sku, 10) for sku in "ABCD"] == [0, 0, 0, 7]
