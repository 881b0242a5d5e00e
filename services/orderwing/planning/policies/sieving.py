"""A strategy's filters on a problem: which sites are out, and what of the others' stock and runs is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import asin, cos, radians, sin, sqrt

from orderwing.planning.distances.haversine import EARTH_RADIUS_M
from orderwing.planning.policies.checking import allows
from orderwing.planning.policies.compiling import NO_FILTERS, Applied
from orderwing.planning.policies.matching import Facts
from orderwing.planning.sourcing.plan import Eliminated, Reason
from orderwing.planning.sourcing.problem import Hub, Problem, Run, Source
from orderwing_schemas.domain import Point
from orderwing_schemas.network import Network, Site
from orderwing_schemas.policy import Filters, Strategy

Load = Mapping[str, int]  # by site: percent of what it can pick in this hour


def refused(applied: Applied, facts: Facts, site: Site, load: Load) -> Eliminated | None:
    """Why the strategy's filters leave a site out; None if they do not."""
    filters, site_id = applied.filters, site.site_id
    why = allows(filters, site, facts.home_region)
    if why:
        return Eliminated(site_id, Reason.RULE, f"{why} ({applied.strategy.name})")
    if filters.max_distance_km is not None:
        km = distance_km(site.location, facts.door)
        if km > filters.max_distance_km:
            said = f"is {km:.0f} km away, {filters.max_distance_km} are allowed ({applied.strategy.name})"
            return Eliminated(site_id, Reason.RULE, said)
    if said := too_full(applied.strategy, filters, load.get(site_id, 0)):
        return Eliminated(site_id, Reason.CAPACITY, said)
    return None


def too_full(strategy: Strategy, filters: Filters, percent: int) -> str:
    """Why a site is out whose hour is so full; "" where it is not."""
    most = filters.max_load_percent
    if most is None or percent < most:
        return ""
    return f"its hour is {percent} % full, {most} are allowed ({strategy.name})"


def sieved(problem: Problem, applied: Applied, facts: Facts, load: Load) -> tuple[Problem, tuple[Eliminated, ...]]:
    """What the filters leave of a problem. What is due, and the latest arrival, stay as all sites allow them."""
    if applied.filters == NO_FILTERS:
        return problem, ()
    network = applied.network
    out = list(_out(problem, applied, facts, network, load))
    gone = {one.site_id for one in out}
    sources = tuple([_left(source, applied) for source in problem.sources if source.site_id not in gone])
    hubs = tuple([hub for one in problem.hubs if one.site_id not in gone and (hub := _hub(one, applied)).runs])
    return replace(problem, sources=sources, hubs=hubs), tuple(out)


def _out(problem: Problem, applied: Applied, facts: Facts, network: Network, load: Load) -> Iterator[Eliminated]:
    for source in problem.sources:
        site = network.site_by_id.get(source.site_id)
        if site is not None and (why := refused(applied, facts, site, load)) is not None:
            yield why


def _left(source: Source, applied: Applied) -> Source:
    filters = applied.filters
    if filters.keep_units is None and filters.exclude_carriers is None:
        return source
    keep = filters.keep_units or 0
    runs = _carried(source.runs, filters)
    closed = source.closed or f"only what exclude_carriers names leaves it ({applied.strategy.name})"
    return replace(
        source,
        stock={sku: max(0, units - keep) for sku, units in source.stock.items()},
        runs=runs,
        inbound=tuple([one._replace(runs=_carried(one.runs, filters)) for one in source.inbound]),
        closed="" if runs else closed,
    )


def _hub(hub: Hub, applied: Applied) -> Hub:
    runs = _carried(hub.runs, applied.filters)
    return hub if len(runs) == len(hub.runs) else replace(hub, runs=runs)


def _carried(runs: tuple[Run, ...], filters: Filters) -> tuple[Run, ...]:
    if filters.exclude_carriers is None:
        return runs
    return tuple([run for run in runs if run.carrier not in filters.exclude_carriers])


def distance_km(a: Point, b: Point) -> float:
    """As the crow flies: 2 R asin(c / 2) of the chord c. For one pair arrays take forty times as long."""
    upward = sin(radians(b.latitude - a.latitude) / 2)
    across = sin(radians(b.longitude - a.longitude) / 2)
    half = sqrt(upward * upward + cos(radians(a.latitude)) * cos(radians(b.latitude)) * across * across)
    return 2 * EARTH_RADIUS_M * asin(min(1.0, half)) / 1000
