"""What each site asks for each load: the cost model as a table.

A cost is scaled by SCALE and counts one more for a shipment, so that of equal costs the fewest shipments win. FAR
stands for what cannot be. Shapes: S sites, N loads, L wants.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orderwing.planning.pricing.grid import Parcels, freight, pack_all
from orderwing.planning.pricing.tariffs import Tariff
from orderwing.planning.sourcing.problem import Hub, Problem
from orderwing.planning.sourcing.sieve import Mode, Way
from orderwing.planning.sourcing.states import Ints, Loads

SCALE = 16
FAR = 1 << 58  # a dozen of them still add up
LOST = FAR >> 1  # from here on: FAR, less some credit


def packed(problem: Problem, states: Loads) -> Parcels:
    return pack_all(states.amounts, [want.goods(1) for want in problem.wants], problem.cartons)


def picking(problem: Problem, ways: Sequence[Way], states: Loads) -> Ints:
    """(S, N), unscaled: handling of lines, and steering."""
    work = np.array([way.source.handling.line_minor for way in ways], np.int64)
    cost = np.multiply.outer(work, states.lines)
    if any(way.source.steering_minor for way in ways):
        prices = [[way.source.steering_minor.get(want.sku, 0) for want in problem.wants] for way in ways]
        cost += np.array(prices, np.int64) @ states.amounts.T
    return cost


def shipping(ways: Sequence[Way], states: Loads, parcels: Parcels) -> Ints:
    """(S, N), unscaled: freight, cartons, work and lateness on each site's best mode; FAR where none takes the load."""
    modes = [(way, mode) for way in ways for mode in way.modes]
    rows: dict[Tariff, int] = {}
    which = [rows.setdefault(mode.run.tariff, len(rows)) for _, mode in modes]
    cost = freight(parcels, list(rows))[which]
    work = np.array([way.source.handling.parcel_minor for way, _ in modes], np.int64)
    cost += np.multiply.outer(work, parcels.pieces) + parcels.minor
    if any(mode.late_minor for _, mode in modes):
        cost += np.array([mode.late_minor for _, mode in modes], np.int64)[:, None]
    for row, (_, mode) in enumerate(modes):
        if mode.unit_minor and mode.cap != mode.shelf:
            cost[row] += np.maximum(states.amounts - np.array(mode.shelf), 0).sum(axis=1) * mode.unit_minor
    cost[_cannot([mode for _, mode in modes], states)] = FAR
    if len(modes) > len(ways):
        starts = np.cumsum([0, *(len(way.modes) for way in ways[:-1])])
        cost = np.minimum.reduceat(cost, starts, axis=0)
    return cost


def _cannot(modes: Sequence[Mode], states: Loads) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(modes, N): loads beyond stock or room."""
    caps = np.array([mode.cap for mode in modes], np.int64)
    cannot = np.zeros((len(modes), states.count), np.bool_)
    for place, quantity in enumerate(states.quantities):
        if quantity and caps[:, place].min() < quantity:
            cannot |= states.amounts[:, place] > caps[:, place, None]
    rooms = [FAR if mode.run.room_units is None else mode.run.room_units for mode in modes]
    if min(rooms) < sum(states.quantities):
        cannot |= states.units > np.array(rooms, np.int64)[:, None]
    return cannot


def scaled(cost: Ints, fixed: int = 1) -> Ints:
    """With nothing for the load of nothing."""
    table = np.where(cost >= LOST, FAR, cost * SCALE + fixed)
    table[..., 0] = 0
    return table


def waiting(states: Loads, unit_minor: int) -> Ints:
    """(N,), scaled: units that ship later."""
    return states.units * (unit_minor * SCALE)


def no_saving_minor(costs: Ints) -> int:
    """More than any choice among scaled costs (S, N) could save: at that price, no unit waits that could ship."""
    known = np.where(costs < LOST, costs, 0)
    return int((known.max(axis=1) - known.min(axis=1)).sum()) // SCALE + 1


def gathering(problem: Problem, hub: Hub, ways: Sequence[Way], states: Loads) -> Ints:
    """(S, N), unscaled: transfer from shelves to a hub; what is at the hub is there; what no inflow brings is FAR."""
    inflow = {one.site_id: one for one in hub.inflows}
    grams = states.amounts @ np.array([want.grams for want in problem.wants], np.int64)
    cost = np.full((len(ways), states.count), FAR, np.int64)
    for row, way in enumerate(ways):
        one = inflow.get(way.source.site_id)
        if one is None and way.source.site_id != hub.site_id:
            continue
        moved = np.zeros(states.count, np.int64)
        if one is not None:
            moved = one.transfer_minor - (-grams // 1000) * one.kilogram_minor
        cost[row] = np.where((states.amounts > np.array(way.cap)).any(axis=1), FAR, moved)
    return cost
