"""What stock systems report: received, adjusted, counted, expected; each sequence of a site once."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw
from msgspec.structs import replace

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.view import Draft, View
from orderwing.reservation import rules, sequences
from orderwing.reservation.repeated import refusal
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.stock import (
    COUNT_HORIZON_MS,
    DAY_MS,
    GAP_HORIZON_MS,
    MOST_EXPECTED,
    OVERDUE_MS,
    REMEMBERED_MS,
    Left,
    Moved,
    Postponed,
    Shelf,
    Shipped,
    SiteLog,
)
from orderwing_schemas.codec import encode
from orderwing_schemas.events.gate import StockMovementAccepted
from orderwing_schemas.events.public import StockAdjusted, StockCounted, StockExpected, StockMovement, StockReceived
from orderwing_schemas.events.reservation import StockMoved
from orderwing_schemas.topics import STOCK_MOVED

KINDS = {
    StockReceived: "received",
    StockAdjusted: "adjusted",
    StockCounted: "counted",
    StockExpected: "expected",
}


def on_movement(view: View, event: StockMovementAccepted, now_ms: int) -> Decision:
    movement = event.movement
    draft = Draft(view)
    log = draft.get(SiteLog, movement.site_id) or SiteLog(site_id=movement.site_id)
    if sequences.has(log, movement.sequence):
        return _again(draft, log, event)
    log = sequences.noted(log, movement.sequence)
    draft.put(log)
    rules.notice(draft, event.region)
    if _ready(draft, log, movement):
        _apply(draft, event.region, movement, now_ms)
    else:
        draft.put(_postponed(event, movement, now_ms + GAP_HORIZON_MS))
    apply_postponed(draft, movement.site_id, now_ms)
    return draft.decision()


def on_postponed_due(view: View, row: Postponed, now_ms: int) -> Decision:
    """What it waits for never came: movements are given up for all who wait for them, then shipments for this one."""
    draft = Draft(view)
    event = StockMovementAccepted.model_validate_json(bytes(row.event))
    movement = event.movement
    log = draft.get(SiteLog, row.site_id) or SiteLog(site_id=row.site_id)
    without = sequences.given_up(log, _builds_on(movement))
    if not row.patient and not _ready(draft, without, movement):  # a count whose shipment may still come
        rest_ms = COUNT_HORIZON_MS - GAP_HORIZON_MS
        draft.put(replace(row, patient=True, wake_at_ms=(row.wake_at_ms or now_ms) + rest_ms))
        return draft.decision()
    draft.drop(Postponed, row.key)
    if not _is_superseded(draft, movement):
        draft.put(without)
        _apply(draft, event.region, movement, now_ms, f"movement {row.sequence} waited in vain for earlier ones")
        apply_postponed(draft, row.site_id, now_ms)
    return draft.decision()


def on_moved_due(view: View, row: Moved, now_ms: int) -> Decision:
    draft = Draft(view)
    draft.drop(Moved, row.key)
    shelf = draft.get(Shelf, f"{row.site_id}|{row.sku}")
    if shelf is not None and shelf.forgotten < row.sequence:
        draft.put(replace(shelf, forgotten=row.sequence))
    return draft.decision()


def apply_postponed(draft: Draft, site_id: str, now_ms: int) -> None:
    """Whatever waited at the site and need not any more, in sequence."""
    log = draft.get(SiteLog, site_id)
    if log is None:
        return
    for row in list(draft.scan(Postponed, site_id)):
        if _waits(draft, log, row):
            continue
        event = StockMovementAccepted.model_validate_json(bytes(row.event))
        if _ready(draft, log, event.movement):
            draft.drop(Postponed, row.key)
            _apply(draft, event.region, event.movement, now_ms)


def _again(draft: Draft, log: SiteLog, event: StockMovementAccepted) -> Decision:
    if (why := refusal(draft, log, event)) is None:
        return NOTHING
    kind = KINDS[type(event.movement)]
    told = StockMoved(region=event.region, kind=kind, order_id=None, shelves=(), exception=why)
    draft.emit(STOCK_MOVED, told)
    return draft.decision()


def _postponed(event: StockMovementAccepted, movement: StockMovement, until_ms: int) -> Postponed:
    return Postponed(
        site_id=movement.site_id,
        sequence=movement.sequence,
        event=Raw(encode(event)),
        sku=movement.sku,
        builds_on=_builds_on(movement),
        takes=max(0, -movement.delta) if isinstance(movement, StockAdjusted) else 0,
        shipment=movement.includes_shipment if isinstance(movement, StockCounted) else None,
        wake_at_ms=until_ms,
    )


def _waits(draft: Draft, log: SiteLog, row: Postponed) -> bool:
    """Certainly still, told without a look into the event: after a stock-take thousands may wait for one movement."""
    if log.mark < row.builds_on:
        shelf = draft.get(Shelf, f"{row.site_id}|{row.sku}") if row.takes else None
        return shelf is None or shelf.on_hand < row.takes
    return row.shipment is not None and draft.get(Shipped, f"{row.site_id}/{row.shipment}") is None


def _builds_on(movement: StockMovement) -> int:
    """The sequence up to which all must have come before it is sure to be right."""
    before = movement.sequence - 1
    return min(movement.includes_sequence, before) if isinstance(movement, StockCounted) else before


def _is_superseded(draft: Draft, movement: StockMovement) -> bool:
    """A later count stands already."""
    shelf = draft.get(Shelf, f"{movement.site_id}|{movement.sku}")
    return isinstance(movement, StockCounted) and shelf is not None and movement.sequence < shelf.counted


def _ready(draft: Draft, log: SiteLog, movement: StockMovement) -> bool:
    if isinstance(movement, StockCounted):
        if movement.includes_shipment is not None and _named(draft, movement) is None:
            return False
        return log.mark >= _builds_on(movement)
    if isinstance(movement, StockAdjusted) and log.mark < movement.sequence - 1:
        # A loss of what has not been received yet: the receipt is among the gaps.
        shelf = draft.get(Shelf, f"{movement.site_id}|{movement.sku}")
        return (shelf.on_hand if shelf is not None else 0) + movement.delta >= 0
    return True


def _apply(draft: Draft, region: str, movement: StockMovement, now_ms: int, exception: str | None = None) -> None:
    shelves = Shelves(draft, region)
    shelf = shelves.get(movement.site_id, movement.sku)
    if isinstance(movement, StockReceived):
        shelf, late = _moved(draft, shelf, movement, movement.quantity, now_ms)
        shelf = _with_safety(draft, replace(shelf, expected=_drawn_down(shelf, movement)))
        exception = late or exception
    elif isinstance(movement, StockAdjusted):
        shelf, wrong = _moved(draft, shelf, movement, movement.delta, now_ms)
        exception = wrong or exception
    elif isinstance(movement, StockCounted):
        if _is_superseded(draft, movement):
            return
        exception = exception or _too_old(draft, shelf, movement, now_ms)
        shelf = _with_safety(draft, _counted(draft, shelf, movement, now_ms))
    else:
        due = (int(movement.due_at.timestamp() * 1000), movement.quantity)
        shelf = replace(shelf, expected=_on_order(shelf, due, now_ms))
    shelves.put(shelf)
    shelves.publish(KINDS[type(movement)], None, exception)


def _moved(draft: Draft, shelf: Shelf, movement: StockMovement, delta: int, now_ms: int) -> tuple[Shelf, str | None]:
    """The shelf after a receipt or adjustment, and what is wrong with it."""
    if movement.sequence <= shelf.included:  # given up by the count that waited for it
        _remember(draft, movement, delta, now_ms)
        return shelf, f"movement {movement.sequence} came after count {shelf.counted}, which includes it"
    on_hand = max(0, shelf.on_hand + delta)
    _remember(draft, movement, on_hand - shelf.on_hand, now_ms)
    more = on_hand != shelf.on_hand + delta
    exception = f"adjustment {movement.sequence} takes more than is on hand" if more else None
    return replace(shelf, on_hand=on_hand), exception


def _counted(draft: Draft, shelf: Shelf, count: StockCounted, now_ms: int) -> Shelf:
    return replace(
        shelf,
        on_hand=max(0, count.on_hand + _since(draft, shelf, count, now_ms)),
        counted=count.sequence,
        included=min(count.includes_sequence, count.sequence - 1),
        shipped=(),
    )


def _too_old(draft: Draft, shelf: Shelf, count: StockCounted, now_ms: int) -> str | None:
    """Why the count may miss something that has moved since it was taken, if it may."""
    log, named = draft.get(SiteLog, shelf.site_id), _named(draft, count)
    old = named is not None and now_ms - named.left_at_ms >= REMEMBERED_MS
    if count.includes_sequence < shelf.forgotten or (old and log and named and named.number < log.shipments):
        return f"count {count.sequence} was taken too long ago to know all that moved since: count again"
    return None


def _named(draft: Draft, count: StockCounted) -> Shipped | None:
    """The last shipment that the count includes."""
    return draft.get(Shipped, f"{count.site_id}/{count.includes_shipment}") if count.includes_shipment else None


def _since(draft: Draft, shelf: Shelf, count: StockCounted, now_ms: int) -> int:
    """What has moved since the count was taken. A count that names no shipment includes all that have left."""
    rows = draft.scan(Moved, f"{shelf.site_id}/{shelf.sku}")
    moved = sum(row.delta for row in rows if row.sequence > count.includes_sequence)
    included = _named(draft, count)
    if included is None:
        return moved
    left = (*shelf.shipped, *_left(draft, shelf, included, now_ms))
    return moved - sum(quantity for number, quantity in left if number > included.number)


def _left(draft: Draft, shelf: Shelf, included: Shipped, now_ms: int) -> Iterator[tuple[int, int]]:
    """(number, units) of the shipments of the shelf from the day of one on; a day more on either side, for clocks."""
    first_ms = max(included.left_at_ms, now_ms - REMEMBERED_MS)
    for day in range(first_ms // DAY_MS - 1, now_ms // DAY_MS + 2):
        for row in draft.scan(Left, Left.group_of(shelf.site_id, shelf.sku, day)):
            yield row.number, row.quantity


def _with_safety(draft: Draft, shelf: Shelf) -> Shelf:
    """The site's share of what is on hand after a receipt or count, never taken from what is held."""
    site = draft.network.site_by_id.get(shelf.site_id)
    share = 0 if site is None else shelf.on_hand * site.safety_share_percent // 100
    return replace(shelf, safety=max(0, min(share, shelf.on_hand - shelf.reserved)))


def _on_order(shelf: Shelf, due: tuple[int, int], now_ms: int) -> tuple[tuple[int, int], ...]:
    """Deliveries that are so late are not expected any more."""
    after_ms = now_ms - OVERDUE_MS
    return tuple(sorted([one for one in (*shelf.expected, due) if one[0] > after_ms])[:MOST_EXPECTED])


def _drawn_down(shelf: Shelf, receipt: StockReceived) -> tuple[tuple[int, int], ...]:
    left, rest = receipt.quantity, []
    for due_ms, quantity in shelf.expected:
        taken = min(left, quantity)
        left -= taken
        if quantity > taken:
            rest.append((due_ms, quantity - taken))
    return tuple(rest)


def _remember(draft: Draft, movement: StockMovement, delta: int, now_ms: int) -> None:
    draft.put(
        Moved(
            site_id=movement.site_id,
            sku=movement.sku,
            sequence=movement.sequence,
            delta=delta,
            wake_at_ms=now_ms + REMEMBERED_MS,
        )
    )
