"""Which lane and departure a shipment takes: the cheapest that still has room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from orderwing.planning.calendar import arrival_ms, departures, pick_ms, serving_lanes
from orderwing.planning.pricing import Load, price_list
from orderwing.planning.pricing.shipments import lateness_minor
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Lane, Network, Site


class Room(Protocol):
    """What is left of the capacities of lanes and sites."""

    def fits(self, site: Site, lane: Lane, departure_ms: int, units: int, parcels: int) -> bool: ...


class Consignment(NamedTuple):
    """What one site ships of a part, and where to."""

    site: Site
    zone: str
    service_level: ServiceLevel
    units: int
    load: Load
    promise_at_ms: int


class Late(NamedTuple):
    """What being late counts instead of what it costs: an hour's price, from so on."""

    due_at_ms: int
    hour_minor: int

    def minor(self, arrival_at_ms: int) -> int:
        return lateness_minor(self.hour_minor, arrival_at_ms, self.due_at_ms)


class Run(NamedTuple):
    """A departure taken, with its price; `terms` are (name, minor units)."""

    lane: Lane
    departure_ms: int
    arrival_ms: int
    cost_minor: int
    terms: tuple[tuple[str, int], ...]


def best_run(
    network: Network,
    sent: Consignment,
    now_ms: int,
    room: Room,
    late: Late | None = None,
    avoided: Collection[str] = (),
) -> Run | None:
    """The cheapest departure with room, of those the earliest arrival, then the first lane; None if none has any.

    On one lane a later departure is never cheaper, so the first with room is its best. `late` decides and is not
    charged. Carriers that are `avoided` are taken where no other has room.
    """
    lanes = serving_lanes(network, sent.site.site_id, sent.zone, sent.service_level)
    if avoided:
        rest = [lane for lane in lanes if lane.carrier not in avoided]
        if len(rest) < len(lanes) and (found := _best_of(network, rest, sent, now_ms, room, late)) is not None:
            return found
    return _best_of(network, lanes, sent, now_ms, room, late)


def _best_of(
    network: Network, lanes: Sequence[Lane], sent: Consignment, now_ms: int, room: Room, late: Late | None
) -> Run | None:
    site, load, prices = sent.site, sent.load, price_list(network)
    earliest, parcels = now_ms + pick_ms(site, sent.units), load.parcels
    best: tuple[int, int, int, Lane, int] | None = None
    for place, lane in enumerate(lanes):
        freight = prices.freight_minor(lane, load)
        if best is not None and freight > best[0]:
            continue
        for departure in departures(lane, site, earliest):
            arrival = arrival_ms(lane, departure)
            lateness = prices.lateness_minor(arrival, sent.promise_at_ms) if late is None else late.minor(arrival)
            rank = (freight + lateness, arrival, place)
            if best is not None and rank > best[:3]:
                break
            if room.fits(site, lane, departure, sent.units, parcels):
                best = (*rank, lane, departure)
                break
    if best is None:
        return None
    weighed, arrival, _, lane, departure = best
    cost = weighed
    if late is not None:
        cost += prices.lateness_minor(arrival, sent.promise_at_ms) - late.minor(arrival)
    return Run(lane, departure, arrival, cost, prices.terms(lane, load, arrival, sent.promise_at_ms))
