"""The rows of one partition, and the overlay in which a batch changes them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Set

import msgspec

from orderwing.kernel.decision import Decision
from orderwing.kernel.row import R, Row, group_of
from orderwing.kernel.view import Reference

encode_row = msgspec.json.Encoder().encode
Place = tuple[type[Row], str]
_NONE: Set[str] = frozenset()


class UnknownKindError(LookupError):
    """A row of a kind that the stage does not declare."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """What a decision made of a row: `row` is None when dropped; `number` is that of the decision."""

    row: Row | None
    number: int


class Table:
    """The rows of one kind. Values stay bytes until first read: a restore of a million rows decodes none."""

    __slots__ = ("_decode", "_groups", "_rows", "kind", "name")

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        self.name = kind.__name__
        self._decode = msgspec.json.Decoder(kind).decode
        self._rows: dict[str, Row | bytes] = {}
        self._groups: dict[str, list[str]] | None = {}  # keys in order; keys without a rest are not in it

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def get(self, key: str) -> Row | None:
        row = self._rows.get(key)
        if type(row) is bytes:
            row = self._rows[key] = self._decode(row)
        return row  # type: ignore[return-value]  # decoded above

    def keys(self, group: str) -> list[str]:
        """The keys `group` and `group|...`, in order."""
        keys = self._index().get(group, [])
        return [group, *keys] if group in self._rows else keys

    def load(self, key: str, value: bytes | None) -> None:
        """One record of the changelog; the index is made when first asked for."""
        self._groups = None
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def put(self, row: Row, key: str) -> None:
        if key not in self._rows and "|" in key:
            insort(self._index().setdefault(group_of(key), []), key)
        self._rows[key] = row

    def drop(self, key: str) -> None:
        if self._rows.pop(key, None) is None or "|" not in key:
            return
        index = self._index()
        keys = index.get(group_of(key), [])
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            del keys[place]
        if not keys:
            index.pop(group_of(key), None)

    def _index(self) -> dict[str, list[str]]:
        if self._groups is None:
            self._groups = {}
            for key in self._rows:
                if "|" in key:
                    self._groups.setdefault(group_of(key), []).append(key)
            for keys in self._groups.values():
                keys.sort()
        return self._groups


class Store:
    """All rows of one partition, by kind."""

    def __init__(self, kinds: Iterable[type[Row]]) -> None:
        self.tables: dict[type[Row], Table] = {kind: Table(kind) for kind in kinds}
        self._by_name = {table.name: table for table in self.tables.values()}

    def __len__(self) -> int:
        return sum(len(table) for table in self.tables.values())

    def load(self, changelog_key: str, value: bytes | None) -> None:
        """Raises UnknownKindError."""
        name, _, key = changelog_key.partition(":")
        table = self._by_name.get(name)
        if table is None:
            raise UnknownKindError(
                f"The changelog has rows of kind {name}, which this stage no longer declares: "
                "declare it until all of them are dropped."
            )
        table.load(key, value)

    def find(self, changelog_key: str) -> Row | None:
        name, _, key = changelog_key.partition(":")
        return self._by_name[name].get(key)

    def merge(self, changes: Iterable[tuple[Place, Change]]) -> None:
        for (kind, key), change in changes:
            if change.row is None:
                self.tables[kind].drop(key)
            else:
                self.tables[kind].put(change.row, key)


class Overlay:
    """A View of the store with the changes of the batch so far, on top of those of `under`, not merged yet."""

    def __init__(self, store: Store, reference: Reference, under: Overlay | None = None) -> None:
        self.reference = reference
        self.changes: dict[Place, Change] = {}
        self._tables = store.tables
        self._groups: dict[Place, set[str]] = {}  # keys without a rest are not in it
        # Not all that `under` sees: what was before it is merged.
        self._changes_under: dict[Place, Change] = {} if under is None else under.changes
        self._groups_under: dict[Place, set[str]] = {} if under is None else under._groups

    def get(self, kind: type[R], key: str) -> R | None:
        place = (kind, key)
        change = self.changes.get(place) or self._changes_under.get(place)
        row = self._tables[kind].get(key) if change is None else change.row
        return row  # type: ignore[return-value]  # keyed by its own kind

    def scan(self, kind: type[R], group: str) -> Iterator[R]:
        place = (kind, group)
        keys = self._tables[kind].keys(group)
        changed = self._groups.get(place, _NONE) | self._groups_under.get(place, _NONE)
        if place in self.changes or place in self._changes_under:
            changed |= {group}
        if changed:
            keys = sorted({*keys, *changed})
        for key in tuple(keys):
            row = self.get(kind, key)
            if row is not None:
                yield row

    def apply(self, decision: Decision, number: int) -> None:
        """Raises UnknownKindError for rows of a kind that the stage does not declare, before anything is changed."""
        puts: list[Place] = [(type(row), row.key) for row in decision.puts]
        for kind, _ in (*puts, *decision.drops):
            if kind not in self._tables:
                raise UnknownKindError(f"{kind.__name__} is not declared by the stage")
        for (kind, key), row in zip(puts, decision.puts, strict=True):
            self._note(kind, key, Change(row, number))
        for kind, key in decision.drops:
            self._note(kind, key, Change(None, number))

    def _note(self, kind: type[Row], key: str, change: Change) -> None:
        self.changes[kind, key] = change
        if "|" in key:
            self._groups.setdefault((kind, group_of(key)), set()).add(key)


def changelog_key(kind: type[Row], key: str) -> str:
    return f"{kind.__name__}:{key}"
