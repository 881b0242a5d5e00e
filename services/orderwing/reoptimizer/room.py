"""Room as far as the pool tells: hours of picking and departures, less what its parts have booked of them.

Allocation knows more, as what is frozen or gathered; it books, and refuses what does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from orderwing.planning.calendar import picking_hours
from orderwing.reoptimizer.pool import PoolPart
from orderwing_schemas.network import Lane, Network, Site

Hour = tuple[str, int]  # site, hour since 1970
Departure = tuple[str, int]  # lane, when
Told = tuple[tuple[str, int, int], ...]  # (site or lane, when, units or parcels)
NO_ROOM = "no departure in time has room"


class Booked(NamedTuple):
    """Units of hours of picking, and parcels of departures."""

    hours: Mapping[Hour, int]
    departures: Mapping[Departure, int]


NOTHING_BOOKED = Booked({}, {})


def booked_by(network: Network, parts: Iterable[PoolPart]) -> Booked:
    """By the standing plans of these parts. Plans of earlier versions do not tell their lanes."""
    hours: Counter[Hour] = Counter()
    departures: Counter[Departure] = Counter()
    for part in parts:
        for leg in part.legs:
            site, lane = network.site_by_id.get(leg.site_id), network.lane_by_id.get(leg.lane_id)
            units = sum([take.quantity for take in part.takes if take.site_id == leg.site_id])
            if site is not None and units:
                for hour, some in picking_hours(site, leg.departure_at_ms, units):
                    hours[leg.site_id, hour] += some
            if lane is not None:
                departures[leg.lane_id, leg.departure_at_ms] += _places(lane, leg.parcels)
    return Booked(hours, departures)


class Spare(NamedTuple):
    """What may be added to each of some departures, whoever asks. Of less than an hour of picking."""

    units: int
    parcels: int

    def takes(self, units: int, parcels: int) -> bool:
        return units <= self.units and parcels <= self.parcels


NONE = Spare(0, 0)


class Room:
    """What `booked` leaves, with what a part itself has booked counted as free.

    Remembers the hours that were asked about and the departures that were too full, to tell of them.
    """

    def __init__(self, network: Network, booked: Booked) -> None:
        self._network = network
        self._booked = booked
        self._part: PoolPart | None = None
        self._own = NOTHING_BOOKED
        self._met_hours: dict[Hour, int] = {}
        self._full: dict[Departure, int] = {}

    @classmethod
    def beside(cls, network: Network, parts: Iterable[PoolPart]) -> Room:
        """As the standing plans of these parts leave it."""
        return cls(network, booked_by(network, parts))

    def fits(self, part: PoolPart, site: Site, lane: Lane, departure_ms: int, units: int, parcels: int) -> bool:
        """Whether the part's units can be picked at the site for a departure that takes its parcels."""
        if part is not self._part:  # a part is asked about many times on end
            self._part, self._own = part, booked_by(self._network, (part,))
        place = (lane.lane_id, departure_ms)
        taken = self._booked.departures.get(place, 0)
        fits = lane.parcels_per_departure - taken + self._own.departures.get(place, 0) >= _places(lane, parcels)
        if not fits:
            self._full[place] = taken
        for hour, needed in picking_hours(site, departure_ms, units):
            others = self._picked(site, hour) - self._own.hours.get((site.site_id, hour), 0)
            fits = fits and site.units_per_hour - others >= needed
        return fits

    def spare(self, site: Site, leaving: Iterable[tuple[Lane, int]], units: int) -> Spare:
        """So much at least of each (lane, departure), so that few have to be asked about one by one."""
        if units > site.units_per_hour:
            return NONE
        booked = self._booked.departures
        left = [
            (
                site.units_per_hour - self._picked(site, picking_hours(site, departure_ms, units)[0][0]),
                lane.parcels_per_departure - booked.get((lane.lane_id, departure_ms), 0),
            )
            for lane, departure_ms in leaving
        ]
        return Spare(min([one for one, _ in left], default=0), min([one for _, one in left], default=0))

    def _picked(self, site: Site, hour: int) -> int:
        """Units that are booked of the hour, as is remembered."""
        picked = self._booked.hours.get((site.site_id, hour), 0)
        if picked:
            self._met_hours[site.site_id, hour] = picked
        return picked

    def told(self, parts: Collection[PoolPart], sites: Collection[str]) -> tuple[Told, Told]:
        """All that is booked at these sites of hours that mattered or that the parts use, and of full departures."""
        own = booked_by(self._network, parts).hours
        hours = {hour: units for hour, units in self._met_hours.items() if hour[0] in sites}
        hours |= {hour: self._booked.hours.get(hour, 0) for hour in own}
        lanes = self._network.lane_by_id
        full = {place: parcels for place, parcels in self._full.items() if lanes[place[0]].site_id in sites}
        return _sorted(hours), _sorted(full)


def _places(lane: Lane, parcels: int) -> int:
    """A shipment of more parcels than any departure takes has one to itself."""
    return min(parcels, lane.parcels_per_departure)


def _sorted(booked: Mapping[tuple[str, int], int]) -> Told:
    return tuple([(*place, amount) for place, amount in sorted(booked.items())])
