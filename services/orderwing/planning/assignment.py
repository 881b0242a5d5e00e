"""Which order goes with which driver, at least total cost: exact, unbalanced, with forbidden pairs and capacities.

Drivers who take one order each are the linear sum assignment problem (SciPy, after Crouse 2016); with more it is a
minimum-cost flow (OR-Tools, cost scaling). Both take polynomial time, so that neither budget nor seed changes a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import linear_sum_assignment as ortools_assignment
from ortools.graph.python import min_cost_flow
from scipy.optimize import linear_sum_assignment

from orderwing.planning.budget import Budget

Costs = NDArray[np.int64]

FORBIDDEN = -1
LARGEST = 1 << 40  # of one cost: floats hold sums of thousands of them exactly


@dataclass(frozen=True, eq=False)
class AssignmentProblem:
    """`costs` [order, driver] in one unit, FORBIDDEN where the pair may not be. `capacities`: orders a driver takes.

    `left_costs`: what leaving an order costs, None if it may only be left where there is no other way. As few of those
    as possible are left; cost comes second.
    """

    orders: tuple[str, ...]
    drivers: tuple[str, ...]
    costs: Costs
    capacities: tuple[int, ...]
    left_costs: tuple[int | None, ...]

    def __post_init__(self) -> None:
        shape = (len(self.orders), len(self.drivers))
        if self.costs.shape != shape:
            raise ValueError(f"costs: {self.costs.shape} where orders and drivers need {shape}.")
        if self.costs.size and not FORBIDDEN <= int(self.costs.min()) <= int(self.costs.max()) <= LARGEST:
            raise ValueError(f"costs: values must be FORBIDDEN or from 0 to {LARGEST}.")
        for name, ids in (("orders", self.orders), ("drivers", self.drivers)):
            if len(set(ids)) < len(ids):
                raise ValueError(f"{name}: {Counter(ids).most_common(1)[0][0]!r} occurs twice.")
        if len(self.capacities) != shape[1] or min(self.capacities, default=0) < 0:
            raise ValueError("capacities: one for each driver, not negative.")
        if len(self.left_costs) != shape[0] or not all(0 <= (cost or 0) <= LARGEST for cost in self.left_costs):
            raise ValueError(f"left_costs: one for each order, None or from 0 to {LARGEST}.")

    def leaving(self) -> Costs:
        """What leaving each order counts. None counts more than any plan of the others costs."""
        dearest = np.maximum(self.costs.max(axis=1, initial=0), [cost or 0 for cost in self.left_costs])
        big = int(dearest.sum()) + 1
        return np.array([big if cost is None else cost for cost in self.left_costs], dtype=np.int64)


class Left(NamedTuple):
    """`reason`: no_driver_may (every pair is forbidden), drivers_full, or not_worth_it."""

    order: str
    reason: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`pairs`: driver by order. `cost` is of pairs and of orders left that have a price."""

    pairs: Mapping[str, str]
    left: tuple[Left, ...]
    cost: int


def plan(problem: AssignmentProblem, budget: Budget | None = None, seed: int = 0) -> Assignment:
    """Of least cost."""
    single = max(problem.capacities, default=0) <= 1
    return _told(problem, by_scipy(problem) if single else by_flow(problem))


def greedy(problem: AssignmentProblem) -> Assignment:
    """The cheapest pair first, as long as it is cheaper than leaving: the baseline."""
    leaving, room = problem.leaving(), list(problem.capacities)
    chosen: dict[int, int] = {}
    for flat in np.argsort(problem.costs, axis=None, kind="stable"):
        order, driver = divmod(int(flat), len(problem.drivers))
        cost = int(problem.costs[order, driver])
        if cost != FORBIDDEN and order not in chosen and room[driver] and cost < leaving[order]:
            chosen[order] = driver
            room[driver] -= 1
    return _told(problem, chosen)


def bound(problem: AssignmentProblem) -> int:
    """No plan costs less: each order takes the cheapest it may, and of those without a price the cheapest are served.

    Only as many of these as there is room for: who is left for want of another way counts nothing.
    """
    never = np.iinfo(np.int64).max
    allowed = np.where(problem.costs == FORBIDDEN, never, problem.costs).min(axis=1, initial=never)
    priced = np.array([cost is not None for cost in problem.left_costs], dtype=bool)
    prices = np.array([cost or 0 for cost in problem.left_costs], dtype=np.int64)
    musts = np.sort(allowed[~priced])[: _servable(problem, np.flatnonzero(~priced))]
    return int(np.minimum(allowed, prices)[priced].sum() + musts.sum())


