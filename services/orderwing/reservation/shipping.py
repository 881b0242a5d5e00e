"""What leaves the shelves: shipments, and short picks that have to be made good."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from orderwing.kernel.decision import NOTHING, Decision
from orderwing.kernel.machine import step
from orderwing.kernel.view import Draft, View
from orderwing.reservation import units
from orderwing.reservation.answers import finish, horizon_ms
from orderwing.reservation.movements import apply_postponed
from orderwing.reservation.rows import Held, Hold, HoldState, Part, Units, hold_key
from orderwing.reservation.seeking import advance, order_of
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.states import HOLD_STATES, Happening
from orderwing.reservation.stock import DAY_MS, REMEMBERED_MS, Left, Shipped, SiteLog
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.allocation import ReplacementRequested
from orderwing_schemas.events.dispatch import ShipmentShipped
from orderwing_schemas.events.reservation import PartReported, StockMoved
from orderwing_schemas.topics import RESERVATION_SLIPS, STOCK_MOVED


def on_shipped(view: View, event: ShipmentShipped, now_ms: int) -> Decision:
    """On hand and reserved fall together, once per shipment. What has left has left, even if nothing held it."""
    log = view.get(SiteLog, event.site_id) or SiteLog(site_id=event.site_id)
    log = replace(log, shipments=log.shipments + 1)
    row = Shipped(
        order_id=event.order_id,
        site_id=event.site_id,
        shipment_id=event.shipment_id,
        number=log.shipments,
        left_at_ms=now_ms,
    )
    if view.get(Shipped, row.key) is not None:
        return NOTHING
    draft = Draft(view)
    draft.put(replace(row, wake_at_ms=horizon_ms(draft, now_ms)))
    draft.put(log)
    shelves = Shelves(draft, event.region)
    _, lost = _take(draft, shelves, event, event.lines, now_ms)
    _remember(draft, event, log.shipments, now_ms)
    exception = f"shipment {event.shipment_id} took {lost} units that were not on the books" if lost else None
    if event.lines:
        shelves.publish("shipped", event.order_id, exception)
    else:  # all in it came by transfer: a count may name it, so the log has to say that it has been read
        told = StockMoved(region=event.region, kind="shipped", order_id=event.order_id, shelves=())
        draft.emit(STOCK_MOVED, told)
    part = draft.get(Part, event.part_id)
    if part is not None and not part.held:
        _report(draft, part, event, (), now_ms)
    apply_postponed(draft, event.site_id, now_ms)
    return draft.decision()


def on_replacement(view: View, event: ReplacementRequested, now_ms: int) -> Decision:
    """The books are wrong by what is missing; home finds the units elsewhere. Once per shipment."""
    part = view.get(Part, event.part_id)
    if part is None or event.shipment_id in part.short:
        return NOTHING
    draft = Draft(view)
    draft.put(replace(part, short=(*part.short, event.shipment_id)))
    shelves = Shelves(draft, event.region)
    missing, _ = _take(draft, shelves, event, event.missing, now_ms)
    missing = units.add(missing, units.of_told(event.cross_docked))
    shelves.publish("short_pick", event.order_id, f"shipment {event.shipment_id} found fewer units than on the books")
    part = draft.get(Part, event.part_id) or part
    if missing or not part.held:
        _report(draft, part, event, missing, now_ms)
    return draft.decision()


def on_reported(view: View, event: PartReported, now_ms: int) -> Decision:
    draft = Draft(view)
    note(draft, event, now_ms)
    return draft.decision()


def on_part_due(view: View, row: Part, now_ms: int) -> Decision:
    return Decision(drops=((Part, row.key),))


def on_left_due(view: View, row: Left, now_ms: int) -> Decision:
    return Decision(drops=((Left, row.key),))


def on_shipped_due(view: View, row: Shipped, now_ms: int) -> Decision:
    return Decision(drops=((Shipped, row.key),))


def note(draft: Draft, report: PartReported, now_ms: int) -> None:
    """At home: forget a part that is over, and seek what was never found, away from where it was not found."""
    hold = draft.get(Hold, hold_key(report.order_id, report.version))
    if hold is None:
        return
    if report.ended:
        hold = replace(hold, parts=tuple(part for part in hold.parts if part != report.part_id))
    need = f"{report.part_id}:{report.shipment_id}"
    if not report.missing or need in hold.needs:
        finish(draft, hold, now_ms)
        return
    hold = replace(
        hold,
        state=step(HOLD_STATES, hold.state, Happening.NEED),
        open=units.add(hold.open, units.of_told(report.missing)),
        needs=(*hold.needs, need),
        replaces=report.part_id,
        wake_at_ms=None,
    )
    if hold.state is HoldState.FIRM:
        advance(draft, hold, order_of(hold), now_ms, without_site=report.site_id)
    else:
        draft.put(hold)  # the slip that is away sees to it when it is back


def _take(
    draft: Draft,
    shelves: Shelves,
    event: ShipmentShipped | ReplacementRequested,
    lines: Sequence[LineQuantity],
    now_ms: int,
) -> tuple[tuple[Units, ...], int]:
    """Units are gone from the site: from the shelves, and from what the part holds there.

    Returns what the part held of them, and how many units were not on the books.
    """
    part = draft.get(Part, event.part_id)
    rest = {(line.line_id, line.site_id): line for line in part.held} if part is not None else {}
    had: list[Units] = []
    lost = 0
    for line in lines:
        place = (line.line_id, event.site_id)
        held = min(line.quantity, rest[place].quantity) if place in rest else 0
        lost += shelves.take(event.site_id, line.sku, line.quantity, held)
        if held:
            had.append(Units(line.line_id, line.sku, held))
            rest[place] = replace(rest[place], quantity=rest[place].quantity - held)
    if part is not None:
        left: tuple[Held, ...] = tuple(line for line in rest.values() if line.quantity)
        draft.put(replace(part, held=left, wake_at_ms=None if left else horizon_ms(draft, now_ms)))
    return tuple(had), lost


def _remember(draft: Draft, event: ShipmentShipped, number: int, now_ms: int) -> None:
    left: dict[str, int] = {}
    for line in event.lines:
        left[line.sku] = left.get(line.sku, 0) + line.quantity
    for sku, quantity in left.items():
        draft.put(
            Left(
                site_id=event.site_id,
                sku=sku,
                day=now_ms // DAY_MS,
                number=number,
                quantity=quantity,
                wake_at_ms=now_ms + REMEMBERED_MS,
            )
        )


def _report(
    draft: Draft,
    part: Part,
    event: ShipmentShipped | ReplacementRequested,
    missing: tuple[Units, ...],
    now_ms: int,
) -> None:
    """Home hears of it, at once where home is this region."""
    report = PartReported(
        region=part.home,
        order_id=part.order_id,
        version=part.version,
        part_id=part.part_id,
        shipment_id=event.shipment_id,
        site_id=event.site_id,
        missing=units.told(missing),
        ended=not part.held,
    )
    if part.home == part.region:
        note(draft, report, now_ms)
    else:
        draft.emit(RESERVATION_SLIPS, report)
