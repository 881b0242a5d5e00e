"""Road distances as the settings want them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderwing.planning.distances import Distances
    from orderwing.runtime.metrics import Metrics
    from orderwing.runtime.settings.tree import Distances as Wanted


def road_distances(wanted: Wanted, metrics: Metrics) -> Distances | None:
    """An engine behind its cache, with estimates while it is down; None where straight lines are wanted."""
    from orderwing.planning.distances.detour import Detour
    from orderwing.planning.distances.fallback import guarded
    from orderwing.planning.distances.graphhopper import GraphHopper
    from orderwing.planning.distances.osrm import Osrm
    from orderwing.runtime.distance_alarm import DistanceAlarm

    if wanted.engine == "haversine":
        return None
    if wanted.engine == "osrm":
        engine: Osrm | GraphHopper = Osrm(
            wanted.url, wanted.profile or "driving", limit=wanted.table_limit, snap_m=wanted.snap_m
        )
    else:
        engine = GraphHopper(wanted.url, wanted.profile or "car", snap_m=wanted.snap_m)
    detour = Detour(wanted.detour_factor, wanted.speed_kmh / 3.6)
    alarm = DistanceAlarm(metrics, engine.name)
    return guarded(engine, detour, alarm, time.monotonic, cache=wanted.cache, version=wanted.map_version)
