"""Waves: what leaves together. Its manifest tells what was handed over, and what was late for it."""

from __future__ import annotations

from orderwing.dispatch.rows import LEFT, InWave, Progress, State, Wave
from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing_schemas import topics
from orderwing_schemas.events.dispatch import ManifestClosed

GRACE_MS = 15 * 60_000  # a warehouse tells of a departure after it: its word may take this long to come


def wave_id_of(lane_id: str, departure_at_ms: int) -> str:
    return f"{lane_id}@{departure_at_ms}"


def close_ms(departure_at_ms: int) -> int:
    return departure_at_ms + GRACE_MS


def wave_due(view: View, wave: Wave, _now_ms: int) -> Decision:
    """Close the manifest. A shipment released after that makes a wave, and a manifest, of its own."""
    draft = Draft(view)
    shipped: list[str] = []
    late: list[str] = []
    for member in view.scan(InWave, wave.wave_id):
        progress = view.get(Progress, member.shipment_id)
        if progress is not None and progress.state is not State.EMPTY:
            (shipped if progress.state in LEFT else late).append(member.shipment_id)
        draft.drop(InWave, member.key)
    draft.drop(Wave, wave.wave_id)
    draft.emit(
        topics.MANIFESTS,
        ManifestClosed(
            site_id=wave.site_id,
            wave_id=wave.wave_id,
            carrier=wave.carrier,
            departure_at_ms=wave.departure_at_ms,
            shipped=tuple(shipped),
            late=tuple(late),
        ),
    )
    return draft.decision()
