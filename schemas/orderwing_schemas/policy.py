"""The policy file: by which strategies orders are sourced in a market. Money is minor units of `currency`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from orderwing_schemas.base import CurrencyCode, Id, Minor, Model
from orderwing_schemas.domain import Payer, ServiceLevel
from orderwing_schemas.network import Minutes, Trait

MOST_MINOR = 10_000_000  # of a weight: small enough that a unit short always counts for more
Weight = Annotated[int, Field(ge=0, le=MOST_MINOR)]
Ids = Annotated[tuple[Id, ...], Field(min_length=1)]
FAST = frozenset({ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY})  # never gathered first, by the network's rules


class Range(Model):
    """`at_least` is in, `below` is out."""

    at_least: Annotated[int, Field(ge=0)] = 0
    below: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.below is not None and self.below <= self.at_least:
            raise ValueError(f"nothing is at least {self.at_least} and below {self.below}")
        return self


class When(Model):
    """Which orders a strategy is for: all that is said must hold. `traits`: an item of the order has one of them.

    `value_minor` is what the customer pays, with tax.
    """

    service_levels: Annotated[tuple[ServiceLevel, ...], Field(min_length=1)] | None = None
    zones: Ids | None = None
    home_regions: Ids | None = None
    value_minor: Range | None = None
    units: Range | None = None
    traits: Annotated[tuple[Trait, ...], Field(min_length=1)] | None = None
    shipping_paid_by: Payer | None = None
    one_box: bool | None = None


class Filters(Model):
    """Which sites may serve, and with what. `capabilities`: a site must ship all of these traits.

    `max_distance_km` is as the crow flies, from site to door. `keep_units` of each SKU stay on every shelf.
    `max_load_percent` bounds how full a site's hour may be. What `exclude_carriers` names carries nothing.
    """

    only_sites: Ids | None = None
    exclude_sites: Ids | None = None
    only_regions: Ids | None = None
    exclude_regions: Ids | None = None
    home_region_only: bool = False
    capabilities: Annotated[tuple[Trait, ...], Field(min_length=1)] | None = None
    exclude_carriers: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    max_distance_km: Annotated[int, Field(gt=0)] | None = None
    keep_units: Annotated[int, Field(gt=0)] | None = None
    max_load_percent: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        for only, exclude, what in (
            (self.only_sites, self.exclude_sites, "sites"),
            (self.only_regions, self.exclude_regions, "regions"),
        ):
            if only is not None and exclude is not None:
                raise ValueError(f"only_{what} and exclude_{what} are both given: say it with one of them")
        return self


class First(StrEnum):
    """What counts before the cost: nothing, the fewest sites, the fewest parcels, or the earliest arrival."""

    COST = "cost"
    SITES = "sites"
    PARCELS = "parcels"
    ARRIVAL = "arrival"


class Lateness(Model):
    """The price of an hour late, counted from the promise or from the earliest arrival there is."""

    hour_minor: Weight
    counts_from: Literal["promise", "earliest"] = "promise"


class Weights(Model):
    """What else counts beside the cost, as prices: of each parcel, of an hour's delay, of a unit at a site.

    `balance_unit_minor` is the price of a unit at a site whose hour is full; a site half full asks half of it.
    """

    parcel_minor: Weight = 0
    lateness: Lateness | None = None
    site_unit_minor: dict[Id, Weight] = Field(default_factory=dict)
    balance_unit_minor: Weight = 0


class Gathering(Model):
    """An order is gathered at one site first if that saves more than the threshold, and delays it by no more."""

    threshold_minor: Minor
    max_delay_minutes: Minutes


class Relax(StrEnum):
    """What a fallback may lift: a filter, or the limit of sites."""

    ONLY_SITES = "only_sites"
    EXCLUDE_SITES = "exclude_sites"
    ONLY_REGIONS = "only_regions"
    EXCLUDE_REGIONS = "exclude_regions"
    HOME_REGION_ONLY = "home_region_only"
    CAPABILITIES = "capabilities"
    EXCLUDE_CARRIERS = "exclude_carriers"
    MAX_DISTANCE_KM = "max_distance_km"
    KEEP_UNITS = "keep_units"
    MAX_LOAD_PERCENT = "max_load_percent"
    MAX_SITES = "max_sites"


class Backordering(Model):
    """What is there ships, the rest waits; where more units than that would wait, the next fallback is tried."""

    at_most_units: Annotated[int, Field(gt=0)] | None = None


class Fallback(Model):
    """What is tried when units would be left short: one of the three.

    `relax` lifts filters, and what is lifted stays lifted. `strategy` goes on with another one and its fallbacks. After
    the last fallback what leaves the fewest units short ships, and the rest waits.
    """

    relax: Annotated[tuple[Relax, ...], Field(min_length=1)] | None = None
    strategy: str | None = None
    backorder: Backordering | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(one is not None for one in (self.relax, self.strategy, self.backorder)) != 1:
            raise ValueError("a fallback says exactly one of relax, strategy and backorder")
        return self


class Strategy(Model):
    """How the orders of `when` are sourced. What is left out is as the network's own policies say.

    `max_delay_minutes` by service level lowers the delay that the order itself accepts, never raises it. `home_first`:
    the home region sends what it has before others are asked for the rest, and each region decides by itself.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    about: str = ""
    when: When = When()
    filters: Filters = Filters()
    first: First = First.COST
    weights: Weights = Weights()
    max_sites: Annotated[int, Field(ge=1, le=10)] | None = None
    single_site: Literal["always", "when_cheapest"] | None = None
    home_first: bool = False
    gather: Gathering | Literal["never"] | None = None
    max_delay_minutes: dict[ServiceLevel, Minutes] = Field(default_factory=dict)
    backorder_unit_minor: Minor | None = None
    fallbacks: tuple[Fallback, ...] = ()

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        if self.first is First.PARCELS and self.weights.parcel_minor:
            raise ValueError("first is parcels, so weights.parcel_minor would count for nothing: leave one out")
        if self.first is First.ARRIVAL and self.weights.lateness is not None:
            raise ValueError("first is arrival, so weights.lateness would count for nothing: leave one out")
        if self.first is First.SITES and self.single_site is not None:
            raise ValueError("first is sites, so single_site would count for nothing: leave one out")
        levels = self.when.service_levels
        if isinstance(self.gather, Gathering) and levels is not None and FAST.issuperset(levels):
            raise ValueError("gather: orders of 2_HOURS and SAME_DAY are never gathered first")
        if levels is not None and (other := set(self.max_delay_minutes) - set(levels)):
            raise ValueError(f"max_delay_minutes: {min(other)} is not among when.service_levels")
        return self


class Policy(Model):
    """Strategies of a market. The first whose conditions hold is an order's; without one the network's rules are."""

    policy: Id
    version: Annotated[int, Field(ge=1)]
    currency: CurrencyCode
    strategies: tuple[Strategy, ...] = ()
