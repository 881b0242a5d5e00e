"""What in a network file and a catalogue keeps orders from being priced or shipped, or cannot be meant: by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orderwing.planning.calendar import HORIZON_DAYS, earliest_departure
from orderwing.planning.pricing import unpriced
from orderwing_schemas.network import Item, Lane, Network, Site

DAY_MINUTES = 1_440
LONGEST_PICK_MINUTES = HORIZON_DAYS * DAY_MINUTES
LONGEST_WAY_MINUTES = 366 * DAY_MINUTES


def unusable(network: Network, items: Iterable[Item] = ()) -> list[str]:
    """What orders could not be priced or planned with, one sentence each."""
    return [*map(str, unpriced(network, items)), *_durations(network)]


def faults(network: Network, items: Iterable[Item] = ()) -> list[str]:
    """The same, and what loses to something else without a word."""
    items = tuple(items)
    rest = [*_lane_faults(network), *_item_faults(network, items), *_policy_faults(network)]
    return [*unusable(network, items), *rest]


def never(lane: Lane, site: Site) -> str:
    return (
        f"lane {lane.lane_id} never leaves while site {site.site_id} is open "
        f"(opens_minute {site.opens_minute}, closes_minute {site.closes_minute})"
    )


def _durations(network: Network) -> Iterator[str]:
    told = [(f"sites[{site.site_id}].pick_minutes", site.pick_minutes, LONGEST_PICK_MINUTES) for site in network.sites]
    told += [
        (f"lanes[{one.lane_id}].transit_minutes", one.transit_minutes, LONGEST_WAY_MINUTES) for one in network.lanes
    ]
    told += [
        (f"transfers[{one.from_site}-{one.to_site}].minutes", one.minutes, LONGEST_WAY_MINUTES)
        for one in network.transfers
    ]
    for field, minutes, most in told:
        if minutes > most:
            yield f"{field}: is {minutes}, and more than {most // DAY_MINUTES} days cannot be planned"


def _lane_faults(network: Network) -> Iterator[str]:
    for lane in network.lanes:
        site = network.site_by_id[lane.site_id]
        if site.pick_minutes <= LONGEST_PICK_MINUTES and earliest_departure(lane, site, 0) is None:
            yield f"lanes[{lane.lane_id}].offset_minutes: {never(lane, site)}"
        if lane.every_minutes > DAY_MINUTES:
            yield f"lanes[{lane.lane_id}].every_minutes: is {lane.every_minutes}, and it leaves once a day all the same"
        if lane.rate_zone is not None and (lane.carrier, lane.rate_zone) not in network.rate_card_by_zone:
            said = f"no rate card is for carrier {lane.carrier}, zone {lane.rate_zone}: the lane's own prices count"
            yield f"lanes[{lane.lane_id}].rate_zone: {said}"
    reached = {lane.site_id for lane in network.lanes}
    for transfer in network.transfers:
        if transfer.to_site not in reached:
            yield f"transfers[{transfer.from_site}-{transfer.to_site}].to_site: no lane leaves it"
    for site in network.sites:
        if site.site_id not in reached and all(t.from_site != site.site_id for t in network.transfers):
            yield f"sites[{site.site_id}].site_id: no lane and no transfer leaves it"


def _item_faults(network: Network, items: Iterable[Item]) -> Iterator[str]:
    cards = any(card.volumetric_cm3_per_kg for card in network.rate_cards)
    for item in items:
        if network.rate_cards and not item.weight_g:
            yield f"items[{item.sku}].weight_g: is 0, and rate cards charge by weight"
        if (network.cartons or cards) and not item.volume_cm3:
            yield f"items[{item.sku}].volume_cm3: is 0, and cartons or rate cards need it"


def _policy_faults(network: Network) -> Iterator[str]:
    services = [one.service for one in network.policies.consolidation]
    for place, service in enumerate(services):
        if service in services[:place]:
            yield f"policies.consolidation[{place}].service: {service} has one already, which counts"
