"""A stranger's records on topics of ours."""

from __future__ import annotations

import pytest

from orderwing.kernel.ports import Record
from orderwing.runtime import publish
from orderwing.runtime.clock import DomainClock, clock_of
from orderwing.runtime.publish import Published, published
from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.events.reference import CataloguePublished, ClockFixed
from orderwing_schemas.network import Item

ITEM = Item(sku="A", weight_g=1, volume_cm3=1, capacity=1, list_price_minor=1)
GARBAGE = (
    (b"\xff", None),
    (b"{}", "clock.fixed.v1"),
    (b'{"name": "Ada Lovelace"}', "nobody.knows.v1"),
    (b"[1,", "catalogue.published.v1"),
)


def garbage(topic: str) -> list[Record]:
    return [
        Record(topic, 0, n, b"\xfe", value, (("ce_type", told.encode()),) if told is not None else (), 0)
        for n, (value, told) in enumerate(GARBAGE)
    ]


def ours(topic: str, offset: int, event: Event) -> Record:
    return Record(topic, 0, offset, b"key", encode(event), (("ce_type", event.EVENT_TYPE.encode()),), 0)


def test_the_clock_is_found_behind_garbage(caplog: pytest.LogCaptureFixture) -> None:
    fixed = ours("clock", 9, ClockFixed(start_ms=5, wall0_ms=7, factor=60.0))
    assert clock_of([*garbage("clock"), fixed]) == DomainClock(5, 7, 60.0)
    assert len(caplog.messages) == len(GARBAGE)
    assert "clock/0@2" in caplog.messages[2]
    assert "Ada" not in caplog.text


def test_what_is_published_is_read_behind_garbage_and_unreadable_tombstones() -> None:
    catalogue = ours("reference", 9, CataloguePublished(key="catalogue-0", items=(ITEM,)))
    tombstone = Record("reference", 0, 10, b"\xfe", None, (), 0)
    assert published([*garbage("reference"), catalogue, tombstone]) == Published(None, {"catalogue-0": (ITEM,)})


def test_chunks_are_taken_back_in_the_order_of_their_keys() -> None:
    before = Published(None, {f"catalogue-{n}": (ITEM,) for n in (3, 1, 7, 5, 2)})
    keys = [change.key for change in publish._changes(before, Published(None, {}))]
    assert keys == [b"catalogue-1", b"catalogue-2", b"catalogue-3", b"catalogue-5", b"catalogue-7"]
