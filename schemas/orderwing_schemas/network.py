"""The network file: regions, sites, lanes and the policies of a market, published as reference data."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from orderwing_schemas.base import CurrencyCode, Id, Minor, Model
from orderwing_schemas.domain import Point, ServiceLevel

MinuteOfDay = Annotated[int, Field(ge=0, le=1440)]
Minutes = Annotated[int, Field(ge=0)]


class Region(Model):
    """A self-sufficient zone of the network. `neighbours` are asked for stock in this order."""

    region_id: Id
    centre: Point
    neighbours: tuple[Id, ...] = ()


class Site(Model):
    """A fulfilment centre. `units_per_hour` bounds what it picks in an hour; hours are local to `timezone`."""

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


class Lane(Model):
    """A carrier's regular departures from a site to a delivery zone.

    Departs every `every_minutes`, first at `offset_minutes` after local midnight, while the site is open.
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


class Item(Model):
    """A catalogue entry. `capacity` is the load of one unit."""

    sku: Id
    weight_g: Annotated[int, Field(ge=0)]
    volume_cm3: Annotated[int, Field(ge=0)]
    capacity: Annotated[int, Field(ge=0)]
    list_price_minor: Minor


class Promotion(Model):
    """A code that takes `percent` off every line of an order of at least `minimum_minor`, before tax."""

    code: Id
    percent: Annotated[int, Field(gt=0, le=100)]
    minimum_minor: Minor = 0


class Policies(Model):
    """Durations are domain minutes; money is minor units of the network's currency."""

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


class Network(Model):
    """Regions are append-only: a region's place in the list is its partition ordinal for ever."""

    version: Annotated[int, Field(ge=1)]
    currency: CurrencyCode
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    lanes: Annotated[tuple[Lane, ...], Field(min_length=1)]
    promotions: tuple[Promotion, ...] = ()
    policies: Policies = Policies()

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
            ZoneInfo(site.timezone)
        for lane in self.lanes:
            if lane.site_id not in sites:
                raise ValueError(f"lane {lane.lane_id}: unknown site {lane.site_id}")
        for region in self.regions:
            if unknown := set(region.neighbours) - regions:
                raise ValueError(f"region {region.region_id}: unknown neighbours {sorted(unknown)}")
        return self

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
