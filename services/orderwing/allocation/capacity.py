"""Capacity: what sites pick in an hour and departures carry. Booked is never more than there is.

While a part moves, each place is booked with the larger of what the old and the new plan need there, so that either
answer finds its capacity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping

from msgspec.structs import replace

from orderwing.allocation.places import Departure, PickingHour
from orderwing.allocation.rows import Shipment, Shipments
from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.planning.calendar import HOUR_MS, picking_hours
from orderwing_schemas.network import Lane, Network, Site

Place = tuple[str, str, int]  # ("site", site id, hour) or ("lane", lane id, departure)
Needs = Mapping[Place, int]


class OverbookedError(RuntimeError):
    """A booking beyond the capacity: a defect."""


def needs(network: Network, shipments: Shipments) -> dict[Place, int]:
    """What a plan takes: parcels on each departure, units in each picking hour."""
    taken: dict[Place, int] = {}
    for kept in shipments:
        shipment = kept if kept.places or kept.is_transfer else _counted(network, kept)
        if not shipment.is_transfer:
            _add(taken, ("lane", shipment.lane_id, shipment.departure_at_ms), shipment.places)
        for hour, units in shipment.hours:
            _add(taken, ("site", shipment.site_id, hour), units)
    return taken


def _counted(network: Network, shipment: Shipment) -> Shipment:
    """By this network; nothing where it knows the lane no more: what is booked there ends with its time."""
    lane = network.lane_by_id.get(shipment.lane_id)
    if lane is None:
        return shipment
    hours = picking_hours(network.site_by_id[lane.site_id], shipment.departure_at_ms, shipment.units)
    return replace(shipment, places=places(lane, shipment.parcels), hours=hours)


class Room:
    """The room left, with what the part itself holds counted as free.

    `met` is told what others have booked: of departures that were too full, and of hours that were asked about.
    """

    def __init__(self, draft: Draft, own: Needs, met: MutableMapping[Place, int] | None = None) -> None:
        self._draft = draft
        self._own = own
        self._met = {} if met is None else met

    def fits(self, site: Site, lane: Lane, departure_ms: int, units: int, parcels: int) -> bool:
        place = ("lane", lane.lane_id, departure_ms)
        others, picked = self._others(place), self.can_pick(site, departure_ms, units)
        if lane.parcels_per_departure - others < places(lane, parcels):
            self._met[place] = others
            return False
        return picked

    def can_pick(self, site: Site, departure_ms: int, units: int) -> bool:
        """All hours are looked at: room in one of them alone may not do."""
        fits = True
        for hour, needed in picking_hours(site, departure_ms, units):
            if others := self.taken(site.site_id, hour):
                self._met["site", site.site_id, hour] = others
                fits = fits and site.units_per_hour - others >= needed
        return fits

    def percent(self, site: Site, hours: Iterable[tuple[int, int]]) -> int:
        """How full the fullest of some hours of picking is."""
        return 100 * max([self.taken(site.site_id, hour) for hour, _ in hours], default=0) // site.units_per_hour

    def taken(self, site_id: str, hour: int) -> int:
        """Units that others have booked."""
        return self._others(("site", site_id, hour))

    def _others(self, place: Place) -> int:
        return booked(self._draft, place) - self._own.get(place, 0)


def places(lane: Lane, parcels: int) -> int:
    """A shipment of more parcels than any departure takes has one to itself, rather than never to leave."""
    return min(parcels, lane.parcels_per_departure)


def booked(view: View | Draft, place: Place) -> int:
    kind, owner, when = place
    key = f"{owner}|{when}"
    row = view.get(PickingHour, key) if kind == "site" else view.get(Departure, key)
    return 0 if row is None else row.booked


def book(draft: Draft, standing: Needs, wanted: Needs) -> None:
    """Book what `wanted` needs beyond `standing`. Raises OverbookedError."""
    for place, amount in wanted.items():
        extra = amount - standing.get(place, 0)
        if extra > 0:
            now_booked = booked(draft, place) + extra
            if now_booked > _capacity(draft.network, place):
                raise OverbookedError(f"{place[0]} {place[1]} at {place[2]}: {now_booked} booked")
            _put(draft, place, now_booked)


def free(draft: Draft, dropped: Needs, kept: Needs) -> None:
    """Free what `dropped` needs beyond `kept`; places whose time has passed are gone already."""
    for place, amount in dropped.items():
        extra = amount - kept.get(place, 0)
        if extra > 0 and (now_booked := booked(draft, place)):
            _put(draft, place, max(0, now_booked - extra))


def hour_over(_view: View, row: PickingHour, _now_ms: int) -> Decision:
    return Decision(drops=((PickingHour, row.key),))


def departed(_view: View, row: Departure, _now_ms: int) -> Decision:
    return Decision(drops=((Departure, row.key),))


def _add(taken: dict[Place, int], place: Place, amount: int) -> None:
    taken[place] = taken.get(place, 0) + amount


def _capacity(network: Network, place: Place) -> int:
    kind, owner, _ = place
    if kind == "site":
        return network.site_by_id[owner].units_per_hour
    return network.lane_by_id[owner].parcels_per_departure


def _put(draft: Draft, place: Place, amount: int) -> None:
    kind, owner, when = place
    row: PickingHour | Departure
    if kind == "site":
        row = PickingHour(site_id=owner, hour=when, booked=amount, wake_at_ms=(when + 2) * HOUR_MS)
    else:
        row = Departure(lane_id=owner, departure_at_ms=when, booked=amount, wake_at_ms=when + HOUR_MS)
    if amount:
        draft.put(row)
    else:
        draft.drop(type(row), row.key)
