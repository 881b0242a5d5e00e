"""Orders whose costs add up: a price for a site used, for a line there, for a unit. Exact over all subsets of sites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orderwing.planning.pricing.tariffs import Tariff
from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.drafts import Units
from orderwing.planning.sourcing.problem import Problem
from orderwing.planning.sourcing.sieve import Way
from orderwing.planning.sourcing.tables import SCALE


def add_up(problem: Problem, ways: Sequence[Way], wanted: Units) -> bool:
    """No cartons, no weight that counts, no cross-docking, room for all."""
    if problem.cartons:
        return False
    units = sum(wanted)
    for way in ways:
        for mode in way.modes:
            run = mode.run
            if mode.cap != mode.shelf or not _is_flat(run.tariff):
                return False
            if run.room_units is not None and run.room_units < units:
                return False
    return True


def _is_flat(tariff: Tariff) -> bool:
    return len(tariff.minor) == 1 and not tariff.kilogram_minor and not tariff.line_haul_kilogram_minor


def cheapest_of(problem: Problem, ways: Sequence[Way], wanted: Units) -> tuple[tuple[int, Units], ...]:
    """(place of the way, units) of the least cost; of equal costs the fewest sites."""
    fixed, line, stock = [], [], []
    for way in ways:
        handling = way.source.handling
        best = min([mode.run.tariff.minor[0] + mode.run.tariff.line_haul_minor + mode.late_minor for mode in way.modes])
        fixed.append((best + handling.parcel_minor) * SCALE + 1)
        line.append(handling.line_minor * SCALE)
        stock.append(way.cap)
    sites = len(ways) + 1 if problem.rules.backorder_unit_minor is not None else len(ways)
    unit = np.zeros((len(wanted), sites))
    for place, way in enumerate(ways):
        if way.source.steering_minor:
            unit[:, place] = [way.source.steering_minor.get(want.sku, 0) * SCALE for want in problem.wants]
    if sites > len(ways):
        fixed.append(0)
        line.append(0)
        stock.append(wanted)
        unit[:, -1] = (problem.rules.backorder_unit_minor or 0) * SCALE
    found = subsets.cheapest(
        np.array(fixed, np.float64),
        np.array(line, np.float64),
        unit,
        np.array(stock, np.int64).T,
        np.array(wanted, np.int64),
    )
    loads = found.units.T[: len(ways)]
    return tuple([(site, tuple(load)) for site, load in enumerate(loads.tolist()) if any(load)])
