"""What reservation remembers of stock. A partition may host several regions, so keys name the site."""

from __future__ import annotations

from msgspec import Raw

from orderwing.kernel.row import Row

DAY_MS = 86_400_000
COUNT_HORIZON_MS = 7 * DAY_MS  # a count may come this late, and wait as long again
GAP_HORIZON_MS = DAY_MS  # a movement that has not come so long after a later one is given up
MOST_EXPECTED = 100  # deliveries on order for a shelf: its row is written at each change
OVERDUE_MS = 30 * DAY_MS  # a delivery that has not come so long after it was due is not expected any more
REMEMBERED_MS = 2 * COUNT_HORIZON_MS  # so after that none asks for movements and shipments any more


class Shelf(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Stock of one SKU at one site, in units. Never dropped.

    `expected`: (due_ms, quantity) on order, the `MOST_EXPECTED` that are due first. `counted`: the sequence of the last
    count applied, `included`: of the last movement that is in it, `forgotten`: of the last one whose `Moved` was
    dropped.
    `shipped`: (site's shipment number, quantity) as an earlier version kept them; gone with the next count.
    """

    site_id: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    safety: int = 0
    expected: tuple[tuple[int, int], ...] = ()
    shipped: tuple[tuple[int, int], ...] = ()
    counted: int = 0
    included: int = 0
    forgotten: int = 0

    @property
    def key(self) -> str:
        return f"{self.site_id}|{self.sku}"

    @property
    def atp(self) -> int:
        return self.on_hand - self.reserved - self.safety


class SiteLog(Row, frozen=True, kw_only=True):
    """Which movements of a site have come: all up to `mark` and those `beyond`, so gaps show. Never dropped.

    `beyond` and `lost` are ranges (first, last), so that a number that never comes costs one and not all that come
    after it; `lost` are those up to `mark` that have not come and are not waited for any more; they may still come.
    `ahead`: those beyond as an earlier version kept them, one by one; gone with the next movement.
    `shipments` numbers the site's shipments in the order in which they came.
    """

    site_id: str
    mark: int = 0
    ahead: tuple[int, ...] = ()
    shipments: int = 0
    lost: tuple[tuple[int, int], ...] = ()
    beyond: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> str:
        return self.site_id


class Moved(Row, frozen=True, kw_only=True):
    """A movement's effect on a shelf, for counts that do not include it. Dropped after `REMEMBERED_MS`."""

    site_id: str
    sku: str
    sequence: int
    delta: int

    @property
    def key(self) -> str:
        return self.key_of(self.site_id, self.sku, self.sequence)

    @staticmethod
    def key_of(site_id: str, sku: str, sequence: int) -> str:
        return f"{site_id}/{sku}|{sequence:012d}"


class Left(Row, frozen=True, kw_only=True):
    """Units that a shipment, by its number at the site, took from a shelf. Dropped after `REMEMBERED_MS`.

    `day` counts from the epoch, in domain time.
    """

    site_id: str
    sku: str
    day: int
    number: int
    quantity: int

    @property
    def key(self) -> str:
        return f"{self.group_of(self.site_id, self.sku, self.day)}|{self.number:012d}"

    @staticmethod
    def group_of(site_id: str, sku: str, day: int) -> str:
        """By day, so that a count need not go through all that a shelf has sold in weeks."""
        return f"{site_id}/{sku}/{day}"


class Postponed(Row, frozen=True, kw_only=True):
    """A movement that waits for earlier ones (a count also for a shipment), as the event's JSON.

    `builds_on` is the sequence up to which all must have come, or for a loss as many units as it `takes`; `shipment` is
    the one that a count names. None of the three where an earlier version wrote the row.
    Dropped when it is applied, at the latest by its deadline: after `GAP_HORIZON_MS`, or for a shipment, `patient`,
    after `COUNT_HORIZON_MS`.
    """

    site_id: str
    sequence: int
    event: Raw
    patient: bool = False
    sku: str = ""
    builds_on: int = 0
    takes: int = 0
    shipment: str | None = None

    @property
    def key(self) -> str:
        return self.key_of(self.site_id, self.sequence)

    @staticmethod
    def key_of(site_id: str, sequence: int) -> str:
        return f"{site_id}|{sequence:012d}"


class Shipped(Row, frozen=True, kw_only=True):
    """A shipment that has left, by its number at the site. Dropped `duplicate_horizon_days` after.

    `left_at_ms` is 0 where an earlier version wrote the row.
    """

    order_id: str
    site_id: str
    shipment_id: str
    number: int
    left_at_ms: int = 0

    @property
    def key(self) -> str:
        return f"{self.site_id}/{self.shipment_id}"


ROWS = (Shelf, SiteLog, Moved, Left, Postponed, Shipped)
