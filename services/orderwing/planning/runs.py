"""Which lane and departure a shipment takes: the cheapest that still has room."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from orderwing.planning.calendar import arrival_ms, departures, pick_ms, serving_lanes
from orderwing.planning.pricing import Load, price_list
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


class Run(NamedTuple):
    """A departure taken, with its price; `terms` are (name, minor units)."""

    lane: Lane
    departure_ms: int
    arrival_ms: int
    cost_minor: int
    terms: tuple[tuple[str, int], ...]


def best_run(network: Network, sent: Consignment, now_ms: int, room: Room) -> Run | None:
    """The cheapest departure with room, of those the earliest arrival, then the first lane; None if none has any.

    On one lane a later departure is never cheaper, so the first with room is its best.
    """
    site, load, prices = sent.site, sent.load, price_list(network)
    earliest, parcels = now_ms + pick_ms(site, sent.units), load.parcels
    best: tuple[int, int, int, Lane, int] | None = None
    for place, lane in enumerate(serving_lanes(network, site.site_id, sent.zone, sent.service_level)):
        freight = prices.freight_minor(lane, load)
        if best is not None and freight > best[0]:
            continue
        for departure in departures(lane, site, earliest):
            arrival = arrival_ms(lane, departure)
            rank = (freight + prices.lateness_minor(arrival, sent.promise_at_ms), arrival, place)
            if best is not None and rank > best[:3]:
                break
            if room.fits(site, lane, departure, sent.units, parcels):
                best = (*rank, lane, departure)
                break
    if best is None:
        return None
    cost, arrival, _, lane, departure = best
    return Run(lane, departure, arrival, cost, prices.terms(lane, load, arrival, sent.promise_at_ms))
