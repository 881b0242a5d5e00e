"""What is wrong with a plan of stops, in words. Shares no code with the planner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np

from orderwing.planning.addresses import Door
from orderwing.planning.distances.haversine import great_circle_m
from orderwing.planning.stops.plan import Group, Plan
from orderwing.planning.stops.problem import Drop, Level, Problem

_SLACK_M = 0.51  # walks are told in whole metres


def verify(problem: Problem, plan: Plan) -> list[str]:
    """Nothing if it is sound: every order once on each level, groups of whole groups, alike, within bounds, priced."""
    if len(plan.groups) != len(problem.levels):
        return [f"{len(plan.groups)} levels answered for {len(problem.levels)}"]
    drops = {drop.order_id: drop for drop in problem.drops}
    wrong = list(_wrongly_alone(problem, plan))
    below: list[frozenset[str]] = [frozenset([order]) for order in drops]
    inside = {order: drop.parcels * problem.handling.parcel_s for order, drop in drops.items()}
    for level, groups in zip(problem.levels, plan.groups, strict=True):
        if miscounted := list(_counted(level, groups, drops)):
            return wrong + miscounted
        part_of = {order: n for n, members in enumerate(below) for order in members}
        seconds: dict[str, int] = {}
        for group in groups:
            members = frozenset(group.orders)
            parts = {part_of[order] for order in members}
            if sum(len(below[part]) for part in parts) != len(members):
                wrong.append(f"{level.name}: the group of {group.at} takes a part of another group")
            spent = sum(inside[min(below[part])] for part in parts) + level.further_s * (len(parts) - 1)
            seconds[min(members)] = spent
            if group.service_s != problem.handling.stop_s + spent:
                wrong.append(f"{level.name}: the group of {group.at} takes {problem.handling.stop_s + spent} seconds")
            wrong += _of_group(problem, level, group, drops, len(parts))
        below, inside = [frozenset(group.orders) for group in groups], seconds
    return wrong


def _wrongly_alone(problem: Problem, plan: Plan) -> Iterator[str]:
    most = max((level.max_parcels for level in problem.levels), default=0)
    large = {drop.order_id for drop in problem.drops if drop.parcels > most}
    for order, times in Counter(order for order, _ in plan.alone).items():
        if order not in large:
            yield f"{order} is told to be too large for a stop, and is not, or was not asked for"
        elif times > 1:
            yield f"{order} is told {times} times to be too large for a stop"


def _counted(level: Level, groups: Iterable[Group], drops: Mapping[str, Drop]) -> Iterator[str]:
    told = Counter(order for group in groups for order in group.orders)
    for order in sorted(told.keys() | drops.keys()):
        if order not in drops:
            yield f"{level.name}: {order} was not asked for"
        elif told[order] != 1:
            yield f"{level.name}: {order} is in {told[order]} groups"


def _of_group(problem: Problem, level: Level, group: Group, drops: Mapping[str, Drop], parts: int) -> Iterator[str]:
    members = [drops[order] for order in group.orders]
    name = f"{level.name}: the group of {group.at}"
    if group.at not in group.orders:
        yield f"{name} halts at a strange door"
    if len({(m.door.country, *(_told(m.door, f) for f in level.same)) for m in members}) != 1:
        yield f"{name} is not alike in {', '.join(level.same)}"
    if group.doors != len({m.door.key for m in members}):
        yield f"{name} has another number of doors than {group.doors}"
    if group.parcels != sum(m.parcels for m in members):
        yield f"{name} has another number of parcels than {group.parcels}"
    if parts > 1 and (len(members) > level.max_orders or group.parcels > level.max_parcels):
        yield f"{name} is too large"
    if parts > 1 and level.max_walk_m is not None and level.max_gap_m is not None:
        gaps = [_apart_m(problem, a, b) for a, b in pairwise(members) if not _one_house(a, b)]
        if max(gaps, default=0.0) > level.max_gap_m + _SLACK_M:
            yield f"{name} has a gap of {max(gaps):.0f} m"
        if sum(gaps) > level.max_walk_m + _SLACK_M:
            yield f"{name} is a walk of {sum(gaps):.0f} m"
        if abs(sum(gaps) - group.walk_m) > _SLACK_M:
            yield f"{name} is a walk of {sum(gaps):.0f} m, not {group.walk_m}"


def _told(door: Door, name: str) -> str:
    if name == "side":
        return "none" if door.number is None else str(door.number % 2)
    return str(getattr(door, name))


def _one_house(a: Drop, b: Drop) -> bool:
    return (a.door.area, a.door.street, a.door.house) == (b.door.area, b.door.street, b.door.house)


def _apart_m(problem: Problem, a: Drop, b: Drop) -> float:
    if a.point is not None and b.point is not None:
        return float(great_circle_m(np.array([a.point]), np.array([b.point]))[0, 0])
    if a.door.number is None or b.door.number is None or not a.door.postcode or a.door.area != b.door.area:
        return float("inf")
    return abs(a.door.number - b.door.number) * problem.handling.metres_per_number
