"""Waves: what leaves together. Its manifest tells what was handed over, in which stops, and what was late for it."""

from __future__ import annotations

from collections.abc import Sequence

from orderwing.dispatch.rows import LEFT, InWave, Progress, State, Wave
from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.planning.addresses import Door
from orderwing.planning.stops import MOST_PARCELS, Drop, Problem, door_of, plan
from orderwing_schemas import topics
from orderwing_schemas.events.dispatch import ManifestClosed, Stop

GRACE_MS = 15 * 60_000  # a warehouse tells of a departure after it: its word may take this long to come


def wave_id_of(lane_id: str, departure_at_ms: int) -> str:
    return f"{lane_id}@{departure_at_ms}"


def close_ms(departure_at_ms: int) -> int:
    return departure_at_ms + GRACE_MS


def wave_due(view: View, wave: Wave, _now_ms: int) -> Decision:
    """Close the manifest. A shipment released after that makes a wave, and a manifest, of its own."""
    draft = Draft(view)
    shipped: list[InWave] = []
    late: list[InWave] = []
    for member in view.scan(InWave, wave.wave_id):
        progress = view.get(Progress, member.shipment_id)
        if progress is not None and progress.state is not State.EMPTY:
            (shipped if progress.state in LEFT else late).append(member)
        draft.drop(InWave, member.key)
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
