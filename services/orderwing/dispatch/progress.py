"""How a shipment advances: every step told once, in order, whatever the order of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from orderwing.dispatch.rows import (
    IN_HOUSE,
    LEFT,
    STEPS,
    TABLE,
    Gathering,
    Happening,
    Progress,
    Shipment,
    State,
    Transfer,
    Units,
)
from orderwing.dispatch.telling import quantities, tell
from orderwing.dispatch.transfers import split, tell_left
from orderwing.dispatch.waves import leave_late, no_longer_late
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft
from orderwing_schemas import topics
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.dispatch import PickShort, ShipmentShipped
from orderwing_schemas.events.public import WarehouseStatus

DAY_MS = 86_400_000
LOST_DAYS = 90  # no carrier still delivers what has told nothing for so long
_OF_A_TRANSFER = (WarehouseStatus.PICKED, WarehouseStatus.PACKED, WarehouseStatus.SHIPPED)
_STATES_OF_A_TRANSFER = (State.PICKED, State.PACKED, State.TRANSFERRED)
Ignored = (
    Literal["repeated", "ended", "too_late", "not_in_shipment", "is_transfer"] | None
)  # why an answer changed nothing


def advance(draft: Draft, shipment: Shipment, progress: Progress, status: WarehouseStatus, now_ms: int) -> Ignored:
    """Walk up to `status`, telling each step."""
    if progress.state is State.EMPTY:
        return "ended"
    to_come = STEPS if progress.state is State.RELEASED else STEPS[STEPS.index(WarehouseStatus(progress.state)) + 1 :]
    if status not in to_come:
        return "repeated"
    left = _remaining(shipment.lines, progress.missing or ())
    for passed in to_come[: to_come.index(status) + 1]:
        progress = replace(progress, state=step(TABLE, progress.state, Happening(passed)))
        tell(draft, shipment, passed, left, now_ms)
        if passed is WarehouseStatus.SHIPPED:
            _tell_shipped(draft, shipment, left)
            leave_late(draft, shipment, status, now_ms)
    draft.put(replace(progress, wake_at_ms=_wake_ms(draft, progress, now_ms)))
    return None


def send_off(
    draft: Draft, shipment: Shipment, progress: Progress, transfer: Transfer, status: WarehouseStatus, now_ms: int
) -> Ignored:
    """Walk a transfer up to `status`. It leaves its shelf like any shipment, and no customer is charged for it yet."""
    if status not in _OF_A_TRANSFER:
        return "is_transfer"
    if progress.state is State.EMPTY:
        return "ended"
    first = 0 if progress.state is State.RELEASED else _STATES_OF_A_TRANSFER.index(progress.state) + 1
    to_come = _OF_A_TRANSFER[first:]
    if status not in to_come:
        return "repeated"
    left = _remaining(shipment.lines, progress.missing or ())
    for passed in to_come[: to_come.index(status) + 1]:
        if passed is not WarehouseStatus.SHIPPED:
            progress = replace(progress, state=step(TABLE, progress.state, Happening(passed)))
            tell(draft, shipment, passed, left, now_ms)
            continue
        state = step(TABLE, progress.state, Happening.TRANSFERRED)
        progress = replace(progress, state=state, wake_at_ms=_forget_ms(draft, now_ms))
        tell(draft, shipment, "transferred", left, now_ms)
        _tell_shipped(draft, shipment, left)
        tell_left(draft, transfer, shipment, left)
    draft.put(progress)
    return None


def short_pick(
    draft: Draft,
    shipment: Shipment,
    progress: Progress,
    missing: Sequence[LineQuantity],
    now_ms: int,
    transfer: Transfer | None = None,
) -> Ignored:
    """Once a shipment: what was not found becomes a new need, the rest goes on."""
    if progress.missing is not None:
        return "repeated"
    if progress.state not in IN_HOUSE:
        return "too_late"
    gone = tuple(Units(line.line_id, line.sku, line.quantity) for line in missing)
    if not _are_in(gone, shipment.lines):
        return "not_in_shipment"
    left = _remaining(shipment.lines, gone)
    happening = Happening.SHORT_PICKED if left else Happening.NOTHING_FOUND
    state = step(TABLE, progress.state, happening)
    wake_at_ms = None if left else _forget_ms(draft, now_ms)
    draft.put(replace(progress, state=state, missing=gone, wake_at_ms=wake_at_ms))
    tell(draft, shipment, WarehouseStatus.SHORT_PICKED, gone, now_ms)
    if not left:
        no_longer_late(draft, shipment)
    if transfer is not None and not left:
        tell_left(draft, transfer, shipment, ())
    from_shelf, cross_docked = _sources(draft, shipment, gone, left)
    draft.emit(
        topics.PICKS_SHORT,
        PickShort(
            region=shipment.region,
            order_id=shipment.order_id,
            order_version=shipment.order_version,
            part_id=shipment.part_id,
            shipment_id=shipment.shipment_id,
            site_id=shipment.site_id,
            missing=quantities(from_shelf),
            cross_docked=quantities(cross_docked),
        ),
    )
    return None


def _are_in(gone: Sequence[Units], lines: Sequence[Units]) -> bool:
    """Whether something is gone, each line once, and no more of it than there was."""
    there = {(line.line_id, line.sku): line.quantity for line in lines}
    distinct = {(line.line_id, line.sku) for line in gone}
    fits = all(line.quantity <= there.get((line.line_id, line.sku), 0) for line in gone)
    return bool(gone) and len(distinct) == len(gone) and fits


def _remaining(lines: Sequence[Units], gone: Sequence[Units]) -> tuple[Units, ...]:
    less = {line.line_id: line.quantity for line in gone}
    left = (Units(x.line_id, x.sku, x.quantity - less.get(x.line_id, 0)) for x in lines)
    return tuple(line for line in left if line.quantity)


def _came(draft: Draft, shipment: Shipment) -> tuple[Units, ...]:
    gathering = draft.get(Gathering, shipment.part_id)
    return gathering.came if gathering is not None and gathering.shipment_id == shipment.shipment_id else ()


def _sources(
    draft: Draft, shipment: Shipment, gone: tuple[Units, ...], left: Sequence[Units]
) -> tuple[tuple[Units, ...], tuple[Units, ...]]:
    """What is gone, as (from the shelf, come by transfer)."""
    came = _came(draft, shipment)
    if not came:
        return gone, ()
    _, still_there = split(came, left)
    lost = _remaining(came, still_there)
    return split(lost, gone)


def _tell_shipped(draft: Draft, shipment: Shipment, left: Sequence[Units]) -> None:
    from_shelf, _ = split(_came(draft, shipment), left)
    draft.emit(
        topics.SHIPMENTS_SHIPPED,
        ShipmentShipped(
            region=shipment.region,
            order_id=shipment.order_id,
            order_version=shipment.order_version,
            part_id=shipment.part_id,
            shipment_id=shipment.shipment_id,
            site_id=shipment.site_id,
            lines=quantities(from_shelf),
        ),
    )


def _wake_ms(draft: Draft, progress: Progress, now_ms: int) -> int | None:
    """What is still in the house waits for its warehouse as long as that takes; its goods and money are open."""
    if progress.state is State.DELIVERED:
        return _forget_ms(draft, now_ms)
    if progress.state in LEFT:
        return max(now_ms + LOST_DAYS * DAY_MS, _forget_ms(draft, now_ms))
    return None


def _forget_ms(draft: Draft, now_ms: int) -> int:
    return now_ms + draft.network.policies.duplicate_horizon_days * DAY_MS
