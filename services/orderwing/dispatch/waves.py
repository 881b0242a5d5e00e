"""Waves: what leaves together. Its manifest tells what was handed over, in which stops, and what was late for it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from msgspec.structs import replace

from orderwing.dispatch.rows import LEFT, InWave, Progress, Shipment, State, Wave
from orderwing.dispatch.telling import quantities, tell
from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.planning.addresses import Door
from orderwing.planning.calendar import (
    DAY_MS,
    HORIZON_DAYS,
    MINUTE_MS,
    arrival_ms,
    departures,
    earliest_departure,
)
from orderwing.planning.stops import MOST_PARCELS, Drop, Problem, door_of, plan
from orderwing_schemas import topics
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.allocation import ForDispatch, ShipmentOrdered
from orderwing_schemas.events.dispatch import ManifestClosed, ShipmentReleased, Stop
from orderwing_schemas.events.public import WarehouseStatus
from orderwing_schemas.network import Lane, Site

GRACE_MS = 15 * 60_000  # a warehouse tells of a departure after it: its word may take this long to come


def wave_id_of(lane_id: str, departure_at_ms: int) -> str:
    return f"{lane_id}@{departure_at_ms}"


def close_ms(departure_at_ms: int) -> int:
    return departure_at_ms + GRACE_MS


def released(
    draft: Draft,
    event: ForDispatch,
    shipment: Shipment,
    now_ms: int,
    cross_docked: tuple[LineQuantity, ...] = (),
) -> None:
    """Into its wave, and told to the warehouse. A transfer has no wave: it is no parcel of a departure."""
    planned = event.shipment
    to_site_id = planned.to_site_id
    wave_id = wave_id_of(f"{event.site_id}>{to_site_id}" if to_site_id else planned.lane_id, planned.departure_at_ms)
    if to_site_id is None:
        member = InWave(
            wave_id=wave_id, shipment_id=planned.shipment_id, stop_id=event.stop_id, parcels=planned.parcels
        )
        _join(draft, member, event.site_id, planned.carrier, planned.departure_at_ms)
    told = ShipmentReleased(
        site_id=event.site_id,
        shipment_id=planned.shipment_id,
        order_id=event.order_id,
        wave_id=wave_id,
        carrier=planned.carrier,
        lane_id=planned.lane_id,
        zone=event.zone,
        stop_id=event.stop_id,
        delivery_point=event.delivery_point,
        service_level=event.service_level,
        lines=quantities(shipment.lines),
        departure_at_ms=planned.departure_at_ms,
        arrival_at_ms=planned.arrival_at_ms,
        promise_at_ms=event.promise_at_ms,
        released_at_ms=now_ms,
        to_site_id=to_site_id,
        cross_docked=cross_docked,
    )
    draft.emit(topics.SHIPMENTS_RELEASED, told)
    tell(draft, shipment, "released", shipment.lines, now_ms)


def _join(draft: Draft, member: InWave, site_id: str, carrier: str, departure_at_ms: int) -> None:
    draft.put(member)
    draft.put(
        Wave(
            wave_id=member.wave_id,
            site_id=site_id,
            carrier=carrier,
            departure_at_ms=departure_at_ms,
            wake_at_ms=close_ms(departure_at_ms),
        )
    )


def in_time(draft: Draft, event: ShipmentOrdered, units: int, now_ms: int) -> ShipmentOrdered:
    """Where its departure has left, with the next that `units` can be picked for now; nothing is booked there."""
    planned, network = event.shipment, draft.network
    lane, site = network.lane_by_id.get(planned.lane_id), network.site_by_id.get(event.site_id)
    if now_ms <= planned.departure_at_ms or lane is None or site is None:
        return event
    departure = earliest_departure(lane, site, now_ms, units)
    if departure is None:
        return event
    times = {"departure_at_ms": departure, "arrival_at_ms": arrival_ms(lane, departure)}
    return event.model_copy(update={"shipment": planned.model_copy(update=times)})


def leave_late(draft: Draft, shipment: Shipment, told: WarehouseStatus, now_ms: int) -> None:
    """What was late is on the manifest of the departure that it left with; on none if its lane is no more."""
    member = no_longer_late(draft, shipment)
    lane, site = draft.network.lane_by_id.get(shipment.lane_id), draft.network.site_by_id.get(shipment.site_id)
    if member is None or lane is None or site is None:
        return
    departure = _left_with(lane, site, member.late_for_ms, told, now_ms)
    if departure is not None:
        member = replace(member, wave_id=wave_id_of(lane.lane_id, departure), late_for_ms=0)
        _join(draft, member, site.site_id, lane.carrier, departure)


def _left_with(lane: Lane, site: Site, late_for_ms: int, told: WarehouseStatus, now_ms: int) -> int | None:
    """The departure that is told of: the next, by the word that it leaves. By a later word the last that fits it.

    That is the one that it was late for, where no other can have brought it so far.
    """
    if told is WarehouseStatus.SHIPPED:
        # Whoever is told of at the last moment of a manifest has left with that departure; another instance's clock may
        # be behind the one by which the manifest was closed.
        return next(departures(lane, site, max(now_ms - GRACE_MS, late_for_ms) + 1), None)
    road_ms = lane.transit_minutes * MINUTE_MS if told is WarehouseStatus.DELIVERED else 0
    left_by_ms = now_ms - road_ms
    times = departures(lane, site, max(late_for_ms, left_by_ms - HORIZON_DAYS * DAY_MS))
    return max(takewhile(lambda at_ms: at_ms <= left_by_ms, times), default=late_for_ms)


def no_longer_late(draft: Draft, shipment: Shipment) -> InWave | None:
    """How it waited, if it did."""
    member = draft.get(InWave, f"{_waiting(shipment.lane_id)}|{shipment.shipment_id}")
    if member is not None:
        draft.drop(InWave, member.key)
    return member


def _waiting(lane_id: str) -> str:
    return f"{lane_id}@late"


def wave_due(view: View, wave: Wave, _now_ms: int) -> Decision:
    """Close the manifest. A shipment released after that makes a wave, and a manifest, of its own."""
    draft, lane_id = Draft(view), wave.wave_id.rpartition("@")[0]
    shipped: list[InWave] = []
    late: list[InWave] = []
    for member in view.scan(InWave, wave.wave_id):
        progress = view.get(Progress, member.shipment_id)
        if progress is not None and progress.state is not State.EMPTY:
            (shipped if progress.state in LEFT else late).append(member)
        draft.drop(InWave, member.key)
    for member in late:
        draft.put(replace(member, wave_id=_waiting(lane_id), late_for_ms=wave.departure_at_ms))
        shipment = draft.get(Shipment, member.shipment_id)
        if shipment is not None and not shipment.lane_id:  # of an earlier version: it is found by its lane
            draft.put(replace(shipment, lane_id=lane_id))
    draft.drop(Wave, wave.wave_id)
    draft.emit(
        topics.MANIFESTS,
        ManifestClosed(
            site_id=wave.site_id,
            wave_id=wave.wave_id,
            carrier=wave.carrier,
            departure_at_ms=wave.departure_at_ms,
            shipped=tuple(member.shipment_id for member in shipped),
            late=tuple(member.shipment_id for member in late),
            stops=_stops(shipped),
        ),
    )
    return draft.decision()


def _stops(members: Sequence[InWave]) -> tuple[Stop, ...]:
    drops = tuple(Drop(one.shipment_id, _door(one), min(one.parcels, MOST_PARCELS)) for one in members)
    return tuple(
        Stop(at=stop.at, shipments=stop.orders, doors=stop.doors, service_s=stop.service_s, walk_m=stop.walk_m)
        for stop in plan(Problem(drops)).stops
    )


def _door(member: InWave) -> Door:
    """A shipment whose door is not known shares it with none."""
    return door_of(member.stop_id) if member.stop_id else Door("", "", "", "", member.shipment_id, "")
