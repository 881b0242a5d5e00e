"""A British same-day network: four regions, ten sites, hourly departures.

Transit is 20 minutes and a minute for every eight kilometres, quicker than roads allow: a market compressed so that an
order placed early in three hours of domain time is delivered within them. Rates are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from orderwing.geography import DOMESTIC, haversine_km, locate
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import Lane, Network, Policies, Promotion, Region, Site

_REGIONS = {  # centre, share of the people of Britain who live nearest to it, neighbours by distance
    "north": ((53.9, -2.0), 0.306, ("midlands", "south-west", "south-east")),
    "midlands": ((52.6, -1.5), 0.154, ("south-east", "north", "south-west")),
    "south-west": ((51.3, -3.0), 0.088, ("midlands", "south-east", "north")),
    "south-east": ((51.5, -0.1), 0.453, ("midlands", "south-west", "north")),
}
_SITES = (  # id, city, region, picking minutes, opens and closes (minute of the local day)
    ("warrington", "Warrington", "north", 20, 0, 1440),
    ("doncaster", "Doncaster", "north", 25, 0, 1440),
    ("motherwell", "Motherwell", "north", 30, 300, 1440),
    ("rugby", "Rugby", "midlands", 20, 0, 1440),
    ("stoke", "Stoke-on-Trent", "midlands", 25, 0, 1440),
    ("bristol", "Bristol", "south-west", 20, 0, 1440),
    ("exeter", "Exeter", "south-west", 30, 300, 1440),
    ("dartford", "Dartford", "south-east", 20, 0, 1440),
    ("hatfield", "Hatfield", "south-east", 20, 0, 1440),
    ("milton-keynes", "Milton Keynes", "south-east", 25, 0, 1440),
)
_ABROAD = {"europe": (60, 1_200, 150), "world": (80, 2_600, 600)}  # transit minutes, parcel and kilogram in pence
_ALL_SERVICES = tuple(ServiceLevel)
_SLOW_SERVICES = (ServiceLevel.EXPRESS, ServiceLevel.STANDARD)
PROMISE_SLACK_MINUTES = 30  # the cheaper of two departures half an hour apart is on time all the same
PROMOTIONS = (
    Promotion(code="SPRING5", percent=5),
    Promotion(code="WELCOME10", percent=10, minimum_minor=2_000),
    Promotion(code="BULK15", percent=15, minimum_minor=10_000),
)


@dataclass(frozen=True)
class Load:
    """The demand that capacities are made for: orders in an hour of domain time, and units in an order.

    Every site can pick the largest order within an hour.
    """

    orders_per_hour: float = 600
    units_per_order: float = 3.8
    largest_order_units: int = 40


def demo_network(load: Load = Load(), policies: Policies | None = None) -> Network:
    """Capacities are a little above the mean of `load`, so that peaks and uneven stock meet them."""
    sites = tuple(_sites(load))
    return Network(
        version=1,
        currency="GBP",
        regions=tuple(
            Region(region_id=name, centre=Point(latitude=centre[0], longitude=centre[1]), neighbours=neighbours)
            for name, (centre, _, neighbours) in _REGIONS.items()
        ),
        sites=sites,
        lanes=tuple(lane for site in sites for lane in _lanes(site, load)),
        promotions=PROMOTIONS,
        policies=policies
        or Policies(
            window_minutes=10,
            review_minutes=15,
            review_amount_minor=100_000,
            promise_slack_minutes=PROMISE_SLACK_MINUTES,
        ),
    )


def region_shares() -> dict[str, float]:
    """The part of domestic demand that is nearest to each region."""
    return {name: share for name, (_, share, _) in _REGIONS.items()}


def _share(region_id: str) -> float:
    """A site's part of its region's demand."""
    return _REGIONS[region_id][1] / sum(1 for site in _SITES if site[2] == region_id)


def _sites(load: Load) -> Iterator[Site]:
    for site_id, city, region_id, pick_minutes, opens, closes in _SITES:
        place = locate(city, DOMESTIC)
        if place is None:
            raise LookupError(f"{city} is not in places.csv")
        yield Site(
            site_id=site_id,
            region_id=region_id,
            location=place.point,
            timezone="Europe/London",
            opens_minute=opens,
            closes_minute=closes,
            pick_minutes=pick_minutes,
            units_per_hour=ceil(
                1.6 * load.orders_per_hour * load.units_per_order * _share(region_id) + load.largest_order_units
            ),
            handling_line_minor=25,
            handling_parcel_minor=60,
            safety_share_percent=2,
        )


def _lanes(site: Site, load: Load) -> Iterator[Lane]:
    parcels = load.orders_per_hour * _share(site.region_id)
    for zone, (centre, _, _) in _REGIONS.items():
        distance_km = haversine_km(site.location, Point(latitude=centre[0], longitude=centre[1]))
        transit = 20 + round(distance_km / 8)
        if zone == site.region_id:
            yield _lane(site, zone, "own-van", _ALL_SERVICES, transit, ceil(0.9 * parcels) + 4, 240, 8)
            yield _lane(
                site, zone, "parcel-line", _ALL_SERVICES, transit + 10, ceil(3 * parcels) + 20, 430, 20, offset=30
            )
        else:
            price = 480 + round(distance_km)
            yield _lane(site, zone, "trunk-line", _ALL_SERVICES, transit, ceil(2 * parcels) + 20, price, 35)
    for zone, (transit, parcel, kilogram) in _ABROAD.items():
        yield _lane(site, zone, "air-line", _SLOW_SERVICES, transit, ceil(parcels) + 20, parcel, kilogram)


def _lane(
    site: Site,
    zone: str,
    carrier: str,
    services: tuple[ServiceLevel, ...],
    transit: int,
    parcels: int,
    parcel_minor: int,
    kilogram_minor: int,
    offset: int = 0,
) -> Lane:
    return Lane(
        lane_id=f"{site.site_id}.{zone}.{carrier}",
        site_id=site.site_id,
        zone=zone,
        carrier=carrier,
        services=services,
        every_minutes=60,
        offset_minutes=offset,
        transit_minutes=transit,
        parcels_per_departure=parcels,
        parcel_minor=parcel_minor,
        kilogram_minor=kilogram_minor,
    )
