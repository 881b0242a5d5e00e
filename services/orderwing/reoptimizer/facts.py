"""What a proposal keeps of what it rests on, so that it can be made again."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orderwing.reoptimizer.counting import Counts
from orderwing.reoptimizer.pool import Leg, Pool, PoolPart
from orderwing.reoptimizer.room import Room
from orderwing_schemas.domain import HeldLine
from orderwing_schemas.events.reoptimizer import ProposalFacts, StandingLeg, StandingPart
from orderwing_schemas.network import Network

_MOST = 2_000  # shelves, hours and departures: of more nothing is kept


def facts_of(
    parts: Iterable[PoolPart], pool: Pool, network: Network, ready_ms: int, room: Room, counts: Counts | None = None
) -> ProposalFacts | None:
    """Of a proposal that changes these parts. None where it is too much to keep."""
    moved = tuple(parts)
    skus = dict.fromkeys([line.sku for part in moved for line in part.lines])
    places = [(site.site_id, sku) for site in network.sites_by_region.get(pool.region, ()) for sku in skus]
    free = tuple([(*place, units) for place in places if (units := pool.free.get(place, 0))])
    sites = {site_id for site_id, *_ in free} | {take.site_id for part in moved for take in part.takes}
    hours, full = room.told(moved, sites)
    if len(free) + len(hours) + len(full) > _MOST:
        return None
    facts = ProposalFacts(
        network_version=network.version,
        ready_at_ms=ready_ms,
        parts=tuple([_standing(one, counts is not None and counts.of(one) is not None) for one in moved]),
        free=free,
        hours=hours,
        booked=full,
    )
    if counts is None or all(counts.of(one) is None for one in moved):
        return facts
    hours, prices = counts.hours_for(moved) or hours, counts.prices(places)
    if len(places) + len(hours) + len(full) > _MOST:
        return None
    return facts.model_copy(update={**counts.policy_told(moved), "steering": prices, "hours": hours})


def _standing(part: PoolPart, counted: bool) -> StandingPart:
    held = [HeldLine(line_id=t.line_id, sku=t.sku, site_id=t.site_id, quantity=t.quantity) for t in part.takes]
    return StandingPart(
        part_id=part.part_id,
        zone=part.zone,
        service_level=part.service_level,
        one_box=part.one_box,
        may_split=part.may_split,
        max_delay_minutes=part.max_delay_minutes,
        held=tuple(held),
        cost_minor=part.cost_minor,
        arrival_at_ms=part.arrival_at_ms,
        promise_at_ms=part.promise_at_ms,
        strategy=part.strategy if counted else None,
        barred=part.barred or None,
        legs=tuple([_leg(leg) for leg in part.legs]),
    )


def _leg(leg: Leg) -> StandingLeg:
    told = msgspec.structs.asdict(leg)
    return StandingLeg(**told | {"lane_id": leg.lane_id or None})
