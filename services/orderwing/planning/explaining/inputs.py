"""The inputs of a decision that can be turned, one number each: prices, stock, cut-offs, times, thresholds.

`stops` are the values at which the decision may change, the nearest first, so that none has to be tried between them;
None for prices, whose effect on a cost is at most `slope` a unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from orderwing.planning.calendar import MINUTE_MS, arrival_ms, departures, earliest_departure, pick_ms
from orderwing.planning.explaining.facts import Facts, edited
from orderwing.planning.pricing import HOUR_MS
from orderwing_schemas.network import Lane, RateCard, Site, Transfer

DAY_MS = 24 * HOUR_MS
DEPARTURES = 50  # of a lane, before now, that an earlier decision could have met
MOST_MINOR = 10_000_000  # 100,000.00: nobody asks what were if a parcel cost that


class Unit(StrEnum):
    MINOR = "minor"
    UNITS = "units"
    PARCELS = "parcels"
    MINUTES = "minutes"
    TIME = "time"  # domain milliseconds


@dataclass(frozen=True)
class Input:
    """`turn` makes it another value. Values lie within `low` and `high`."""

    name: str
    about: str  # the lane, site or SKU
    unit: Unit
    value: int
    turn: Callable[[Facts, int], Facts]
    low: int = 0
    high: int = MOST_MINOR
    slope: int | None = None
    stops: tuple[int, ...] | None = None
    concave: bool = True  # costs are, in the price: not where each of its products is rounded up

    @property
    def is_quick(self) -> bool:
        """Whether few values have to be tried."""
        return self.stops is not None or (self.slope is not None and self.concave)


def stock(facts: Facts, site_id: str, sku: str) -> Input:
    def turn(changed: Facts, units: int) -> Facts:
        return changed.with_stock(site_id, sku, units)

    return Input("stock", f"{sku} at {site_id}", Unit.UNITS, facts.atp(site_id, sku), turn)


def prices(facts: Facts, wanted: Set[str], packing: Set[str]) -> Iterator[Input]:
    """What shipping from the sites costs, `packing` where that is wanted. No `slope` where costs share out lines."""
    parcels = _size(facts) if facts.network.cartons else 1  # of a site at most
    grams, steady = _grams(facts), _is_whole_somewhere(facts)
    cards = facts.network.rate_card_by_zone
    for place, lane in enumerate(facts.network.lanes):
        if lane.site_id in wanted:
            own = (lane.carrier, lane.rate_zone or lane.zone) not in cards  # where a card counts they do not
            if own:
                yield _of_lane(place, lane, "parcel_minor", "parcel rate", parcels)
            if own and lane.kilogram_minor:
                heavy = -(-grams // 1000) + parcels
                yield _of_lane(place, lane, "kilogram_minor", "rate of a kilogram", heavy if steady else None)
            if lane.line_haul_minor:
                yield _of_lane(place, lane, "line_haul_minor", "line-haul", parcels)
    for place, site in enumerate(facts.network.sites):
        if site.site_id in wanted:
            slope = len(facts.needed) + len(facts.lines) if steady else None
            yield _of_site(place, site, "handling_line_minor", "price of picking a line", slope)
        if site.site_id in packing:
            yield _of_site(place, site, "handling_parcel_minor", "price of packing a parcel", parcels)
    for place, transfer in enumerate(facts.network.transfers):
        if transfer.from_site in wanted and transfer.to_site in wanted:
            yield _of_transfer(place, transfer)
    used = {(lane.carrier, lane.rate_zone or lane.zone) for lane in facts.network.lanes if lane.site_id in wanted}
    for place, card in enumerate(facts.network.rate_cards):
        if (card.carrier, card.zone) in used:
            yield _of_card(place, card, parcels * len(facts.sites))


def late_hour(facts: Facts) -> Input:
    """The price of an hour after the promise."""
    arrivals = _arrivals(facts)
    hours = -(-(max(arrivals) - min(arrivals)) // HOUR_MS) if arrivals else 0

    def turn(changed: Facts, minor: int) -> Facts:
        policies = changed.network.policies
        return changed.with_policies(policies.model_copy(update={"late_hour_minor": minor}))

    value = facts.network.policies.late_hour_minor
    slope = max(1, hours) * len(facts.sites) + len(facts.sites)  # each rounded up
    return Input("price of an hour late", "", Unit.MINOR, value, turn, slope=slope, concave=False)


def of_policies(facts: Facts, field: str, name: str) -> Input:
    """A price among the network's policies that counts once in a comparison."""

    def turn(changed: Facts, minor: int) -> Facts:
        return changed.with_policies(changed.network.policies.model_copy(update={field: minor}))

    return Input(name, "", Unit.MINOR, getattr(facts.network.policies, field), turn, slope=1)


