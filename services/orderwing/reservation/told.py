"""What regions tell each other of their stock, as both sides remember it: hints of whom to ask first, no more."""

from __future__ import annotations

from msgspec import field

from orderwing.kernel.row import Row


class Telling(Row, frozen=True, kw_only=True):
    """What a region has told others of its shelves, and has to tell. Never dropped.

    `number` counts its messages. `changed`: by shelf, the ATP level that others believe. `listeners` have been told all
    there was; those of `newcomers` are told the shelves of one site after another, so far those of `sites`.
    `wake_at_ms`: it tells again; no sooner than `next_ms`, unless much has changed.
    """

    region: str
    number: int = 0
    next_ms: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    listeners: tuple[str, ...] = ()
    newcomers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.region


class Told(Row, frozen=True, kw_only=True):
    """ATP of a SKU at sites of another region, as last told. Never dropped.

    `number` is that of the message, `as_of_ms` when it was so.
    """

    from_region: str
    sku: str
    number: int = 0
    as_of_ms: int = 0
    units: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.key_of(self.from_region, self.sku)

    @staticmethod
    def key_of(region: str, sku: str) -> str:
        return f"{region}/{sku}"


class ToldBy(Row, frozen=True, kw_only=True):
    """How much of another region's stock is known. Never dropped.

    `complete`: of a shelf that it has not told it has nothing. `as_of_ms`: when it told last.
    """

    from_region: str
    as_of_ms: int = 0
    complete: bool = False

    @property
    def key(self) -> str:
        return self.from_region


ROWS = (Telling, Told, ToldBy)
