"""Why promises were missed: by the plan, by its release, at the warehouse's dock or on the road."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from orderwing.audit.capacity import StandingPlans
from orderwing.audit.facts import History
from orderwing.audit.lifecycle import OrderTrace
from orderwing_schemas.network import Network

MINUTE_MS = 60_000


def missed_promises(
    history: History, plans: StandingPlans, traces: Mapping[str, OrderTrace], network: Network
) -> Counter[str]:
    """Shipments delivered after their promise, by cause.

    `planned_late`: no plan could keep it. `released_late`: the warehouse had less than half of its picking time, or
    what it waited for came after the departure that was planned.
    `left_late`: it would have come in time, had it left with its departure. `on_the_road`: the rest.
    """
    released = {value["shipment_id"]: value for value in history.of("shipment.released.v1")}
    planned = {one["shipment_id"]: one for plan in plans.values() for one in plan["shipments"]}
    left_ms = _left_ms(history)
    missed: Counter[str] = Counter()
    for trace in traces.values():
        for shipment_id, (delivered_ms, promised_ms) in trace.delivered_at_ms.items():
            if delivered_ms > promised_ms and (release := released.get(shipment_id)) is not None:
                late_ms = left_ms.get(shipment_id, 0) - release["departure_at_ms"]
                in_time = delivered_ms - max(0, late_ms) <= promised_ms
                missed[_cause(release, planned.get(shipment_id, release), network, in_time)] += 1
    return missed


def _left_ms(history: History) -> Mapping[str, int]:
    """When shipments left: by the word of it; where that was left out, with the departure of their manifest."""
    manifests = history.of("manifest.closed.v1")
    departed = {shipment_id: value["departure_at_ms"] for value in manifests for shipment_id in value["shipped"]}
    left_ms: dict[str, int] = {}
    told_by: dict[str, str] = {}
    for fact in history.by_type.get("shipment.progressed.v1", ()):
        shipment_id, at_ms, status = fact.body["shipment_id"], fact.body["at_ms"], fact.body["status"]
        if status == "shipped" and shipment_id not in left_ms:
            left_ms[shipment_id], told_by[shipment_id] = at_ms, fact.cause
        elif status == "in_transit" and told_by.get(shipment_id) == fact.cause:  # one word told of both
            left_ms[shipment_id] = departed.get(shipment_id, at_ms)
    return left_ms


def _cause(
    release: Mapping[str, Any], planned: Mapping[str, Any], network: Network, in_time_but_for_the_dock: bool
) -> str:
    pick_ms = network.site_by_id[release["site_id"]].pick_minutes * MINUTE_MS
    missed_it = planned["departure_at_ms"] < release["departure_at_ms"]
    if (planned if missed_it else release)["arrival_at_ms"] > release["promise_at_ms"]:
        return "planned_late"
    if missed_it or release["departure_at_ms"] - release["released_at_ms"] < pick_ms / 2:
        return "released_late"
    return "left_late" if in_time_but_for_the_dock else "on_the_road"
