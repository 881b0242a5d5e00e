"""Capacity and freeze: nothing booked beyond what there is, nothing released that is not frozen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orderwing.audit.facts import History, Violation
from orderwing_schemas.network import Network, Site

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
StandingPlans = Mapping[str, Mapping[str, Any]]  # part -> its plan of the highest version


def standing_plans(history: History) -> StandingPlans:
    plans: dict[str, dict[str, Any]] = {}
    for value in history.of("part.allocated.v1"):
        known = plans.get(value["part_id"])
        if known is None or value["version"] > known["version"]:
            plans[value["part_id"]] = value
    return plans


def check_plans(history: History, plans: StandingPlans, network: Network) -> Iterator[Violation]:
    yield from _versions(history)
    yield from _capacity(plans, network)
    yield from _frozen_before_released(history, plans)


def _versions(history: History) -> Iterator[Violation]:
    """Versions of a part count from 1 without gaps or repeats."""
    last: dict[str, int] = {}
    for value in history.of("part.allocated.v1"):
        expected = last.get(value["part_id"], 0) + 1
        if value["version"] != expected:
            yield Violation("duplicated", value["part_id"], f"plan v{value['version']} where v{expected} was due")
        last[value["part_id"]] = value["version"]


def _capacity(plans: StandingPlans, network: Network) -> Iterator[Violation]:
    lanes = {lane.lane_id: lane for lane in network.lanes}
    parcels: Counter[tuple[str, int]] = Counter()
    units: Counter[tuple[str, int]] = Counter()
    for plan in plans.values():
        for shipment in plan["shipments"]:
            site = network.site_by_id[shipment["site_id"]]
            for hour, picked in _picking(site, shipment):
                units[site.site_id, hour] += picked
            if shipment.get("to_site_id"):  # no parcel of a departure
                continue
            most = lanes[shipment["lane_id"]].parcels_per_departure  # of a shipment that no departure takes whole
            parcels[shipment["lane_id"], shipment["departure_at_ms"]] += min(shipment.get("parcels", 1), most)
    for (lane_id, departure), booked in parcels.items():
        if booked > lanes[lane_id].parcels_per_departure:
            yield Violation("capacity", f"{lane_id}@{departure}", f"{booked} parcels booked")
    for (site_id, hour), booked in units.items():
        if booked > network.site_by_id[site_id].units_per_hour:
            yield Violation("capacity", f"{site_id}@{hour}", f"{booked} units booked in an hour")


def _picking(site: Site, shipment: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """(hour, units): a pick of more than an hour's units begins whole hours earlier and fills those first."""
    left = sum(line["quantity"] for line in shipment["lines"])
    start_ms = shipment["departure_at_ms"] - site.pick_minutes * MINUTE_MS
    hour = start_ms // HOUR_MS - (left - 1) // site.units_per_hour
    while left > 0:
        yield hour, min(left, site.units_per_hour)
        left -= site.units_per_hour
        hour += 1


def _frozen_before_released(history: History, plans: StandingPlans) -> Iterator[Violation]:
    frozen = {value["part_id"]: value["version"] for value in history.of("part.frozen.v1")}
    planned = {s["shipment_id"]: p for p in plans.values() for s in p["shipments"]}
    for value in history.of("shipment.ordered.v1"):
        part_id = value["part_id"]
        if part_id not in frozen:
            yield Violation("freeze", part_id, "ordered from the warehouse, but never frozen")
        elif frozen[part_id] != plans[part_id]["version"]:
            yield Violation("freeze", part_id, f"frozen at v{frozen[part_id]}, replanned after")
    released: Counter[str] = Counter()
    for value in history.of("shipment.released.v1"):
        released[value["shipment_id"]] += 1
        if value["shipment_id"] not in planned:
            yield Violation("freeze", value["shipment_id"], "released, but no standing plan has it")
    for shipment_id, times in released.items():
        if times > 1:
            yield Violation("duplicated", shipment_id, f"released {times} times")
