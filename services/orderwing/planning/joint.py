"""Who drives what, in which cartons, in which order: assignment, packing and routing together, and apart.

Together, every pair of driver and stop is priced on the way to the stop, so that one search decides all; few stops
are solved exactly. Apart, as the three problems are told one by one: each order to its cheapest driver, then what fits
into each van, then each van's route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from orderwing.planning import assignment, packing
from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing import checks, exact, port
from orderwing.planning.routing.greedy import greedy as greedy_routes
from orderwing.planning.routing.plan import Route, RoutePlan, left_out, terms_of
from orderwing.planning.routing.problem import BARRED, Matrix, RoutingProblem, Stop, Vehicle

_CARTON_BUDGET = Budget(iterations=2_000)  # for the cartons of one order


class Delivery(NamedTuple):
    """An order. `goods` and cartons have two dimensions: grams, cubic centimetres. `prize`: what leaving it costs."""

    order_id: str
    goods: tuple[packing.Item, ...]
    prize: int
    service_s: int = 0
    opens_s: int = 0
    closes_s: int = 1 << 44


@dataclass(frozen=True, eq=False)
class JointProblem:
    """Vans load grams and cubic centimetres. `pair_costs` [driver, delivery], BARRED where the pair may not be.

    Place 0 is the depot, 1 + i that of delivery i. A carton takes its whole volume in the van, and its goods' weight.
    """

    deliveries: tuple[Delivery, ...]
    cartons: tuple[packing.Kind, ...]
    drivers: tuple[Vehicle, ...]
    metres: Matrix
    seconds: Matrix
    pair_costs: Matrix


@dataclass(frozen=True, slots=True)
class JointPlan:
    """`packings` by order. `cost` is that of routes and of the cartons of orders served."""

    packings: Mapping[str, packing.Packing]
    routes: RoutePlan

    @property
    def cost(self) -> int:
        return self.routes.cost


def plan(problem: JointProblem, budget: Budget, seed: int) -> JointPlan:
    """All at once: exact for few stops, else by local search from the better of greedy and apart."""
    packings = pack_orders(problem, seed)
    one = as_routing(problem, packings)
    best = exact.exact(one) if exact.solvable(one) else None
    if best is None:
        start = min(greedy_routes(one), _apart(one, budget, seed), key=lambda routes: routes.cost)
        best = min(start, port.plan_plain(one, budget, seed, start), key=lambda routes: routes.cost)
    return JointPlan(packings, best)


def apart(problem: JointProblem, budget: Budget, seed: int) -> JointPlan:
    """The baseline: the three problems one after the other, each solved well."""
    packings = pack_orders(problem, seed)
    return JointPlan(packings, _apart(as_routing(problem, packings), budget, seed))


def pack_orders(problem: JointProblem, seed: int) -> dict[str, packing.Packing]:
    return {
        delivery.order_id: packing.plan(packing.PackingProblem(delivery.goods, problem.cartons), _CARTON_BUDGET, seed)
        for delivery in problem.deliveries
    }


def as_routing(problem: JointProblem, packings: Mapping[str, packing.Packing]) -> RoutingProblem:
    """Orders as stops whose pairs carry the price of their cartons. Who has goods no carton holds goes with nobody."""
    volumes = {kind.kind_id: kind.capacity[1] for kind in problem.cartons}
    stops, pairs = [], problem.pair_costs.copy()
    for n, delivery in enumerate(problem.deliveries):
        packed = packings[delivery.order_id]
        grams = sum(item.size[0] for item in delivery.goods)
        load = (grams, sum(volumes[one.kind_id] for one in packed.bins))
        stops.append(Stop(delivery.order_id, load, *delivery[3:], prize=delivery.prize))
        column = problem.pair_costs[:, n]
        pairs[:, n] = BARRED if packed.left else np.where(column == BARRED, BARRED, column + packed.cost)
    depot = problem.drivers[0].start_depot
    return RoutingProblem((depot,), tuple(stops), problem.drivers, problem.metres, problem.seconds, pairs)


def _apart(problem: RoutingProblem, budget: Budget, seed: int) -> RoutePlan:
    countdown = Countdown(budget)
    mine = _assigned(problem)
    routes: list[Route] = []
    distance = duration = 0
    for n, vehicle in enumerate(problem.vehicles):
        held = _held(problem, vehicle, [stop for stop, driver in mine.items() if driver == n], seed)
        if not held:
            continue
        alone = _only(problem, n, held)
        part = _part(budget, countdown, len(problem.vehicles) - n)
        found = exact.exact(alone) if exact.solvable(alone) else port.plan_plain(alone, part, seed)
        if found is not None:
            routes += found.routes
            distance += found.terms.distance
            duration += found.terms.duration
    left = left_out(problem, routes)
    return RoutePlan(tuple(routes), left, terms_of(problem, routes, distance, duration, left))


def _part(budget: Budget, countdown: Countdown, among: int) -> Budget:
    if budget.seconds is None:
        return replace(budget, iterations=(budget.iterations or 0) // among)
    return replace(budget, seconds=max(0.0, budget.seconds - countdown.seconds_spent()) / among)


def _assigned(problem: RoutingProblem) -> dict[int, int]:
    """Driver by stop: the cheapest pairs, out and back for each, as many stops a driver as there are for all."""
    assert problem.pair_costs is not None
    way = problem.metres[0, 1:] + problem.metres[1:, 0]
    costs = np.array([vehicle.metre_cost for vehicle in problem.vehicles])[:, None] * way // 2 + problem.pair_costs
    costs[problem.pair_costs == BARRED] = assignment.FORBIDDEN
    count = -(-len(problem.stops) // len(problem.vehicles))
    names = tuple(vehicle.vehicle_id for vehicle in problem.vehicles)
    orders = tuple(stop.stop_id for stop in problem.stops)
    prizes = tuple(stop.prize for stop in problem.stops)
    asked = assignment.AssignmentProblem(orders, names, costs.T, (count,) * len(names), prizes)
    pairs = assignment.plan(asked).pairs
    return {n: names.index(pairs[order]) for n, order in enumerate(orders) if order in pairs}


def _held(problem: RoutingProblem, vehicle: Vehicle, stops: list[int], seed: int) -> list[int]:
    """What of the stops' loads fits into the van: the most prize."""
    items = tuple(packing.Item(str(n), problem.stops[n].load, problem.stops[n].prize) for n in stops)
    van = packing.Kind("van", vehicle.capacity, 0, 1)
    packed = packing.plan(packing.PackingProblem(items, (van,)), _CARTON_BUDGET, seed)
    return sorted(int(item) for one in packed.bins for item in one.items)


def _only(problem: RoutingProblem, vehicle: int, stops: list[int]) -> RoutingProblem:
    """These stops and this vehicle alone."""
    assert problem.pair_costs is not None
    places = [0, *(problem.place(stop) for stop in stops)]
    return RoutingProblem(
        problem.depots,
        tuple(problem.stops[stop] for stop in stops),
        (problem.vehicles[vehicle],),
        problem.metres[np.ix_(places, places)],
        problem.seconds[np.ix_(places, places)],
        problem.pair_costs[[vehicle]][:, stops],
    )


def verify(problem: JointProblem, answer: JointPlan) -> list[str]:
    """Complaints about cartons, loads, routes and costs."""
    complaints = []
    for delivery in problem.deliveries:
        asked = packing.PackingProblem(delivery.goods, problem.cartons)
        packed = answer.packings.get(delivery.order_id)
        wrong = ["it has no packing."] if packed is None else packing.verify(asked, packed)
        complaints += [f"Order {delivery.order_id!r}: {complaint}" for complaint in wrong]
    return complaints or checks.verify(as_routing(problem, answer.packings), answer.routes)
