"""What reservation remembers of orders (of shelves: `stock`). Keys name the region: a partition may host several."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orderwing.kernel.row import Row
from orderwing.reservation import rules, stock, told

NO_ORDER = msgspec.Raw(b"null")


class Units(msgspec.Struct, frozen=True, array_like=True):
    """Units of an order line. The fields are those of `LineQuantity`."""

    line_id: str
    sku: str
    quantity: int


class Held(msgspec.Struct, frozen=True, array_like=True):
    """Units of an order line on a shelf. The fields are those of `HeldLine`."""

    line_id: str
    sku: str
    site_id: str
    quantity: int


class Remote(msgspec.Struct, frozen=True, array_like=True):
    """What another region holds for the order since the slip passed, not yet confirmed or given back."""

    region: str
    slip: int
    held: tuple[Held, ...]


class HoldState(StrEnum):
    NEW = "new"  # extended before it was asked for: `wake_at_ms` is all that is known
    SOFT = "soft"
    ASKING = "asking"  # soft, a slip is on its way
    FIRM = "firm"  # all that comes now is in parts; `open` waits
    FIRM_ASKING = "firm_asking"  # cleared, a slip is on its way
    LAPSED = "lapsed"
    RELEASED = "released"  # a tombstone for whatever comes late
    ENDED = "ended"  # all parts have shipped and nothing waits


class Hold(Row, frozen=True, kw_only=True, omit_defaults=True):
    """An order's hold in its home region, which alone answers for it.

    `held` (home), `remote` and `open` (held nowhere) are what is not yet in a part. `awaiting` is the slip on its way
    (0: none), `boxed` the one that sought also what home holds (0: none did), `asked` what other regions were asked for
    and have not found, `left` the wants left everywhere, `offers` regions that offered while a slip was away, `parts`
    those not yet shipped, `sites` where those made by a policy were held at first, `declined` in all, `needs` the short
    picks noted, `replaces` the part of the last. `spare`: while a slip is away for exactly what all regions together
    were to send, what of `held` others are to send. `sought_by` the rules by which other regions were last sought. Once
    firm, `order` is its JSON.
    `wake_at_ms`: a soft hold lapses; a tombstone or an ended hold is dropped `duplicate_horizon_days` after its end,
    a new one that nobody asked for at once.
    """

    order_id: str
    version: int
    home: str
    state: HoldState = HoldState.NEW
    held: tuple[Held, ...] = ()
    remote: tuple[Remote, ...] = ()
    open: tuple[Units, ...] = ()
    slips: int = 0
    awaiting: int = 0
    boxed: int = 0
    spare: tuple[Held, ...] | None = None
    asked: tuple[Units, ...] = ()
    left: tuple[Units, ...] = ()
    offers: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    part_count: int = 0
    sites: tuple[str, ...] = ()
    declined: tuple[Units, ...] = ()
    needs: tuple[str, ...] = ()
    replaces: str | None = None
    sought_by: str = ""
    order: msgspec.Raw = NO_ORDER

    @property
    def key(self) -> str:
        return hold_key(self.order_id, self.version)


class RemoteState(StrEnum):
    ASKED = "asked"
    KEPT = "kept"
    GIVEN_BACK = "given_back"


class RemoteHold(Row, frozen=True, kw_only=True):
    """What a slip holds in a region until home confirms it or gives it back; no deadline till then.

    Then, or if it holds nothing, a tombstone against duplicates, dropped `duplicate_horizon_days` later.
    """

    order_id: str
    version: int
    region: str
    slip: int
    state: RemoteState = RemoteState.ASKED
    held: tuple[Held, ...] = ()
    order: msgspec.Raw = NO_ORDER

    @property
    def key(self) -> str:
        return f"{self.order_id}|{self.version}|{self.region}|{self.slip}"


class Part(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A firm hold in one region, what of it has not shipped. Dropped `duplicate_horizon_days` after it is empty.

    `last_move` is the move applied last, `short` the shipments whose short pick is noted, `barred` the sites to which
    the policy that was in force lets nothing of it be moved.
    """

    part_id: str
    order_id: str
    version: int
    region: str
    home: str
    held: tuple[Held, ...]
    last_move: str = ""
    short: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.part_id


class Want(Row, frozen=True, kw_only=True):
    """Units that an order would take in a region, found in the order of its promise. Dropped when home says so.

    `whole`: taken with all the order's other lines or not at all.
    """

    order_id: str
    version: int
    region: str
    home: str
    sku: str
    due_ms: int
    quantity: int
    whole: bool

    @property
    def key(self) -> str:
        return self.key_of(self.region, self.sku, self.due_ms, self.order_id, self.version)

    @staticmethod
    def key_of(region: str, sku: str, due_ms: int, order_id: str, version: int) -> str:
        return f"{region}/{sku}|{due_ms:015d}|{order_id}|{version}"


class WantList(Row, frozen=True, kw_only=True):
    """(SKU, due_ms) of an order's wants in a region. Dropped with them."""

    order_id: str
    version: int
    region: str
    wants: tuple[tuple[str, int], ...]

    @property
    def key(self) -> str:
        return self.key_of(self.order_id, self.version, self.region)

    @staticmethod
    def key_of(order_id: str, version: int, region: str) -> str:
        return f"{order_id}|{version}|{region}"


def hold_key(order_id: str, version: int) -> str:
    return f"{order_id}|{version}"


ROWS = (*stock.ROWS, *told.ROWS, *rules.ROWS, Hold, RemoteHold, Part, Want, WantList)
