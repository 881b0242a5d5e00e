"""Answers checked without the solver's code: plainly, by loops over what is claimed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from orderwing.planning.steering.planning import Plan
from orderwing.planning.steering.problem import Problem
from orderwing.planning.steering.replay import Outcome

_RELATIVE = 1e-6


def verify(problem: Problem, plan: Plan) -> list[str]:
    """What is wrong with a plan, in words; nothing if it is feasible, costs what it says and is proven optimal."""
    return [*_flows(problem, plan), *_targets(problem, plan), *_proof(problem, plan), *_prices(problem, plan)]


def _flows(problem: Problem, plan: Plan) -> list[str]:
    wrong: list[str] = []
    served: dict[tuple[int, int], float] = {}
    used: dict[tuple[int, int], float] = {}
    cost = 0.0
    for basket, locality, sites, orders in plan.optimum.flows:
        if orders < 0 or len(sites) != len(problem.baskets[basket].skus):
            wrong.append(f"basket {basket} to {problem.localities[locality]}: no assignment of its lines")
            continue
        served[basket, locality] = served.get((basket, locality), 0.0) + orders
        each = sum(float(problem.parcel[site, locality]) for site in set(sites))
        lines = zip(sites, problem.baskets[basket].skus, problem.baskets[basket].units, strict=True)
        for site, sku, units in lines:
            used[site, sku] = used.get((site, sku), 0.0) + units * orders
            each += units * float(problem.unit[site, locality])
        cost += each * orders
    for q, basket_ in enumerate(problem.baskets):
        for c, locality_id in enumerate(problem.localities):
            wanted = float(problem.demand[q, c]) if basket_.skus else 0.0
            if not _equal(served.get((q, c), 0.0), wanted):
                wrong.append(f"basket {q} to {locality_id}: {served.get((q, c), 0.0):g} orders of {wanted:g}")
    for (site, sku), units_used in used.items():
        if units_used > float(problem.stock[site, sku]) * (1 + _RELATIVE) + _RELATIVE:
            wrong.append(f"site {problem.site_ids[site]}: {units_used:g} units of {problem.skus[sku]} are not there")
    if not _equal(cost, plan.optimum.cost):
        wrong.append(f"the flows cost {cost:.2f}, not {plan.optimum.cost:.2f}")
    return wrong


def _targets(problem: Problem, plan: Plan) -> list[str]:
    sums: dict[tuple[int, int], float] = {}
    for basket, locality, sites, orders in plan.optimum.flows:
        for site, units in zip(sites, problem.baskets[basket].units, strict=True):
            sums[locality, site] = sums.get((locality, site), 0.0) + units * orders
    return [
        f"target of {site_id} for {locality_id}: {plan.targets[c, k]:g} units, its flows are {sums.get((c, k), 0.0):g}"
        for c, locality_id in enumerate(problem.localities)
        for k, site_id in enumerate(problem.site_ids)
        if not _equal(float(plan.targets[c, k]), sums.get((c, k), 0.0))
    ]


def _proof(problem: Problem, plan: Plan) -> list[str]:
    """By weak duality: each order at its cheapest under the prices, less the prices of all stock, is a lower bound."""
    prices = plan.optimum.prices.tolist()
    stock = problem.stock.tolist()
    if any(price < 0 for row in prices for price in row):
        return ["a dual of stock is negative"]
    proven = -sum(
        price * units
        for row, have in zip(prices, stock, strict=True)
        for price, units in zip(row, have, strict=True)
        if price
    )
    for q, basket in enumerate(problem.baskets):
        for c in range(len(problem.localities)):
            if basket.skus and problem.demand[q, c] > 0:
                proven += float(problem.demand[q, c]) * _cheapest(problem, q, c, prices)
    if proven < plan.optimum.cost * (1 - 10 * _RELATIVE) - _RELATIVE:
        return [f"the duals prove {proven:.2f}, the plan costs {plan.optimum.cost:.2f}"]
    return []


def _cheapest(problem: Problem, basket: int, locality: int, prices: list[list[float]]) -> float:
    lines = list(zip(problem.baskets[basket].skus, problem.baskets[basket].units, strict=True))
    sites = range(len(problem.site_ids))
    unit = [float(problem.unit[site, locality]) for site in sites]
    priced = [
        [units * (unit[k] + prices[k][sku]) if problem.stock[k, sku] > 0 else float("inf") for sku, units in lines]
        for k in sites
    ]
    groups = (group for size in range(1, len(sites) + 1) for group in combinations(sites, size))
    costs = [
        sum(float(problem.parcel[k, locality]) for k in group)
        + sum(min(priced[k][n] for k in group) for n in range(len(lines)))
        for group in groups
    ]
    return min(costs)


def _prices(problem: Problem, plan: Plan) -> list[str]:
    return [
        f"price of {problem.skus[i]} at {site_id}: {plan.prices[k, i]} is no price"
        for k, site_id in enumerate(problem.site_ids)
        for i in range(len(problem.skus))
        if not 0 <= plan.prices[k, i] < float("inf")
    ]


def verify_outcome(problem: Problem, arrivals: Sequence[tuple[int, int]], outcome: Outcome) -> list[str]:
    """What is wrong with a replay: lines without a site, stock that was not there, sums that do not add up."""
    wrong: list[str] = []
    left = problem.stock.tolist()
    cost, parcels = 0.0, 0
    for number, ((q, locality), sites) in enumerate(zip(arrivals, outcome.picks, strict=True)):
        basket = problem.baskets[q]
        if len(sites) != len(basket.skus):
            wrong.append(f"order {number}: {len(sites)} sites for {len(basket.skus)} lines")
            continue
        for site, sku, units in zip(sites.tolist(), basket.skus, basket.units, strict=True):
            left[site][sku] -= units
            cost += units * float(problem.unit[site, locality])
            if left[site][sku] < 0:
                wrong.append(f"order {number}: {problem.skus[sku]} was used up at {problem.site_ids[site]}")
        parcels += len(set(sites.tolist()))
        cost += sum(float(problem.parcel[site, locality]) for site in set(sites.tolist()))
    if parcels != outcome.parcels:
        wrong.append(f"{parcels} parcels, not {outcome.parcels}")
    if not _equal(cost, outcome.cost):
        wrong.append(f"the orders cost {cost:.2f}, not {outcome.cost:.2f}")
    return wrong


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= _RELATIVE * max(1.0, abs(one), abs(other))
