"""What one region's sites hold of what is sought: the decision, and every candidate that it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orderwing.planning.calendar import HORIZON_DAYS, earliest_arrival, serving_lanes
from orderwing.planning.outlets import Parcel, terms_of
from orderwing.planning.pricing import PriceList, price_list
from orderwing.planning.sourcing import Asked, Choice, quick_choice
from orderwing.planning.traits import refusal
from orderwing_schemas.domain import Candidate
from orderwing_schemas.network import Site


class Sought(NamedTuple):
    """`asked.may_split` False: all from one site, or nothing. `by_ms`: the latest arrival of all from one site.

    `among`: sites instead of the region's own. `used`: sites that send something of the order in any case.
    """

    asked: Asked
    region: str
    without_site: str | None = None
    by_ms: int | None = None
    among: tuple[Site, ...] | None = None
    used: frozenset[str] = frozenset()

    @property
    def sites(self) -> tuple[Site, ...]:
        if self.among is not None:
            return self.among
        return self.asked.network.sites_by_region.get(self.region, ())

    def is_too_late(self, site: Site) -> bool:
        if self.by_ms is None:
            return False
        asked = self.asked
        units = sum([line.quantity for line in asked.lines])
        at = earliest_arrival(asked.network, site, asked.zone, asked.service_level, asked.now_ms, units)
        return at is None or at > self.by_ms

    def may_serve(self) -> Sequence[Site]:
        if self.without_site is None and self.by_ms is None:
            return self.sites
        return [s for s in self.sites if s.site_id != self.without_site and not self.is_too_late(s)]


def hold(sought: Sought) -> Choice:
    """What the region can hold."""
    asked = sought.asked
    choice = quick_choice(asked, sought.may_serve())
    if choice.short and not asked.may_split:
        return Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)
    return choice


def weighed(sought: Sought, choice: Choice) -> list[Candidate]:
    """What was weighed, the chosen one first, and each site that alone was not, with why.

    A candidate's cost is what it was weighed by, the term `steering` included, which nobody is charged.
    """
    prices, due_ms = price_list(sought.asked.network), choice.due_ms
    candidates = [_candidate(prices, choice.parcels, due_ms, None)] if choice.parcels else []
    candidates += [_candidate(prices, parcels, due_ms, why) for parcels, why in choice.losers]
    told = {candidate.label for candidate in candidates}
    others = [site for site in sought.sites if site.site_id not in told]
    return [*candidates, *[Candidate(label=s.site_id, lost_because=not_weighed(sought, s)) for s in others]]


def _candidate(prices: PriceList, parcels: tuple[Parcel, ...], due_ms: int, why: str | None) -> Candidate:
    return Candidate(
        label="+".join(sorted([parcel.site.site_id for parcel in parcels])),
        cost_minor=sum([parcel.weighed_minor for parcel in parcels]),
        terms=terms_of(prices, parcels, due_ms),
        lost_because=why,
    )


def not_weighed(sought: Sought, site: Site) -> str:
    """Why a site alone was no candidate: nothing to price."""
    asked = sought.asked
    if site.site_id == sought.without_site:
        return "units of the order were not found there"
    there = [sku for sku in asked.needed if asked.atp(site.site_id, sku) > 0]
    if why := refusal(site, there, asked.catalogue):
        return why
    stock = asked.shelves(site)
    if lacking := sum([max(0, units - stock[sku]) for sku, units in asked.needed.items()]):
        return f"lacks {lacking} of {sum(asked.needed.values())} units"
    if not serving_lanes(asked.network, site.site_id, asked.zone, asked.service_level):
        return "no lane from here serves the zone"
    if sought.is_too_late(site):
        return f"arrives later than several boxes by more than {asked.max_delay_minutes} minutes"
    return f"cannot be picked within {HORIZON_DAYS} days, or lost to many others"