def cut_off(facts: Facts, site_id: str) -> Input | None:
    """Minutes of picking before a site's departures: its cut-off is so much before them. None where no fewer help."""
    place, site = next((n, site) for n, site in enumerate(facts.network.sites) if site.site_id == site_id)
    from_ms = facts.now_ms + pick_ms(site, _size(facts)) - site.pick_minutes * MINUTE_MS
    stops = set()
    for lane in facts.network.lanes:
        if lane.site_id == site_id:
            for at in departures(lane, site, from_ms, within_days=site.pick_minutes // (24 * 60) + 1):
                if at >= from_ms + site.pick_minutes * MINUTE_MS:
                    break
                stops.add((at - from_ms) // MINUTE_MS)
    if not stops:
        return None

    def turn(changed: Facts, minutes: int) -> Facts:
        return _with_site(changed, place, {"pick_minutes": minutes})

    listed = tuple(sorted(stops, reverse=True))
    return Input("cut-off", site_id, Unit.MINUTES, site.pick_minutes, turn, high=site.pick_minutes, stops=listed)


def earlier(facts: Facts) -> Input:
    """When it was decided: the cut-offs of the day before then."""
    stops = set()
    for lane in facts.network.lanes:
        site = next(site for site in facts.sites if site.site_id == lane.site_id)
        picking_ms = pick_ms(site, _size(facts))
        for at in departures(lane, site, max(0, facts.now_ms - DAY_MS + picking_ms), within_days=2):
            if at - picking_ms >= facts.now_ms:
                break
            stops.add(at - picking_ms)
    listed = tuple(islice(sorted((at for at in stops if at >= 0), reverse=True), DEPARTURES))
    return Input("time of the decision", "", Unit.TIME, facts.now_ms, Facts.at, high=facts.now_ms, stops=listed)


def patience(facts: Facts) -> Iterator[Input]:
    """Minutes later than the earliest possible that the customer accepts: more, and fewer."""
    arrivals = sorted(set(_arrivals(facts)))
    gaps = {-(-(late - soon) // MINUTE_MS) for soon in arrivals for late in arrivals if late > soon}
    now = facts.max_delay_minutes

    def turn(changed: Facts, minutes: int) -> Facts:
        return replace(changed, max_delay_minutes=minutes)

    more = tuple(sorted(gap for gap in gaps if gap > now))
    fewer = tuple(sorted({gap - 1 for gap in gaps if gap - 1 < now}, reverse=True))
    for stops in (more, fewer):
        if stops:
            yield Input("delay that the customer accepts", "", Unit.MINUTES, now, turn, stops=stops)


def saving_threshold(facts: Facts, savings: Iterable[int]) -> Iterator[Input]:
    """What gathering an order at one site has to save more than, where the service may gather at all."""
    service = facts.order.service_level
    offers = facts.network.policies.consolidation
    place = next((n for n, offer in enumerate(offers) if offer.service is service), None)
    if place is None:
        return
    value = offers[place].threshold_minor

    def turn(changed: Facts, minor: int) -> Facts:
        policies = changed.network.policies
        offer = policies.consolidation[place].model_copy(update={"threshold_minor": minor})
        listed = (*policies.consolidation[:place], offer, *policies.consolidation[place + 1 :])
        return changed.with_policies(policies.model_copy(update={"consolidation": listed}))

    wanted = sorted({saving for saving in savings if saving > 0})
    lower = tuple(sorted({saving - 1 for saving in wanted if saving - 1 < value}, reverse=True))
    higher = tuple([saving for saving in wanted if saving > value])
    for stops in (lower, higher):
        if stops:
            yield Input("saving threshold", service.value, Unit.MINOR, value, turn, stops=stops)


def _of_lane(place: int, lane: Lane, field: str, name: str, slope: int | None) -> Input:
    def turn(changed: Facts, minor: int) -> Facts:
        lanes = changed.network.lanes
        turned = lanes[place].model_copy(update={field: minor})
        return changed.on(edited(changed.network, lanes=(*lanes[:place], turned, *lanes[place + 1 :])))

    others = lane.parcel_minor + lane.kilogram_minor - getattr(lane, field)
    low = 0 if field == "line_haul_minor" or others else 1  # a lane whose prices are all nought has none
    about = f"lane {lane.lane_id} from {lane.site_id}"
    return Input(name, about, Unit.MINOR, getattr(lane, field), turn, low=low, slope=slope)


def _of_site(place: int, site: Site, field: str, name: str, slope: int | None) -> Input:
    def turn(changed: Facts, minor: int) -> Facts:
        return _with_site(changed, place, {field: minor})

    return Input(name, site.site_id, Unit.MINOR, getattr(site, field), turn, slope=slope)


def _of_transfer(place: int, transfer: Transfer) -> Input:
    def turn(changed: Facts, minor: int) -> Facts:
        transfers = changed.network.transfers
        turned = transfers[place].model_copy(update={"transfer_minor": minor})
        return changed.on(edited(changed.network, transfers=(*transfers[:place], turned, *transfers[place + 1 :])))

    about = f"{transfer.from_site} to {transfer.to_site}"
    return Input("price of the transfer", about, Unit.MINOR, transfer.transfer_minor, turn, slope=1)


def _of_card(place: int, card: RateCard, slope: int) -> Input:
    """Its first break; the others move along, so that they still ascend."""
    first = card.breaks[0].parcel_minor

    def turn(changed: Facts, minor: int) -> Facts:
        cards = changed.network.rate_cards
        moved = tuple(
            [b.model_copy(update={"parcel_minor": b.parcel_minor + minor - first}) for b in cards[place].breaks]
        )
        turned = cards[place].model_copy(update={"breaks": moved})
        return changed.on(edited(changed.network, rate_cards=(*cards[:place], turned, *cards[place + 1 :])))

    name = "first price of the rate card, the others alike,"
    return Input(name, f"{card.carrier} to {card.zone}", Unit.MINOR, first, turn, low=1, slope=slope)


def _with_site(facts: Facts, place: int, update: dict[str, int]) -> Facts:
    sites = facts.network.sites
    turned = sites[place].model_copy(update=update)
    return facts.on(edited(facts.network, sites=(*sites[:place], turned, *sites[place + 1 :])))


def _size(facts: Facts) -> int:
    return sum([line.quantity for line in facts.lines])


def _grams(facts: Facts) -> int:
    known = [(facts.items.get(line.sku), line.quantity) for line in facts.lines]
    return sum([item.weight_g * quantity for item, quantity in known if item is not None])


def _is_whole_somewhere(facts: Facts) -> bool:
    needed = facts.needed.items()
    return any(all(facts.atp(site.site_id, sku) >= units for sku, units in needed) for site in facts.sites)


def _arrivals(facts: Facts) -> Sequence[int]:
    sites = {site.site_id: site for site in facts.sites}
    found = []
    for lane in facts.network.lanes:
        departure = earliest_departure(lane, sites[lane.site_id], facts.now_ms, _size(facts))
        if departure is not None:
            found.append(arrival_ms(lane, departure))
    return found
