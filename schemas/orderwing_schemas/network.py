"""The network file: regions, sites, lanes and the policies of a market, published as reference data."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from orderwing_schemas.base import CurrencyCode, Id, Minor, Model
from orderwing_schemas.domain import Point, ServiceLevel

MinuteOfDay = Annotated[int, Field(ge=0, le=1440)]
Minutes = Annotated[int, Field(ge=0)]


class Trait(StrEnum):
    """What an item needs of a site that ships it."""

    HAZARD = "hazard"
    PERISHABLE = "perishable"
    MEDICAL = "medical"
    OVERSIZE = "oversize"  # leaves without a carton if none holds it


class Region(Model):
    """A self-sufficient zone of the network. `neighbours` are asked for stock in this order."""

    region_id: Id
    centre: Point
    neighbours: tuple[Id, ...] = ()


class Site(Model):
    """A fulfilment centre. `units_per_hour` bounds what it picks in an hour; hours are local to `timezone`.

    `capabilities`: the traits it may ship; None for all.
    """

    site_id: Id
    region_id: Id
    location: Point
    timezone: str
    opens_minute: MinuteOfDay = 0
    closes_minute: MinuteOfDay = 1440
    pick_minutes: Minutes
    units_per_hour: Annotated[int, Field(gt=0)]
    handling_line_minor: Minor
    handling_parcel_minor: Minor
    safety_share_percent: Annotated[int, Field(ge=0, le=100)] = 0
    capabilities: tuple[Trait, ...] | None = None


class Lane(Model):
    """A carrier's regular departures from a site to a delivery zone.

    Departs every `every_minutes`, first at `offset_minutes` after local midnight, while the site is open. A parcel
    costs what the rate card of `carrier` and `rate_zone` (by default `zone`) says; without one `parcel_minor` and
    `kilogram_minor` for each started kilogram. Line-haul, to the carrier's hub, comes on top.
    """

    lane_id: Id
    site_id: Id
    zone: Id
    carrier: str
    services: tuple[ServiceLevel, ...]
    every_minutes: Annotated[int, Field(gt=0)]
    offset_minutes: Minutes = 0
    transit_minutes: Annotated[int, Field(gt=0)]
    parcels_per_departure: Annotated[int, Field(gt=0)]
    parcel_minor: Minor
    kilogram_minor: Minor
    rate_zone: Id | None = None
    line_haul_minor: Minor = 0
    line_haul_kilogram_minor: Minor = 0


class WeightBreak(Model):
    """The price of a parcel of at most `up_to_g` billable grams."""

    up_to_g: Annotated[int, Field(gt=0)]
    parcel_minor: Annotated[Minor, Field(gt=0)]


class RateCard(Model):
    """A carrier's prices to a zone; `kilogram_minor` for each started kilogram beyond the last break.

    Billable is the greater of actual and volumetric weight: `volumetric_cm3_per_kg` (often 5,000) is the divisor; None
    bills actual weight alone.
    """

    carrier: str
    zone: Id
    breaks: Annotated[tuple[WeightBreak, ...], Field(min_length=1)]
    kilogram_minor: Annotated[Minor, Field(gt=0)]
    volumetric_cm3_per_kg: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ascends(self) -> RateCard:
        for low, high in pairwise(self.breaks):
            if high.up_to_g <= low.up_to_g or high.parcel_minor < low.parcel_minor:
                raise ValueError(f"rate card {self.carrier}/{self.zone}: breaks must ascend, and prices never fall")
        return self


class Carton(Model):
    """A box: what it holds, what it weighs empty, and its price."""

    carton_id: Id
    max_weight_g: Annotated[int, Field(gt=0)]
    volume_cm3: Annotated[int, Field(gt=0)]
    tare_g: Annotated[int, Field(ge=0)] = 0
    carton_minor: Minor = 0


class Transfer(Model):
    """Goods moved from one site to another before they ship: a price for each, one for each started kilogram."""

    from_site: Id
    to_site: Id
    minutes: Annotated[int, Field(gt=0)]
    transfer_minor: Minor
    kilogram_minor: Minor = 0


class Item(Model):
    """A catalogue entry. `capacity` is the load of one unit."""

    sku: Id
    weight_g: Annotated[int, Field(ge=0)]
    volume_cm3: Annotated[int, Field(ge=0)]
    capacity: Annotated[int, Field(ge=0)]
    list_price_minor: Minor
    traits: tuple[Trait, ...] = ()


class Promotion(Model):
    """A code that takes `percent` off every line of an order of at least `minimum_minor`, before tax."""

    code: Id
    percent: Annotated[int, Field(gt=0, le=100)]
    minimum_minor: Minor = 0


class Consolidation(Model):
    """When goods are gathered at one site first: where that saves more than `threshold_minor`.

    And where it delays the order by no more than `max_delay_minutes`, nor than the order itself accepts.
    """

    service: ServiceLevel
    threshold_minor: Minor
    max_delay_minutes: Minutes

    @model_validator(mode="after")
    def _has_time(self) -> Consolidation:
        if self.service in (ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY):
            raise ValueError(f"consolidation: service {self.service} never consolidates")
        return self


CONSOLIDATION = (
    Consolidation(service=ServiceLevel.EXPRESS, threshold_minor=100, max_delay_minutes=0),
    Consolidation(service=ServiceLevel.STANDARD, threshold_minor=100, max_delay_minutes=2 * 1440),
)


class Policies(Model):
    """Durations are domain minutes; money is minor units of the network's currency.

    `single_site`: whether a site that has all lines always wins, or only where no split is cheaper.
    `atp_told_minutes`: how often a region tells others what has changed on its shelves.
    `backorder_unit_minor` prices a unit that ships later; None: as few as stock allows, whatever they cost.
    """

    soft_hold_minutes: Minutes = 30
    review_minutes: Minutes = 60
    authorisation_hours: Minutes = 168
    window_minutes: Annotated[int, Field(gt=0)] = 20
    churn_minor: Minor = 5
    move_threshold_minor: Minor = 5
    late_hour_minor: Minor = 200
    review_amount_minor: Minor = 50_000
    block_amount_minor: Minor = 1_000_000
    velocity_per_hour: Annotated[int, Field(gt=0)] = 20
    duplicate_horizon_days: Annotated[int, Field(gt=0)] = 30
    promise_slack_minutes: Minutes = 0
    atp_told_minutes: Annotated[int, Field(gt=0)] = 1
    single_site: Literal["always", "when_cheapest"] = "always"
    consolidation: tuple[Consolidation, ...] = CONSOLIDATION
    backorder_unit_minor: Minor | None = None


class Network(Model):
    """Regions are append-only: a region's place in the list is its partition ordinal for ever."""

    version: Annotated[int, Field(ge=1)]
    currency: CurrencyCode
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    lanes: Annotated[tuple[Lane, ...], Field(min_length=1)]
    promotions: tuple[Promotion, ...] = ()
    policies: Policies = Policies()
    rate_cards: tuple[RateCard, ...] = ()
    cartons: tuple[Carton, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    @model_validator(mode="after")
    def _refers_to_known(self) -> Network:
        regions = {r.region_id for r in self.regions}
        sites = {s.site_id for s in self.sites}
        if len(regions) != len(self.regions) or len(sites) != len(self.sites):
            raise ValueError("region and site ids must be unique")
        if len({lane.lane_id for lane in self.lanes}) != len(self.lanes):
            raise ValueError("lane ids must be unique")
        for site in self.sites:
            if site.region_id not in regions:
                raise ValueError(f"site {site.site_id}: unknown region {site.region_id}")
            _known_timezone(site)
        for lane in self.lanes:
            if lane.site_id not in sites:
                raise ValueError(f"lane {lane.lane_id}: unknown site {lane.site_id}")
        for region in self.regions:
            if unknown := set(region.neighbours) - regions:
                raise ValueError(f"region {region.region_id}: unknown neighbours {sorted(unknown)}")
        return self

    @model_validator(mode="after")
    def _prices_are_clear(self) -> Network:
        site_ids = {site.site_id for site in self.sites}
        if len({(card.carrier, card.zone) for card in self.rate_cards}) != len(self.rate_cards):
            raise ValueError("rate_cards: a carrier and zone must have one card only")
        for small, large in pairwise(self.cartons):
            if large.volume_cm3 < small.volume_cm3 or large.max_weight_g < small.max_weight_g:
                raise ValueError(f"carton {large.carton_id}: cartons must go from small to large in volume and weight")
        if len({carton.carton_id for carton in self.cartons}) != len(self.cartons):
            raise ValueError("carton ids must be unique")
        if len({(t.from_site, t.to_site) for t in self.transfers}) != len(self.transfers):
            raise ValueError("transfers: a pair of sites must have one transfer only")
        for transfer in self.transfers:
            for site_id in (transfer.from_site, transfer.to_site):
                if site_id not in site_ids:
                    raise ValueError(f"transfer {transfer.from_site}-{transfer.to_site}: unknown site {site_id}")
            if transfer.from_site == transfer.to_site:
                raise ValueError(f"transfer {transfer.from_site}-{transfer.to_site}: from_site and to_site are one")
        return self

    @cached_property
    def rate_card_by_zone(self) -> dict[tuple[str, str], RateCard]:
        return {(card.carrier, card.zone): card for card in self.rate_cards}

    @cached_property
    def ordinals(self) -> dict[str, int]:
        return {region.region_id: ordinal for ordinal, region in enumerate(self.regions)}

    @cached_property
    def region_by_id(self) -> dict[str, Region]:
        return {region.region_id: region for region in self.regions}

    @cached_property
    def site_by_id(self) -> dict[str, Site]:
        return {site.site_id: site for site in self.sites}

    @cached_property
    def sites_by_region(self) -> dict[str, tuple[Site, ...]]:
        return {
            region.region_id: tuple(s for s in self.sites if s.region_id == region.region_id) for region in self.regions
        }

    @cached_property
    def lanes_by_site_zone(self) -> dict[tuple[str, str], tuple[Lane, ...]]:
        lanes: dict[tuple[str, str], list[Lane]] = {}
        for lane in self.lanes:
            lanes.setdefault((lane.site_id, lane.zone), []).append(lane)
        return {pair: tuple(group) for pair, group in lanes.items()}

    @cached_property
    def lanes_serving(self) -> dict[tuple[str, str, ServiceLevel], tuple[Lane, ...]]:
        """By (site, zone, service): the lanes that carry the service; where none does, all that go there."""
        return {
            (*pair, service): tuple(lane for lane in lanes if service in lane.services) or lanes
            for pair, lanes in self.lanes_by_site_zone.items()
            for service in ServiceLevel
        }

    @cached_property
    def services_by_zone(self) -> dict[str, frozenset[ServiceLevel]]:
        zones = {lane.zone for lane in self.lanes}
        return {zone: frozenset(s for lane in self.lanes if lane.zone == zone for s in lane.services) for zone in zones}

    @cached_property
    def lane_by_id(self) -> dict[str, Lane]:
        return {lane.lane_id: lane for lane in self.lanes}

    @cached_property
    def promotion_by_code(self) -> dict[str, Promotion]:
        return {promotion.code: promotion for promotion in self.promotions}


def _known_timezone(site: Site) -> None:
    try:
        ZoneInfo(site.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"site {site.site_id}: unknown timezone {site.timezone}") from None
