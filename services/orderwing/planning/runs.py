"""Which lane and departure a shipment takes: the cheapest that still has room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from orderwing.planning.calendar import arrival_ms, departures, pick_ms, serving_lanes
from orderwing.planning.costs import freight_minor, lateness_minor, named_terms
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Lane, Network, Site


class Room(Protocol):
    """What is left of the capacities of lanes and sites."""

    def fits(self, site: Site, lane: Lane, departure_ms: int, units: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class Load:
    """What one site ships of a part, and where to."""

    site: Site
    zone: str
    service_level: ServiceLevel
    line_count: int
    units: int
    grams: int
    promise_at_ms: int


@dataclass(frozen=True, slots=True)
class Run:
    """A departure taken, with its price; `terms` are (name, minor units)."""

    lane: Lane
    departure_ms: int
    arrival_ms: int
    cost_minor: int
    terms: tuple[tuple[str, int], ...]


def best_run(network: Network, load: Load, now_ms: int, room: Room) -> Run | None:
    """The cheapest departure with room, of those the earliest arrival, then the first lane; None if none has any.

    On one lane a later departure is never cheaper, so the first with room is its best.
    """
    site, policies = load.site, network.policies
    earliest = now_ms + pick_ms(site, load.units)
    best: tuple[int, int, int, Lane, int] | None = None
    for place, lane in enumerate(serving_lanes(network, site.site_id, load.zone, load.service_level)):
        freight = freight_minor(site, lane, load.line_count, load.grams)
        if best is not None and freight > best[0]:
            continue
        for departure in departures(lane, site, earliest):
            arrival = arrival_ms(lane, departure)
            rank = (freight + lateness_minor(policies, arrival, load.promise_at_ms), arrival, place)
            if best is not None and rank > best[:3]:
                break
            if room.fits(site, lane, departure, load.units):
                best = (*rank, lane, departure)
                break
    if best is None:
        return None
    _, arrival, _, lane, departure = best
    terms = named_terms(
        site,
        lane,
        policies,
        line_count=load.line_count,
        grams=load.grams,
        arrival_at_ms=arrival,
        promise_at_ms=load.promise_at_ms,
    )
    return Run(lane, departure, arrival, sum(amount for _, amount in terms), terms)
