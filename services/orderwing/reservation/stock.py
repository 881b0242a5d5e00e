"""What reservation remembers of stock. A partition may host several regions, so keys name the site."""

from __future__ import annotations

from msgspec import Raw

from orderwing.kernel.row import Row

DAY_MS = 86_400_000
COUNT_HORIZON_MS = 7 * DAY_MS  # a count may look back this far for movements and shipments
SHIPPED_TAIL = 16  # shipments of a shelf that a count may have to subtract


class Shelf(Row, frozen=True, kw_only=True):
    """Stock of one SKU at one site, in units. Never dropped.

    `expected`: (due_ms, quantity) on order. `shipped`: (site's shipment number, quantity) of the last shipments.
    `counted`: the sequence of the last count applied.
    """

    site_id: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    safety: int = 0
    expected: tuple[tuple[int, int], ...] = ()
    shipped: tuple[tuple[int, int], ...] = ()
    counted: int = 0

    @property
    def key(self) -> str:
        return f"{self.site_id}|{self.sku}"

    @property
    def atp(self) -> int:
        return self.on_hand - self.reserved - self.safety


class SiteLog(Row, frozen=True, kw_only=True):
    """Which movements of a site have come: all up to `mark` and those `ahead`, so gaps show. Never dropped.

    `shipments` numbers the site's shipments in the order in which they came.
    """

    site_id: str
    mark: int = 0
    ahead: tuple[int, ...] = ()
    shipments: int = 0

    @property
    def key(self) -> str:
        return self.site_id


class Moved(Row, frozen=True, kw_only=True):
    """A movement's effect on a shelf, for counts that do not include it. Dropped after `COUNT_HORIZON_MS`."""

    site_id: str
    sku: str
    sequence: int
    delta: int

    @property
    def key(self) -> str:
        return f"{self.site_id}/{self.sku}|{self.sequence:012d}"


class Postponed(Row, frozen=True, kw_only=True):
    """A movement that waits for earlier ones (a count also for a shipment), as the event's JSON.

    Dropped when it is applied, at the latest by its deadline after `COUNT_HORIZON_MS`.
    """

    site_id: str
    sequence: int
    event: Raw

    @property
    def key(self) -> str:
        return f"{self.site_id}|{self.sequence:012d}"


class Shipped(Row, frozen=True, kw_only=True):
    """A shipment that has left, by its number at the site. Dropped `duplicate_horizon_days` after."""

    order_id: str
    site_id: str
    shipment_id: str
    number: int

    @property
    def key(self) -> str:
        return f"{self.site_id}/{self.shipment_id}"


ROWS = (Shelf, SiteLog, Moved, Postponed, Shipped)
