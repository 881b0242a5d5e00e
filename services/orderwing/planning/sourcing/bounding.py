"""A straight line under each site's table: what a load costs there at least, as a start and so much for its size.

Size is the share of the order's weight plus the share of its volume. Of some slopes that one is taken whose line is
highest for a load of some share of the order: first a third, since the bound is for orders shared by three or more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.pricing.packing import fits
from orderwing.planning.pricing.tariffs import Tariff
from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.drafts import Units
from orderwing.planning.sourcing.problem import Problem
from orderwing.planning.sourcing.sharing import Slope
from orderwing.planning.sourcing.sieve import Way
from orderwing.planning.sourcing.states import Ints, Loads
from orderwing.planning.sourcing.subsets import Floats
from orderwing.planning.sourcing.tables import FAR, SCALE

SHARES = (1 / 3, 0.2, 0.5)  # of an order at one site, for which lines are highest, the most useful first
STEEPNESS = np.linspace(0.0, 1.0, 6)
SLOPES = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5])


def slopes_of(problem: Problem, ways: Sequence[Way], states: Loads, freight: Ints, later: bool) -> Iterator[Slope]:
    """Under `freight` (S, N), unscaled, and the costs of picking; `later` adds a last site for what waits."""
    quantities = np.array(states.quantities, np.float64)
    sizes = unit_sizes(problem, quantities)
    load_sizes = states.amounts[1:] @ sizes
    cost = freight[:, 1:].astype(np.float64)
    cost[freight[:, 1:] >= FAR] = np.inf
    picking = np.array([way.source.handling.line_minor for way in ways], np.float64)
    if any(way.source.steering_minor for way in ways):
        prices = [[way.source.steering_minor.get(want.sku, 0) for way in ways] for want in problem.wants]
        picking = picking + np.array(prices) * quantities[:, None]
    caps = np.array([way.cap for way in ways]).T
    able = None if later else (subsets.weights(len(ways)) @ caps.T >= quantities).all(axis=1)
    for share in SHARES:
        start, rise = _lines(cost, load_sizes, float(load_sizes[-1]) * share)
        line = np.where(caps > 0, (picking + np.multiply.outer(sizes * quantities, rise)) * SCALE, np.inf)
        line[quantities == 0] = 0
        fixed = np.where(np.isfinite(start), start * SCALE + 1, FAR)
        if later:
            each = problem.rules.backorder_unit_minor
            wait = np.zeros(len(quantities)) if each is None else quantities * (each * SCALE)
            fixed, line = np.append(fixed, 0.0), np.column_stack([line, wait])
        yield Slope(fixed, line, able)


def unit_sizes(problem: Problem, quantities: Floats) -> Floats:
    """(L,): the share of one unit of each want in the order's weight plus that in its volume."""
    sizes = np.zeros(len(quantities))
    for each in ([want.grams for want in problem.wants], [want.cm3 for want in problem.wants]):
        whole = float(quantities @ np.array(each, np.float64))
        if whole:
            sizes += np.array(each) / whole
    return sizes


def _lines(cost: Floats, sizes: Floats, at: float) -> tuple[Floats, Floats]:
    """(start, rise) of the line under each row's points that is highest at `at`; infinite starts for infinite rows."""
    low = cost.min(axis=1)
    rises = np.multiply.outer(np.where(low < np.inf, low, 0), SLOPES / max(float(sizes.max()), 1e-9))
    starts = (cost[:, None, :] - rises[:, :, None] * sizes).min(axis=2)
    best = (starts + rises * at).argmax(axis=1)
    rows = np.arange(len(cost))
    return starts[rows, best], rises[rows, best]


def straight(problem: Problem, ways: Sequence[Way], wanted: Units, share: float) -> tuple[Floats, Floats, Floats]:
    """(S,) a start, (S,) for a want picked, (L, S) for a unit: no load costs less, however it is packed and carried.

    Of all such lines, those that are highest for a load of this `share` of the order.
    """
    fixed = np.full(len(ways), np.inf)
    unit = np.full((len(wanted), len(ways)), np.inf)
    known: dict[tuple[Tariff, int], tuple[float, Floats]] = {}
    for place, way in enumerate(ways):
        for mode in way.modes:
            key = (mode.run.tariff, way.source.handling.parcel_minor)
            if key not in known:
                known[key] = _under(problem, *key, wanted, share)
            start, rises = known[key]
            fixed[place] = min(fixed[place], start + mode.late_minor)
            unit[:, place] = np.minimum(unit[:, place], rises)
        unit[:, place] += [way.source.steering_minor.get(want.sku, 0) for want in problem.wants]
    return fixed, np.array([way.source.handling.line_minor for way in ways], np.float64), unit