def _servable(problem: AssignmentProblem, orders: NDArray[np.intp]) -> int:
    """How many of the orders there is room for at once."""
    costs = np.where(problem.costs[orders] == FORBIDDEN, FORBIDDEN, 0)
    names = tuple(problem.orders[n] for n in orders)
    return len(by_flow(AssignmentProblem(names, problem.drivers, costs, problem.capacities, (None,) * len(names))))


def by_scipy(problem: AssignmentProblem) -> dict[int, int]:
    """Driver by order; a column for each place of a driver and, where needed, one for leaving each order."""
    columns = np.repeat(np.arange(len(problem.drivers)), problem.capacities)
    for table in _tables(problem, columns):
        try:
            _, chosen = linear_sum_assignment(table)
        except ValueError:  # not every order can be served
            continue
        return {order: int(columns[c]) for order, c in enumerate(chosen) if c < len(columns)}
    raise AssertionError("leaving is always allowed")


def by_ortools(problem: AssignmentProblem) -> dict[int, int]:
    """The same by OR-Tools, which wants as many rows as columns: more rows take what no order does."""
    columns = np.repeat(np.arange(len(problem.drivers)), problem.capacities)
    for table in _tables(problem, columns):
        square = np.zeros((table.shape[1],) * 2)
        square[: len(table)] = table
        there = np.isfinite(square)
        # OR-Tools counts nodes by their arcs, and would read past the end for one that has none.
        if not (there.any(axis=0).all() and there.any(axis=1).all()):
            continue
        rows, cols = np.nonzero(there)
        solver = ortools_assignment.SimpleLinearSumAssignment()
        solver.add_arcs_with_cost(rows, cols, square[rows, cols].astype(np.int64))
        status = solver.solve()
        if status == solver.OPTIMAL:
            mates = (solver.right_mate(order) for order in range(len(problem.orders)))
            return {order: int(columns[c]) for order, c in enumerate(mates) if c < len(columns)}
        if status != solver.INFEASIBLE:
            raise RuntimeError("OR-Tools could not add the costs up: scale them down.")
    raise AssertionError("leaving is always allowed")


