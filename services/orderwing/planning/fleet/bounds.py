"""What no plan can beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from orderwing.planning.fleet.answer import Plan, Score
from orderwing.planning.fleet.eligibility import eligibility
from orderwing.planning.fleet.problem import UNREACHABLE, Order, Problem


def bound(problem: Problem, plan: Plan) -> Score:
    """Least values of each goal on its own; the distance is that of plans that serve the same orders as this one."""
    if plan.proven:
        return plan.score
    able = eligibility(problem)
    servable = set(able.servable)
    never = [order for n, order in enumerate(problem.orders) if n not in servable]
    orders = [order for n, order in enumerate(problem.orders) if n in servable]
    express = [order for order in orders if order.express]
    others = [order for order in orders if not order.express]
    served = {stop.order_id for route in plan.routes for stop in route.stops}
    return Score(
        sum(order.express for order in never) + _overflow(problem, express, [1] * len(express)),
        0,
        sum(order.priority for order in never if not order.express)
        + _overflow(problem, others, [order.priority for order in others]),
        distance_m(problem, [n for n, order in enumerate(problem.orders) if order.order_id in served]),
    )


def _overflow(problem: Problem, orders: Sequence[Order], worth: Sequence[int]) -> int:
    """The least worth that all vans together cannot take: a fractional knapsack in each dimension, and in stops."""
    total = sum(worth)
    limits = [sum(driver.capacity[k] for driver in problem.drivers) for k in range(len(problem.dimensions))]
    taken = [[order.load[k] for order in orders] for k in range(len(limits))]
    if all(driver.max_stops is not None for driver in problem.drivers):
        limits.append(sum(driver.max_stops or 0 for driver in problem.drivers))
        taken.append([1] * len(orders))
    most = total
    for limit, units in zip(limits, taken, strict=True):
        value, room = 0, limit
        for load, value_of in sorted(zip(units, worth, strict=True), key=lambda one: one[0] / one[1]):
            if load > room:
                value += -(-value_of * room // load)  # rounded up: still a bound
                break
            value, room = value + value_of, room - load
        most = min(most, value)
    return total - most


def distance_m(problem: Problem, served: Sequence[int]) -> int:
    """Every stop is left once and entered once: a least assignment of who follows whom, drivers free to stay."""
    if not served:
        return 0
    depot = problem.depot
    leave = [problem.orders[n].place for n in served] + [depot[driver.start].place for driver in problem.drivers]
    enter = [problem.orders[n].place for n in served] + [depot[driver.end].place for driver in problem.drivers]
    metres = problem.metres[np.ix_(leave, enter)].astype(float)
    blocked = metres == UNREACHABLE
    stops = len(served)
    blocked[np.arange(stops), np.arange(stops)] = True
    metres[stops:, stops:], blocked[stops:, stops:] = 0, False
    metres[blocked] = metres.max() * (len(leave) + 1) + 1
    rows, columns = linear_sum_assignment(metres)
    return 0 if blocked[rows, columns].any() else int(metres[rows, columns].sum())