def _under(problem: Problem, tariff: Tariff, work_minor: int, wanted: Units, share: float) -> tuple[float, Floats]:
    """A start and a rise for a unit of each want, below the parcels of every packing of every part of the order."""
    quantities = np.array(wanted, np.float64)
    best = (0.0, 0.0, np.zeros(len(wanted)))
    for sizes, points in _measures(problem, tariff, quantities):
        costs = points[:, 1] + (work_minor + tariff.line_haul_minor)
        steepest = float((costs / np.maximum(points[:, 0], 1e-9)).min())
        whole = float(quantities @ sizes)
        rises = steepest * STEEPNESS
        starts = (costs - np.multiply.outer(rises, points[:, 0])).min(axis=1)
        heights = starts + rises * whole * share
        place = int(heights.argmax())
        if heights[place] > best[0]:
            best = (float(heights[place]), max(0.0, float(starts[place])), sizes * rises[place])
    return best[1], best[2]


def _measures(problem: Problem, tariff: Tariff, quantities: Floats) -> Iterator[tuple[Floats, Floats]]:
    """(size of a unit of each want, points): no parcel with contents of at most x costs less than the last y before.

    By billable weight of the goods; and with cartons by their volume, since it is cartons that are billed.
    """
    grams = np.array([want.grams for want in problem.wants], np.float64)
    cm3 = np.array([want.cm3 for want in problem.wants], np.float64)
    cartons = problem.cartons
    boxed = bool(cartons) and all(fits(cartons[-1], want.grams, want.cm3) for want in problem.wants)
    least_minor = min([carton.minor for carton in cartons]) if boxed else 0
    sizes, most = grams, float(cartons[-1].max_g) if boxed else np.inf
    if tariff.cm3_per_kg and quantities @ cm3 * 1000 / tariff.cm3_per_kg > quantities @ grams:
        sizes, most = cm3 * 1000 / tariff.cm3_per_kg, most if not boxed else cartons[-1].cm3 * 1000 / tariff.cm3_per_kg
    most = min(most, float(quantities @ sizes))
    if most:
        ends = [(min(float(end), most), float(price)) for end, price in zip(tariff.up_to_g, tariff.minor, strict=True)]
        beyond = max(0.0, most - tariff.up_to_g[-1])
        last = (most, tariff.minor[-1] + beyond * tariff.kilogram_minor / 1000)
        yield sizes, np.array([*ends, last]) + np.array([0.0, least_minor])
    if boxed and quantities @ cm3:
        outer = [sum(tariff.charge(0, carton.cm3)[:2]) for carton in cartons]
        prices = [price + min(c.minor for c in cartons[n:]) for n, price in enumerate(outer)]
        yield cm3, np.array([(float(carton.cm3), float(price)) for carton, price in zip(cartons, prices, strict=True)])
    yield np.zeros(len(quantities)), np.array([(0.0, float(tariff.minor[0] + least_minor))])


def most_promising(problem: Problem, ways: Sequence[Way], wanted: Units, count: int) -> tuple[list[Way], int]:
    """`count` sites: those cheapest for scarce wants, then the cheapest a unit. And what ways with others cost."""
    caps = np.array([way.cap for way in ways], np.float64).T
    fixed, line, unit = straight(problem, ways, wanted, 0.3)
    alone = np.where(caps > 0, line + unit * np.array(wanted)[:, None], np.inf)
    each = (fixed + (line * (caps > 0) + unit * caps).sum(axis=0)) / caps.sum(axis=0)
    kept: list[int] = []
    for want in np.argsort((caps > 0).sum(axis=1), kind="stable").tolist():
        have = caps[want, kept].sum()
        for site in np.argsort(alone[want] + fixed, kind="stable").tolist():
            if have >= wanted[want] or len(kept) == count:
                break
            if site not in kept and caps[want, site]:
                kept.append(site)
                have += caps[want, site]
    for site in np.argsort(each, kind="stable").tolist():
        if len(kept) < count and site not in kept:
            kept.append(site)
    left = np.setdiff1d(np.arange(len(ways)), kept)
    return [ways[site] for site in sorted(kept)], _floor(problem, ways, wanted, left)


def _floor(problem: Problem, ways: Sequence[Way], wanted: Units, left: NDArray[np.intp]) -> int:
    """What no way costs less than that uses one of the sites `left`: alone, or with one more at least."""
    caps = np.array([way.cap for way in ways], np.float64).T
    quantities = np.array(wanted, np.float64)
    waits = problem.rules.backorder_unit_minor
    floors = []
    for share in (1.0, 0.5, 0.3):
        fixed, line, unit = straight(problem, ways, wanted, share)
        alone = np.where(caps > 0, line + unit * quantities[:, None], np.inf)[quantities > 0]
        least = alone.min(axis=1)
        if waits is not None:
            least = np.minimum(least, quantities[quantities > 0] * waits)
            floors.append(float(fixed[left].min() + least.sum()))
            continue
        first = left[fixed[left].argmin()]
        together = float(fixed[first] + np.delete(fixed, first).min() + least.sum())
        whole = np.where(
            (caps[:, left] >= quantities[:, None]).all(axis=0), fixed[left] + alone[:, left].sum(axis=0), np.inf
        )
        floors.append(min(together, float(whole.min())))
    return ceil(max(floors) - 1e-6 * max(1.0, abs(max(floors))))