def _tables(problem: AssignmentProblem, columns: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    """[order, place of a driver | leaving of an order]; first without leaving, where no order should be left."""
    pairs = problem.costs[:, columns].astype(float)
    pairs[pairs == FORBIDDEN] = np.inf
    if len(columns) >= len(problem.orders) and all(cost is None for cost in problem.left_costs):
        yield pairs
    leaving = np.full((len(problem.orders),) * 2, np.inf)
    np.fill_diagonal(leaving, problem.leaving())
    yield np.hstack((pairs, leaving))


def by_flow(problem: AssignmentProblem) -> dict[int, int]:
    """A unit flows from each order through a driver, or past all of them, to the sink."""
    orders, drivers = len(problem.orders), len(problem.drivers)
    sink = orders + drivers
    rows, cols = np.nonzero(problem.costs != FORBIDDEN)
    flow = min_cost_flow.SimpleMinCostFlow()
    pairs = flow.add_arcs_with_capacity_and_unit_cost(
        rows, cols + orders, np.ones(len(rows), dtype=np.int64), problem.costs[rows, cols]
    )
    everyone = np.arange(orders)
    flow.add_arcs_with_capacity_and_unit_cost(
        everyone, np.full(orders, sink), np.ones(orders, dtype=np.int64), problem.leaving()
    )
    staff = np.arange(drivers)
    flow.add_arcs_with_capacity_and_unit_cost(
        staff + orders,
        np.full(drivers, sink),
        np.array(problem.capacities, dtype=np.int64),
        np.zeros(drivers, np.int64),
    )
    flow.set_nodes_supplies(np.append(everyone, sink), np.append(np.ones(orders, np.int64), -orders))
    if flow.solve() != flow.OPTIMAL:
        raise RuntimeError("OR-Tools could not add the costs up: scale them down.")
    taken = flow.flows(pairs) if len(pairs) else np.zeros(0)
    return {int(order): int(driver) for order, driver, unit in zip(rows, cols, taken, strict=True) if unit}


ENGINES: Mapping[str, Callable[[AssignmentProblem], dict[int, int]]] = {
    "scipy": by_scipy,
    "ortools": by_ortools,
    "flow": by_flow,
}


def _told(problem: AssignmentProblem, chosen: Mapping[int, int]) -> Assignment:
    pairs = {problem.orders[order]: problem.drivers[chosen[order]] for order in sorted(chosen)}
    free = np.array(problem.capacities) - np.bincount(list(chosen.values()), minlength=len(problem.drivers))
    left = [order for order in range(len(problem.orders)) if order not in chosen]
    cost = sum(int(problem.costs[order, driver]) for order, driver in chosen.items())
    cost += sum(problem.left_costs[order] or 0 for order in left)
    return Assignment(pairs, tuple(Left(problem.orders[n], _reason(problem.costs[n], free)) for n in left), cost)


def _reason(costs: Costs, free: Costs) -> str:
    if (costs == FORBIDDEN).all():
        return "no_driver_may"
    return "not_worth_it" if ((costs != FORBIDDEN) & (free > 0)).any() else "drivers_full"


def verify(problem: AssignmentProblem, answer: Assignment) -> list[str]:
    """Complaints; none if the assignment is allowed and costs what it says."""
    complaints = []
    row = {order: n for n, order in enumerate(problem.orders)}
    column = {driver: n for n, driver in enumerate(problem.drivers)}
    total = 0
    for order, driver in answer.pairs.items():
        if order not in row or driver not in column:
            return [f"There is no order {order!r} or no driver {driver!r}."]
        cost = int(problem.costs[row[order], column[driver]])
        if cost == FORBIDDEN:
            complaints.append(f"Order {order!r} may not go with {driver!r}.")
        total += cost
    complaints += _crowds(problem, Counter(answer.pairs.values()))
    told = Counter([*answer.pairs, *(left.order for left in answer.left)])
    complaints += [f"Order {o!r} is told of {told[o]} times." for o in {*told, *row} if told[o] != 1 or o not in row]
    total += sum(problem.left_costs[row[left.order]] or 0 for left in answer.left if left.order in row)
    if total != answer.cost:
        complaints.append(f"It costs {total}, not {answer.cost}.")
    return complaints


def _crowds(problem: AssignmentProblem, loads: Mapping[str, int]) -> Sequence[str]:
    rooms = zip(problem.drivers, problem.capacities, strict=True)
    return [f"Driver {driver!r} takes {loads[driver]} of {room}." for driver, room in rooms if loads[driver] > room]


def improvable(problem: AssignmentProblem, answer: Assignment) -> bool:
    """Whether a cycle of swaps would make the assignment cheaper; if none does, it is optimal (Klein 1967).

    Bellman and Ford over orders; moving into a driver's free place, or leaving, ends in a node that costs nothing.
    """
    orders, drivers = len(problem.orders), len(problem.drivers)
    column = {driver: n for n, driver in enumerate(problem.drivers)}
    nothing = drivers  # the driver of orders left
    held = np.array([column[answer.pairs[o]] if o in answer.pairs else nothing for o in problem.orders], dtype=np.int64)
    allowed = np.where(problem.costs == FORBIDDEN, np.inf, problem.costs)
    costs = np.hstack((allowed, problem.leaving()[:, None].astype(float)))
    loads = np.bincount(held, minlength=drivers + 1)
    # From each driver to each: the cheapest order to move there. Free places are reached again from `nothing`.
    moves = np.full((drivers + 1, drivers + 1), np.inf)
    for order in range(orders):
        moves[held[order]] = np.minimum(moves[held[order]], costs[order] - costs[order, held[order]])
    hub = np.full((drivers + 2, drivers + 2), np.inf)
    hub[: drivers + 1, : drivers + 1] = moves
    for driver in range(drivers + 1):
        room = np.inf if driver == nothing else problem.capacities[driver]
        if loads[driver] < room:
            hub[driver, drivers + 1] = 0.0  # it had room: the cycle may end here
        if loads[driver] > 0:
            hub[drivers + 1, driver] = 0.0  # one order less here harms nobody: it may begin here
    reach = np.zeros(drivers + 2)
    for _ in range(drivers + 2):
        nearer = np.minimum(reach, (reach[:, None] + hub).min(axis=0))
        if (nearer == reach).all():
            return False
        reach = nearer
    return True
