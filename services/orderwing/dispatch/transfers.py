"""Transfers: goods that one site sends to another, where they leave in one parcel with what that has itself.

The site that waits asks for them; it releases its shipment once each has arrived and the other site has told what is in
it, so that nothing is counted on the word of one of them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Raw
from msgspec.structs import replace

from orderwing.dispatch.rows import TABLE, Coming, Gathering, Happening, Progress, Shipment, State, Transfer, Units
from orderwing.dispatch.telling import quantities, tell
from orderwing.dispatch.waves import GRACE_MS, in_time, released
from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.codec import decode_as, encode
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.allocation import ForDispatch, ShipmentOrdered
from orderwing_schemas.events.dispatch import TransferAsked, TransferLeft
from orderwing_schemas.events.public import WarehouseAnswered, WarehouseStatus


def await_transfers(draft: Draft, event: ShipmentOrdered, state: State) -> None:
    """The shipment waits until what is asked for here has come."""
    planned = event.shipment
    due_ms = max(transfer.arrival_at_ms for transfer in event.transfers) + GRACE_MS
    draft.put(facts_of(event, _units(planned.lines)))
    draft.put(
        Progress(
            shipment_id=planned.shipment_id,
            order_id=event.order_id,
            state=step(TABLE, state, Happening.AWAITED),
            wake_at_ms=due_ms,
        )
    )
    draft.put(
        Gathering(
            part_id=event.part_id,
            order_id=event.order_id,
            shipment_id=planned.shipment_id,
            ordered=Raw(encode(event)),
        )
    )
    for transfer in event.transfers:
        draft.put(Coming(part_id=event.part_id, shipment_id=transfer.shipment_id, order_id=event.order_id))
        asked = TransferAsked(
            site_id=transfer.site_id,
            region=event.region,
            order_id=event.order_id,
            order_version=event.order_version,
            part_id=event.part_id,
            service_level=event.service_level,
            stop_id=event.stop_id,
            zone=event.zone,
            delivery_point=event.delivery_point,
            promise_at_ms=event.promise_at_ms,
            shipment=transfer,
        )
        draft.emit(topics.TRANSFERS, asked)


def facts_of(event: ForDispatch, lines: Iterable[Units]) -> Shipment:
    return Shipment(
        shipment_id=event.shipment.shipment_id,
        region=event.region,
        site_id=event.site_id,
        order_id=event.order_id,
        order_version=event.order_version,
        part_id=event.part_id,
        lines=tuple(lines),
        promise_at_ms=event.promise_at_ms,
        lane_id=event.shipment.lane_id,
    )


def transfer_left(view: View, event: TransferLeft, now_ms: int) -> Decision:
    """What is on its way; told again, it changes nothing."""
    coming = view.get(Coming, f"{event.part_id}|{event.shipment_id}")
    if coming is None or coming.lines is not None:
        return NOTHING
    draft = Draft(view)
    _note(draft, replace(coming, lines=_units(event.lines)), now_ms)
    return draft.decision()


def arrived(draft: Draft, event: WarehouseAnswered, now_ms: int) -> str | None:
    """A transfer has come, by the word of the site that it was sent to. Returns why that changed nothing."""
    coming = draft.get(Coming, f"{event.shipment_id.rpartition('/')[0]}|{event.shipment_id}")
    if coming is None:
        return "unknown_shipment"
    gathering = draft.get(Gathering, coming.part_id)
    waiting = None if gathering is None else draft.get(Shipment, gathering.shipment_id)
    if waiting is None or waiting.site_id != event.site_id:
        return "wrong_site"
    if coming.order_id != event.order_id:
        return "wrong_order"
    if coming.arrived:
        return "repeated"
    if coming.lines == ():
        return "ended"
    _note(draft, replace(coming, arrived=True), now_ms)
    return None


def tell_left(draft: Draft, transfer: Transfer, shipment: Shipment, left: Sequence[Units]) -> None:
    """To the site that waits."""
    told = TransferLeft(
        site_id=transfer.to_site_id,
        order_id=shipment.order_id,
        part_id=shipment.part_id,
        shipment_id=shipment.shipment_id,
        lines=quantities(left),
    )
    draft.emit(topics.TRANSFERS, told)


def overdue(view: View, progress: Progress, now_ms: int) -> Decision:
    """Said once. What is lost on the way is settled by the warehouse that waits: arrived, and picked short."""
    draft = Draft(view)
    shipment = view.get(Shipment, progress.shipment_id)
    state = step(TABLE, progress.state, Happening.OVERDUE)
    draft.put(replace(progress, state=state, wake_at_ms=None))
    if shipment is not None:
        tell(draft, shipment, "overdue", shipment.lines, now_ms)
    return draft.decision()


def forget(draft: Draft, shipment: Shipment) -> None:
    """What is remembered beside a shipment."""
    if draft.get(Transfer, shipment.shipment_id) is not None:
        draft.drop(Transfer, shipment.shipment_id)
    gathering = draft.get(Gathering, shipment.part_id)
    if gathering is not None and gathering.shipment_id == shipment.shipment_id:
        for coming in list(draft.scan(Coming, shipment.part_id)):
            draft.drop(Coming, coming.key)
        draft.drop(Gathering, gathering.key)


def split(came: Iterable[Units], lines: Iterable[Units]) -> tuple[tuple[Units, ...], tuple[Units, ...]]:
    """Lines in the box as (from the shelf, come by transfer): what is missing is missing from the shelf first."""
    rest = {(line.line_id, line.sku): line.quantity for line in came}
    own, crossed = [], []
    for line in lines:
        there = min(line.quantity, rest.get((line.line_id, line.sku), 0))
        if there:
            crossed.append(replace(line, quantity=there))
        if line.quantity > there:
            own.append(replace(line, quantity=line.quantity - there))
    return tuple(own), tuple(crossed)


def _note(draft: Draft, coming: Coming, now_ms: int) -> None:
    """One more word on a transfer; the last word of the last one releases the shipment."""
    draft.put(coming)
    gathering = draft.get(Gathering, coming.part_id)
    if gathering is None:
        raise LookupError(f"nothing waits for {coming.shipment_id}")
    event = decode_as(ShipmentOrdered, bytes(gathering.ordered))
    shipment = draft.get(Shipment, gathering.shipment_id)
    if coming.is_here and coming.lines and shipment is not None:
        told = replace(shipment, shipment_id=coming.shipment_id)
        tell(draft, told, WarehouseStatus.ARRIVED, coming.lines, now_ms)
    awaited = list(draft.scan(Coming, coming.part_id))
    if all(one.is_here for one in awaited):
        _release(draft, gathering, event, [line for one in awaited for line in one.lines or ()], now_ms)


def _release(draft: Draft, gathering: Gathering, event: ShipmentOrdered, came: Iterable[Units], now_ms: int) -> None:
    progress = draft.get(Progress, gathering.shipment_id)
    if progress is None:
        raise LookupError(f"shipment {gathering.shipment_id} is not known")
    came = _merged(came)
    everything = _merged([*_units(event.shipment.lines), *came])
    draft.put(replace(progress, state=step(TABLE, progress.state, Happening.GATHERED), wake_at_ms=None))
    draft.put(replace(gathering, came=came))
    shipment = facts_of(event, everything)
    draft.put(shipment)
    units = sum(line.quantity for line in event.shipment.lines)  # what came is not picked again
    released(draft, in_time(draft, event, units, now_ms), shipment, now_ms, cross_docked=quantities(came))


def _merged(lines: Iterable[Units]) -> tuple[Units, ...]:
    sums: dict[tuple[str, str], int] = {}
    for line in lines:
        sums[line.line_id, line.sku] = sums.get((line.line_id, line.sku), 0) + line.quantity
    return tuple([Units(line_id, sku, quantity) for (line_id, sku), quantity in sums.items()])


def _units(lines: Iterable[LineQuantity]) -> tuple[Units, ...]:
    return tuple([Units(line.line_id, line.sku, line.quantity) for line in lines])
