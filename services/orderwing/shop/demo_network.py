"""A British same-day network: four regions, ten sites, hourly departures.

Transit is 10 minutes (5 between sites) and a minute for every twenty kilometres, quicker than roads allow: a market
compressed so that an order placed early in two and a half hours of domain time is delivered within them, also where
goods that were not found on a shelf leave another site an hour later. Rates are made up: weight breaks by carrier and
distance, volumetric weight where a carrier is not the shop's own, line-haul to the trunk and between the sites of a
region, three sizes of cartons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import ceil

from orderwing.geography import DOMESTIC, haversine_km, locate
from orderwing_schemas.domain import Point, ServiceLevel
from orderwing_schemas.network import (
    Carton,
    Consolidation,
    Item,
    Lane,
    Network,
    Policies,
    Promotion,
    RateCard,
    Region,
    Site,
    Trait,
    Transfer,
    WeightBreak,
)

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
_MAY_SHIP = {  # where a site may not ship everything
    "motherwell": (Trait.OVERSIZE,),
    "stoke": (Trait.HAZARD,),
    "exeter": (Trait.OVERSIZE,),
    "hatfield": (Trait.OVERSIZE,),
}
_ABROAD = {"europe": 30, "world": 35}  # transit minutes
_BANDS = ((150, "near"), (300, "middle"), (10_000, "far"))  # kilometres up to, rate zone of the trunk line
_CM3 = 5_000  # for a kilogram
_CARDS = {  # (carrier, rate zone): up to grams and pence, pence for a kilogram more, divisor
    ("own-van", "local"): (((2_000, 235), (5_000, 265), (10_000, 310), (20_000, 395), (30_000, 480)), 9, None),
    ("parcel-line", "local"): (((1_000, 390), (2_000, 425), (5_000, 490), (10_000, 580), (25_000, 830)), 24, _CM3),
    ("trunk-line", "near"): (((1_000, 540), (2_000, 575), (5_000, 670), (10_000, 820), (25_000, 1_290)), 38, _CM3),
    ("trunk-line", "middle"): (
        ((1_000, 640), (2_000, 680), (5_000, 785), (10_000, 950), (25_000, 1_460)),
        40,
        _CM3,
    ),
    ("trunk-line", "far"): (((1_000, 780), (2_000, 825), (5_000, 940), (10_000, 1_120), (25_000, 1_680)), 44, _CM3),
    ("air-line", "europe"): (((500, 1_150), (1_000, 1_290), (2_000, 1_480), (5_000, 1_950)), 150, _CM3),
    ("air-line", "world"): (((500, 2_400), (1_000, 2_900), (2_000, 3_700), (5_000, 5_600)), 600, _CM3),
}
_CARTONS = (
    Carton(carton_id="small", max_weight_g=4_000, volume_cm3=5_000, tare_g=110, carton_minor=14),
    Carton(carton_id="medium", max_weight_g=12_000, volume_cm3=18_000, tare_g=290, carton_minor=26),
    Carton(carton_id="large", max_weight_g=25_000, volume_cm3=45_000, tare_g=620, carton_minor=48),
)
_ALL_SERVICES = tuple(ServiceLevel)
_SLOW_SERVICES = (ServiceLevel.EXPRESS, ServiceLevel.STANDARD)
_DOORS_MINUTES, _DOCKS_MINUTES = 10, 5  # besides the road: to customers, and from site to site
_HAUL_MINOR = 40  # to the trunk, or to another site of the region
PROMISE_SLACK_MINUTES = 30  # the cheaper of two departures half an hour apart is on time all the same
GATHERING = (  # delays within what promises leave
    Consolidation(service=ServiceLevel.EXPRESS, threshold_minor=100, max_delay_minutes=0),
    Consolidation(service=ServiceLevel.STANDARD, threshold_minor=100, max_delay_minutes=PROMISE_SLACK_MINUTES),
)
PROMOTIONS = (
    Promotion(code="SPRING5", percent=5),
    Promotion(code="WELCOME10", percent=10, minimum_minor=2_000),
    Promotion(code="BULK15", percent=15, minimum_minor=10_000),
)


@dataclass(frozen=True)
class Load:
    """The demand that capacities are made for: orders in an hour of domain time, units and cartons in an order.

    Every site can pick the largest order within an hour.
    """

    orders_per_hour: float = 600
    units_per_order: float = 3.8
    largest_order_units: int = 40
    cartons_per_order: float = 1.1


def cartons_of(units: float, items: Sequence[Item]) -> float:
    """About how many cartons so many units of such items fill, the last in part."""
    largest, count = _CARTONS[-1], max(1, len(items))
    cm3, grams = sum(item.volume_cm3 for item in items) / count, sum(item.weight_g for item in items) / count
    return 1 + 1.1 * units * max(cm3 / largest.volume_cm3, grams / largest.max_weight_g)


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
        rate_cards=tuple(_rate_cards()),
        cartons=_CARTONS,
        policies=policies
        or Policies(
            window_minutes=10,
            review_minutes=15,
            review_amount_minor=100_000,
            promise_slack_minutes=PROMISE_SLACK_MINUTES,
            consolidation=GATHERING,
        ),
        transfers=tuple(_transfers(sites)),
    )


def at_speed(network: Network, factor: float) -> Network:
    """Played at `factor` domain seconds a second: regions tell their stock at most once a second of wall time."""
    minutes = max(network.policies.atp_told_minutes, ceil(factor / 60))
    policies = network.policies.model_copy(update={"atp_told_minutes": minutes})
    return network.model_copy(update={"policies": policies})


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
            capabilities=_MAY_SHIP.get(site_id),
        )


def _rate_cards() -> Iterator[RateCard]:
    for (carrier, zone), (breaks, kilogram_minor, divisor) in _CARDS.items():
        yield RateCard(
            carrier=carrier,
            zone=zone,
            breaks=tuple(WeightBreak(up_to_g=grams, parcel_minor=minor) for grams, minor in breaks),
            kilogram_minor=kilogram_minor,
            volumetric_cm3_per_kg=divisor,
        )


def _transfers(sites: Sequence[Site]) -> Iterator[Transfer]:
    for one, other in permutations(sites, 2):
        if one.region_id == other.region_id:
            yield Transfer(
                from_site=one.site_id,
                to_site=other.site_id,
                minutes=_DOCKS_MINUTES + _road_minutes(haversine_km(one.location, other.location)),
                transfer_minor=_HAUL_MINOR,
                kilogram_minor=_HAUL_MINOR // 20,
            )


def _road_minutes(distance_km: float) -> int:
    return round(distance_km / 20)


def _lanes(site: Site, load: Load) -> Iterator[Lane]:
    parcels = load.cartons_per_order * load.orders_per_hour * _share(site.region_id)
    for zone, (centre, _, _) in _REGIONS.items():
        distance_km = haversine_km(site.location, Point(latitude=centre[0], longitude=centre[1]))
        transit = _DOORS_MINUTES + _road_minutes(distance_km)
        if zone == site.region_id:
            yield _lane(site, zone, "own-van", "local", transit, ceil(0.9 * parcels) + 4)
            yield _lane(site, zone, "parcel-line", "local", transit + 10, ceil(3 * parcels) + 20, offset=30)
        else:
            band = next(band for limit_km, band in _BANDS if distance_km <= limit_km)
            yield _lane(site, zone, "trunk-line", band, transit, ceil(2 * parcels) + 20, haul_minor=_HAUL_MINOR)
    for zone, transit in _ABROAD.items():
        yield _lane(site, zone, "air-line", zone, transit, ceil(parcels) + 20, services=_SLOW_SERVICES)


def _lane(
    site: Site,
    zone: str,
    carrier: str,
    rate_zone: str,
    transit: int,
    parcels: int,
    services: tuple[ServiceLevel, ...] = _ALL_SERVICES,
    offset: int = 0,
    haul_minor: int = 0,
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
        parcel_minor=0,
        kilogram_minor=0,
        rate_zone=rate_zone,
        line_haul_minor=haul_minor,
        line_haul_kilogram_minor=haul_minor // 20,
    )
