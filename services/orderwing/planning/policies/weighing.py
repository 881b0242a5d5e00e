"""A strategy's weights on a problem: prices beside the cost, and the cost without them again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from orderwing.planning.policies.sieving import Load
from orderwing.planning.pricing.shipments import HANDLING_PARCEL, LATENESS, STEERING, Term, add_terms, lateness_minor
from orderwing.planning.sourcing.plan import Candidate, Shipment
from orderwing.planning.sourcing.problem import Problem, Source
from orderwing_schemas.policy import First, Strategy, Weights

PARCEL_FIRST_MINOR = 100_000_000  # a parcel is worth more than an order can cost
HOUR_FIRST_MINOR = 60 * 100_000  # and a minute
NO_WEIGHTS = Weights()


class Extra(NamedTuple):
    """What a strategy counts beside the cost: of each parcel, of a unit at a site, of an hour late.

    `late_hour_minor` is instead of the network's, and counted from the earliest arrival there is, or from the promise.
    """

    parcel_minor: int
    late_hour_minor: int | None
    from_earliest: bool
    weights: Weights

    def unit_minor(self, site_id: str, percent: int) -> int:
        """`percent`: how full the site's hour is."""
        return self.weights.site_unit_minor.get(site_id, 0) + self.weights.balance_unit_minor * percent // 100


def extra_of(strategy: Strategy) -> Extra | None:
    """None where it counts nothing beside the cost, but maybe sites first: they are no price of what one site ships."""
    weights, first = strategy.weights, strategy.first
    if weights == NO_WEIGHTS and first in (First.COST, First.SITES):
        return None
    parcel = PARCEL_FIRST_MINOR if first is First.PARCELS else weights.parcel_minor
    if first is First.ARRIVAL:
        return Extra(parcel, HOUR_FIRST_MINOR, True, weights)
    if weights.lateness is not None:
        return Extra(parcel, weights.lateness.hour_minor, weights.lateness.counts_from == "earliest", weights)
    return Extra(parcel, None, False, weights)


def weighed(problem: Problem, strategy: Strategy, load: Load) -> Problem:
    """The problem with the strategy's prices; itself where it has none."""
    extra, rules = extra_of(strategy), problem.rules
    if strategy.first is not First.COST:  # or units would rather wait than cost a parcel
        rules = replace(rules, backorder_unit_minor=None)
    if extra is None:
        return problem if strategy.first is First.COST else replace(problem, rules=rules)
    sources = tuple(
        [
            _source(source, problem, extra.parcel_minor, extra.unit_minor(source.site_id, load.get(source.site_id, 0)))
            for source in problem.sources
        ]
    )
    return replace(
        problem,
        sources=sources,
        due_at_ms=_earliest(problem) if extra.from_earliest else problem.due_at_ms,
        late_hour_minor=problem.late_hour_minor if extra.late_hour_minor is None else extra.late_hour_minor,
        rules=rules,
    )


def _source(source: Source, problem: Problem, parcel_minor: int, unit_minor: int) -> Source:
    handling = source.handling._replace(parcel_minor=source.handling.parcel_minor + parcel_minor)
    steering = source.steering_minor
    if unit_minor:
        steering = {want.sku: steering.get(want.sku, 0) + unit_minor for want in problem.wants}
    return replace(source, handling=handling, steering_minor=steering)


def _earliest(problem: Problem) -> int:
    arrivals = [run.arrival_at_ms for source in problem.sources for run in source.runs]
    return min(arrivals, default=problem.due_at_ms)


def unweighed(one: Candidate, weighed: Problem, problem: Problem, backorder_minor: int) -> Candidate:
    """The same shipments at the prices of `problem`, of which `weighed` was made; so much for each unit that waits."""
    shipments = tuple([_unweighed(shipment, weighed, problem) for shipment in one.shipments])
    return replace(one, shipments=shipments, backorder_minor=backorder_minor * one.short_units)


def _unweighed(shipment: Shipment, weighed: Problem, problem: Problem) -> Shipment:
    if weighed is problem:
        return shipment
    was, source = weighed.source_by_id[shipment.site_id], problem.source_by_id[shipment.site_id]
    parcels = dict(shipment.terms).get(HANDLING_PARCEL, 0) // max(1, was.handling.parcel_minor)
    late = lateness_minor(problem.late_hour_minor, shipment.arrival_at_ms, problem.due_at_ms)
    terms: list[Term] = [term for term in shipment.terms if term[0] not in (HANDLING_PARCEL, STEERING, LATENESS)]
    terms.append((HANDLING_PARCEL, parcels * source.handling.parcel_minor))
    terms.append((STEERING, _steering(shipment, problem)))
    terms.append((LATENESS, late))
    return replace(shipment, terms=add_terms(terms))


def _steering(shipment: Shipment, problem: Problem) -> int:
    units: Counter[tuple[str, str]] = Counter()
    for taken in (*shipment.taken, *shipment.cross_docked):
        units[shipment.site_id, taken.sku] += taken.units
    for moved in shipment.moved:
        for taken in moved.taken:
            units[moved.from_site, taken.sku] += taken.units
    prices = {site_id: problem.source_by_id[site_id].steering_minor for site_id, _ in units}
    return sum([n * prices[site_id].get(sku, 0) for (site_id, sku), n in units.items()])
