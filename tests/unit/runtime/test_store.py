from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwing.kernel.decision import Decision
from orderwing.kernel.row import Row
from orderwing.runtime.reference import ReferenceTable
from orderwing.runtime.store import Overlay, Store, Table, UnknownKindError, changelog_key, encode_row


class Shelf(Row, frozen=True, kw_only=True):
    """A test's row. Never dropped."""

    place: str
    units: int

    @property
    def key(self) -> str:
        return self.place


class Keyless(Shelf, frozen=True, kw_only=True):
    """A test's row of a kind that has no key. Never dropped."""

    place: str = ""
    units: int = 0

    @property
    def key(self) -> str:
        raise NotImplementedError


class Other(Shelf, frozen=True, kw_only=True):
    """Another kind with the same keys. Never dropped."""


def shelf(place: str, units: int = 1) -> Shelf:
    return Shelf(place=place, units=units)


def test_a_loaded_value_is_decoded_when_first_read() -> None:
    store = Store((Shelf,))
    store.load("Shelf:a|1", b"not even JSON")
    store.load("Shelf:a|2", encode_row(shelf("a|2", 5)))
    assert len(store) == 2
    assert store.tables[Shelf].get("a|2") == shelf("a|2", 5)
    with pytest.raises(Exception, match="malformed"):
        store.tables[Shelf].get("a|1")


def test_a_tombstone_removes_what_was_loaded() -> None:
    store = Store((Shelf,))
    for _ in range(2):
        store.load("Shelf:a|1", encode_row(shelf("a|1")))
    assert store.tables[Shelf].keys("a") == ["a|1"]
    store.load("Shelf:a|1", None)
    assert len(store) == 0
    assert store.tables[Shelf].keys("a") == []


def test_a_kind_that_is_no_longer_declared_is_not_passed_over() -> None:
    with pytest.raises(UnknownKindError, match="kind Gone"):
        Store((Shelf,)).load("Gone:a", b"{}")


def test_an_overlay_applies_a_decision_whole_or_not_at_all() -> None:
    overlay = Overlay(Store((Shelf,)), ReferenceTable())
    with pytest.raises(UnknownKindError):
        overlay.apply(Decision(puts=(shelf("a"), Other(place="b", units=1))), 1)
    with pytest.raises(NotImplementedError):
        overlay.apply(Decision(puts=(shelf("a"), Keyless())), 1)
    assert overlay.changes == {}


def test_changelog_keys_name_their_kind() -> None:
    assert changelog_key(Shelf, "a|1") == "Shelf:a|1"


def test_an_overlay_reads_nothing_for_batches_that_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    store, under = Store((Shelf,)), None
    for batch in range(4):  # as in a backlog: each on top of the one before, which is merged meanwhile
        overlay = Overlay(store, ReferenceTable(), under)
        place = f"a|{batch}"
        overlay.apply(Decision(puts=(shelf(place),)), 1)
        overlay.apply(Decision(drops=((Shelf, place),)), 2)
        if under is not None:
            store.merge(under.changes.items())
        under = overlay
    read: list[str] = []
    get = Table.get

    def watched(table: Table, key: str) -> Row | None:
        read.append(key)
        return get(table, key)

    monkeypatch.setattr(Table, "get", watched)
    last = Overlay(store, ReferenceTable(), Overlay(store, ReferenceTable(), under))
    assert list(last.scan(Shelf, "a")) == []
    assert read == []


_KEYS = st.sampled_from(["a", "a|1", "a|2", "a|10", "ab|1", "b", "b|1", "b|1|2"])
_CHANGES = st.lists(st.tuples(_KEYS, st.none() | st.integers(0, 9)), max_size=30)


def _decision(key: str, units: int | None) -> Decision:
    return Decision(drops=((Shelf, key),)) if units is None else Decision(puts=(shelf(key, units),))


def _scan(rows: dict[str, int], group: str) -> list[tuple[str, int]]:
    return [(key, rows[key]) for key in sorted(rows) if key == group or key.startswith(f"{group}|")]


@given(loaded=_CHANGES, batches=st.lists(_CHANGES, max_size=4), backlog=st.booleans())
def test_store_and_overlay_are_a_dictionary(loaded: list[Any], batches: list[list[Any]], backlog: bool) -> None:
    """In a backlog each batch is decided on top of the one before, which is merged then."""
    store = Store((Shelf, Other))
    rows: dict[str, int] = {}
    for key, units in loaded:
        store.load(f"Shelf:{key}", None if units is None else encode_row(shelf(key, units)))
        rows = {k: v for k, v in rows.items() if k != key} | ({} if units is None else {key: units})
    under: Overlay | None = None
    for batch in batches:
        overlay = Overlay(store, ReferenceTable(), under)
        for number, (key, units) in enumerate(batch):
            overlay.apply(_decision(key, units), number)
            rows = {k: v for k, v in rows.items() if k != key} | ({} if units is None else {key: units})
            for group in ("a", "ab", "b"):
                assert [(row.key, row.units) for row in overlay.scan(Shelf, group)] == _scan(rows, group)
                assert list(overlay.scan(Other, group)) == []
        if under is not None:
            store.merge(under.changes.items())
        under = overlay
        if not backlog:
            store.merge(overlay.changes.items())
            under = None
    if under is not None:
        store.merge(under.changes.items())
    table: Table = store.tables[Shelf]
    assert {key: row.units for key in table if isinstance(row := table.get(key), Shelf)} == rows
