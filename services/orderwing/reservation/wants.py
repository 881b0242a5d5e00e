"""Orders that wait: what they would take in a region, and telling their homes when stock comes."""

from __future__ import annotations

from collections.abc import Iterable

from orderwing.kernel.view import Draft
from orderwing.reservation.rows import Units, Want, WantList
from orderwing_schemas.events.reservation import WantOffered
from orderwing_schemas.topics import RESERVATION_SLIPS


def offer(draft: Draft, region: str, sku: str, available: int) -> None:
    """Tell those who want the SKU, in turn, until the units are spoken for.

    An order that takes all or nothing may take nothing, so it does not keep the units from the next.
    """
    _offer(draft, draft.scan(Want, f"{region}/{sku}"), available)


def pass_on(draft: Draft, order_id: str, version: int, region: str, sku: str, available: int) -> None:
    """The order cannot use what was offered to it: tell those whose turn comes after it."""
    listed = draft.get(WantList, WantList.key_of(order_id, version, region))
    due_ms = dict(listed.wants).get(sku) if listed is not None else None
    if due_ms is not None:
        turn = Want.key_of(region, sku, due_ms, order_id, version)
        _offer(draft, (want for want in draft.scan(Want, f"{region}/{sku}") if want.key > turn), available)


def _offer(draft: Draft, queue: Iterable[Want], available: int) -> None:
    for want in queue:
        if available <= 0:
            return
        offered = WantOffered(
            region=want.home, order_id=want.order_id, version=want.version, sku=want.sku, from_region=want.region
        )
        draft.emit(RESERVATION_SLIPS, offered)
        if not want.whole:
            available -= want.quantity


def leave(
    draft: Draft, order_id: str, version: int, region: str, home: str, lines: Iterable[Units], due_ms: int, whole: bool
) -> tuple[str, ...]:
    """Make `lines` all that the order wants in the region; none withdraws it.

    Returns the SKUs wanted and those it wanted before: what was offered to it is free for the next.
    """
    listed = WantList(order_id=order_id, version=version, region=region, wants=())
    old = draft.get(WantList, listed.key)
    before = old.wants if old is not None else ()
    for sku, due in before:
        draft.drop(Want, Want.key_of(region, sku, due, order_id, version))
    total: dict[str, int] = {}
    for line in lines:
        total[line.sku] = total.get(line.sku, 0) + line.quantity
    for sku, quantity in total.items():
        draft.put(
            Want(
                order_id=order_id,
                version=version,
                region=region,
                home=home,
                sku=sku,
                due_ms=due_ms,
                quantity=quantity,
                whole=whole,
            )
        )
    if total:
        draft.put(
            WantList(order_id=order_id, version=version, region=region, wants=tuple((sku, due_ms) for sku in total))
        )
    elif old is not None:
        draft.drop(WantList, old.key)
    return tuple(dict.fromkeys([*total, *[sku for sku, _ in before]]))
