"""One number for goals that come strictly one after the other, as far as 64 bits reach; then the next number.

A goal's coefficient is one more than all lesser goals together can ever amount to, so no gain in them outweighs one
unit of it. Where that would not fit the solver's integers, the goals are split into stages: each stage is solved with
what the earlier ones reached as a constraint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orderwing.planning.fleet.answer import Score
from orderwing.planning.fleet.eligibility import Eligibility

LIMIT = 2**60  # of the solver's 63 bits; the rest is for its own sums


@dataclass(frozen=True, slots=True)
class Stage:
    """The coefficients of each goal, 0 outside the stage; goals before `first` are constraints by then."""

    first: int
    coefficients: Score


def most(able: Eligibility) -> Score:
    """What each goal can amount to at most, in any plan."""
    problem = able.problem
    orders = [problem.orders[number] for number in able.servable]
    places = sorted({order.place for order in orders} | {depot.place for depot in problem.depots})
    longest_m = problem.metres[np.ix_(places, places)].max(axis=0) if places else np.zeros(0, np.int64)
    arrival_m = dict(zip(places, map(int, longest_m), strict=True))
    return Score(
        sum(order.express for order in orders),
        sum(sum(driver.minimum) + driver.min_stops for driver in problem.drivers),
        sum(order.priority for order in orders if not order.express),
        sum(arrival_m[order.place] for order in orders)
        + sum(arrival_m[problem.depot[driver.end].place] for driver in problem.drivers),
    )


def stages(bounds: Sequence[int], limit: int = LIMIT) -> tuple[Stage, ...]:
    """As few as possible, each with as many goals as fit. Raises OverflowError if one goal alone does not."""
    found, first = [], 0
    while first < len(bounds):
        last = first
        while last + 1 < len(bounds) and _worst(bounds[first : last + 2]) <= limit:
            last += 1
        if bounds[first] > limit:
            raise OverflowError(f"a goal of up to {bounds[first]} is more than the solver can count")
        coefficients = [0] * len(bounds)
        below = 0
        for goal in range(last, first - 1, -1):
            coefficients[goal] = below + 1
            below += coefficients[goal] * bounds[goal]
        found.append(Stage(first, Score(*coefficients)))
        first = last + 1
    return tuple(found)


def _worst(bounds: Sequence[int]) -> int:
    """The cost of a plan that does worst in everything."""
    worst = 0
    for bound in reversed(bounds):
        worst += (worst + 1) * bound
    return worst
