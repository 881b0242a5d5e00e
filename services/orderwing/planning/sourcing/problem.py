"""What is to be sourced: one order's wants, and what each site could do about them.

Times are domain milliseconds, money minor units, weights grams and volumes cm³ of one unit. `building.problem_of` makes
a problem of the network file; a library's user may make it of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from orderwing.planning.pricing import Carton, Goods, Handling, Tariff
from orderwing_schemas.network import Trait

FREE = Handling(0, 0)
NO_TRAITS: frozenset[Trait] = frozenset()
EXACT_SITES = 10


class Want(NamedTuple):
    """What an order wants of one SKU: all its lines of it together. Weight and volume are of one unit."""

    sku: str
    quantity: int
    grams: int = 0
    cm3: int = 0
    traits: frozenset[Trait] = NO_TRAITS

    def goods(self, units: int) -> Goods:
        return Goods(self.sku, units, self.grams, self.cm3, Trait.OVERSIZE in self.traits)


class Run(NamedTuple):
    """A departure that a site's parcels can take. `room_units`: what it and the picking before it can still hold."""

    lane_id: str
    tariff: Tariff
    arrival_at_ms: int
    carrier: str = ""
    departure_at_ms: int = 0
    room_units: int | None = None


class Inbound(NamedTuple):
    """Goods that reach a site later and leave it again on `runs`, unshelved: with them its stock may ship, too.

    `unit_minor` is the work of cross-docking, for each unit beyond what the shelves have.
    """

    units: Mapping[str, int]
    runs: tuple[Run, ...]
    unit_minor: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A site. `stock`: units free by SKU. `refuses`: traits it may not ship. `steering_minor`: price of a unit by SKU.

    `closed` says why there are no runs.
    """

    site_id: str
    stock: Mapping[str, int]
    runs: tuple[Run, ...]
    handling: Handling = FREE
    steering_minor: Mapping[str, int] = field(default_factory=dict)
    refuses: frozenset[Trait] = NO_TRAITS
    inbound: tuple[Inbound, ...] = ()
    closed: str = "no lane serves the zone"


class Inflow(NamedTuple):
    """Goods from another site to a hub: one price for all of it, one for each started kilogram."""

    site_id: str
    transfer_minor: int
    kilogram_minor: int = 0


@dataclass(frozen=True, slots=True)
class Hub:
    """A site where an order can be gathered first, and how it leaves once all inflows are there."""

    site_id: str
    inflows: tuple[Inflow, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """`consolidates`: the service allows it; then if it saves more than the threshold and is not too much later.

    `backorder_unit_minor` prices a unit that ships later; None: as few as can be, whatever it costs.
    """

    may_split: bool = True
    single_site: Literal["always", "when_cheapest"] = "always"
    consolidates: bool = False
    threshold_minor: int = 0
    acceptable_delay_minutes: int = 0
    backorder_unit_minor: int | None = None


@dataclass(frozen=True)
class Problem:
    """`wants` have different SKUs, `sources` different sites. What arrives after `latest_at_ms` is no way to ship."""

    wants: tuple[Want, ...]
    sources: tuple[Source, ...]
    cartons: tuple[Carton, ...] = ()
    hubs: tuple[Hub, ...] = ()
    rules: Rules = Rules()
    due_at_ms: int = 0
    late_hour_minor: int = 0
    latest_at_ms: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if len({want.sku for want in self.wants}) != len(self.wants):
            raise ValueError("wants: each SKU once, with all its units")
        for want in self.wants:
            if want.quantity <= 0 or want.grams < 0 or want.cm3 < 0:
                raise ValueError(f"wants[{want.sku}]: quantity must be positive, grams and cm3 not negative")
        if len({source.site_id for source in self.sources}) != len(self.sources):
            raise ValueError("sources: each site once")
        if any(large.max_g < small.max_g or large.cm3 < small.cm3 for small, large in pairwise(self.cartons)):
            raise ValueError("cartons: from small to large in weight and volume")

    @cached_property
    def source_by_id(self) -> dict[str, Source]:
        return {source.site_id: source for source in self.sources}

    @cached_property
    def want_by_sku(self) -> dict[str, Want]:
        return {want.sku: want for want in self.wants}


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: after `nodes` of the search for what is too large to enumerate, or as soon as `stop()` says so.

    `loads` and `cells` bound the tables of the exact enumeration and the sums made of them; above, the search begins.
    `packed` bounds the wants packed into cartons in all loads that are tried, once some want has dozens of units; of
    hundreds of wants each counts as many times as there are hundreds.
    """

    nodes: int = 100
    loads: int = 20_000
    cells: int = 2_000_000
    sites: int = EXACT_SITES
    packed: int = 400_000
    stop: Callable[[], bool] | None = None
