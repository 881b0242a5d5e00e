"""A strategy's weights on a problem: prices beside the cost, and the cost without them again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from orderwing.planning.policies.sieving import Load
from orderwing.planning.pricing.shipments import HANDLING_PARCEL, LATENESS, STEERING, Term, add_terms, lateness_minor
from orderwing.planning.sourcing.plan import Candidate, Shipment
from orderwing.planning.sourcing.problem import Problem, Source
from orderwing_schemas.policy import First, Strategy, Weights

PARCEL_FIRST_MINOR = 100_000_000  # a parcel is worth more than an order can cost
HOUR_FIRST_MINOR = 60 * 100_000  # and a minute
NO_WEIGHTS = Weights()


def weighed(problem: Problem, strategy: Strategy, load: Load) -> Problem:
    """The problem with the strategy's prices; itself where it has none."""
    weights = strategy.weights
    if strategy.first is First.COST and weights == NO_WEIGHTS:
        return problem
    parcel = PARCEL_FIRST_MINOR if strategy.first is First.PARCELS else weights.parcel_minor
    sources = tuple(
        [_source(source, problem, parcel, _unit_minor(source, weights, load)) for source in problem.sources]
    )
    due, late = problem.due_at_ms, problem.late_hour_minor
    if strategy.first is First.ARRIVAL:
        due, late = _earliest(problem), HOUR_FIRST_MINOR
    elif weights.lateness is not None:
        late = weights.lateness.hour_minor
        due = due if weights.lateness.counts_from == "promise" else _earliest(problem)
    rules = problem.rules
    if strategy.first is not First.COST:  # or units would rather wait than cost a parcel
        rules = replace(rules, backorder_unit_minor=None)
    return replace(problem, sources=sources, due_at_ms=due, late_hour_minor=late, rules=rules)


def _unit_minor(source: Source, weights: Weights, load: Load) -> int:
    balance = weights.balance_unit_minor * load.get(source.site_id, 0) // 100
    return weights.site_unit_minor.get(source.site_id, 0) + balance


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
