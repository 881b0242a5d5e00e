"""By which rules orders that wait were sought, so that they are sought anew when those change."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from msgspec.structs import replace

from orderwing.kernel.row import Row
from orderwing.kernel.view import Draft
from orderwing.planning.policies.in_force import in_force
from orderwing.planning.wishes import expected_at_ms
from orderwing_schemas.domain import Order

if TYPE_CHECKING:
    from orderwing.reservation.rows import Hold

AT_ONCE_MS = 0
BUCKETS = 64  # of a region's waiting orders: one decision looks through one


class Waiting(Row, frozen=True, kw_only=True):
    """A firm hold with open lines in its home region, and the rules by which they were sought. Dropped with them.

    `wake_at_ms`: no unit in stock waits for its price any longer.
    """

    order_id: str
    version: int
    region: str
    rules: str

    @property
    def key(self) -> str:
        return self.key_of(self.region, self.order_id, self.version)

    @classmethod
    def key_of(cls, region: str, order_id: str, version: int) -> str:
        return f"{cls.group_of(region, crc32(order_id.encode()) % BUCKETS)}|{order_id}|{version}"

    @staticmethod
    def group_of(region: str, bucket: int) -> str:
        return f"{region}/{bucket}"


class Rules(Row, frozen=True, kw_only=True):
    """The rules that a region has noticed last; by its deadline those who wait are sought by them. Never dropped.

    `bucket` is the first that may still have some to seek.
    """

    region: str
    rules: str
    bucket: int = 0

    @property
    def key(self) -> str:
        return self.region


ROWS = (Waiting, Rules)


def current(draft: Draft) -> str:
    """Names the network, with its prices, and the policy by which orders are sought now."""
    policy = in_force(draft.reference).policy
    return f"{draft.network.version}" if policy is None else f"{draft.network.version}/{policy.label}"


def notice(draft: Draft, region: str) -> None:
    """A stage hears of no new rules: it sees that they are others when a record comes."""
    now, row = current(draft), draft.get(Rules, region)
    if row is None:
        draft.put(Rules(region=region, rules=now))
    elif row.rules != now:
        draft.put(replace(row, rules=now, bucket=0, wake_at_ms=AT_ONCE_MS))


def note(draft: Draft, hold: Hold, order: Order, now_ms: int) -> None:
    """Remember that the order waits, or no longer."""
    key = Waiting.key_of(hold.home, hold.order_id, hold.version)
    row = draft.get(Waiting, key)
    if not hold.open:
        if row is not None:
            draft.drop(Waiting, key)
        return
    if row is None or row.rules != hold.sought_by:
        row = Waiting(order_id=hold.order_id, version=hold.version, region=hold.home, rules=hold.sought_by)
        at_once = row.rules != current(draft)
        draft.put(replace(row, wake_at_ms=AT_ONCE_MS if at_once else patient_until_ms(draft, order, now_ms)))


def patient_until_ms(draft: Draft, order: Order, now_ms: int) -> int | None:
    """When units of the order that are in stock no longer wait for their price; None if they do not, or not now."""
    if in_force(draft.reference).policy is None:
        return None
    until_ms = expected_at_ms(order.placed_at_ms, order.service_level)
    return until_ms if until_ms > now_ms else None
