"""Whether a plan keeps every rule, and says so truthfully. Knows nothing of how plans are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from orderwing.planning.fleet.answer import Plan, Route
from orderwing.planning.fleet.problem import Driver, Order, Problem


def verify(problem: Problem, plan: Plan) -> list[str]:
    """Every broken rule, a sentence each; none if the plan is right."""
    orders = {order.order_id: order for order in problem.orders}
    drivers = {driver.driver_id: driver for driver in problem.drivers}
    told = [*_each_order_once(orders, plan)]
    told += [f"driver {name} has {n} routes" for name, n in Counter(r.driver_id for r in plan.routes).items() if n > 1]
    for route in plan.routes:
        known = route.driver_id in drivers and all(stop.order_id in orders for stop in route.stops)
        if not known or not route.stops:
            told.append(f"the route of {route.driver_id} is empty or names somebody unknown")
            continue
        of_route = [orders[stop.order_id] for stop in route.stops]
        driver = drivers[route.driver_id]
        for rules in (_loads(driver, of_route, route), _times(problem, driver, of_route, route), _way(problem, route)):
            told += [f"{route.driver_id}: {text}" for text in rules]
    return told + list(_sums(orders, plan))


def _each_order_once(orders: dict[str, Order], plan: Plan) -> Iterator[str]:
    told = Counter(stop.order_id for route in plan.routes for stop in route.stops)
    told.update(one.order_id for one in plan.unserved)
    yield from (f"order {name} is told {n} times" for name, n in told.items() if n > 1)
    yield from (f"order {name} is neither served nor told as unserved" for name in orders.keys() - told.keys())
    yield from (f"order {name} is not in the problem" for name in told.keys() - orders.keys())


def _loads(driver: Driver, orders: list[Order], route: Route) -> Iterator[str]:
    load = tuple(map(sum, zip(*(order.load for order in orders), strict=True)))
    if load != route.load:
        yield f"carries {load}, not {route.load}"
    if any(units > most for units, most in zip(load, driver.capacity, strict=True)):
        yield f"carries {load} of at most {driver.capacity}"
    if driver.max_stops is not None and len(orders) > driver.max_stops:
        yield f"{len(orders)} stops of at most {driver.max_stops}"
    least = [*(driver.minimum or [0] * len(load)), driver.min_stops]
    missing = tuple(max(0, wanted - there) for wanted, there in zip(least, [*load, len(orders)], strict=True))
    if missing != route.shortfall:
        yield f"is short of its minimum by {missing}, not {route.shortfall}"
    if any(missing) and not any(order.express for order in orders):
        yield "leaves below its minimum without EXPRESS"
    for order in orders:
        if order.skills - driver.skills:
            yield f"lacks {sorted(order.skills - driver.skills)} for {order.order_id}"
        if order.depot_id not in (None, driver.start):
            yield f"leaves {driver.start}, and {order.order_id} is at {order.depot_id}"


def _times(problem: Problem, driver: Driver, orders: list[Order], route: Route) -> Iterator[str]:
    depots = {depot.depot_id: depot for depot in problem.depots}
    start, end = depots[driver.start], depots[driver.end]
    if route.leave_s < max(driver.shift.start_s, start.hours.start_s):
        yield "leaves too early"
    if route.back_s > min(driver.shift.end_s, end.hours.end_s):
        yield "is back too late"
    gaps = []
    place, left_s = start.place, route.leave_s
    for order, stop in zip(orders, route.stops, strict=True):
        gaps.append((place, order.place, left_s, stop.arrive_s, stop.start_s))
        if stop.start_s < stop.arrive_s or stop.leave_s != stop.start_s + order.service_s:
            yield f"the times at {order.order_id} do not follow one another"
        if order.windows and not any(w.start_s <= stop.start_s <= w.end_s for w in order.windows):
            yield f"serves {order.order_id} outside its windows"
        place, left_s = order.place, stop.leave_s
    gaps.append((place, end.place, left_s, route.back_s, route.back_s))
    for a, b, from_s, arrive_s, until_s in gaps:
        paused_s = sum(max(0, min(arrive_s, e) - max(from_s, b)) for b, e in route.breaks)
        if problem.seconds[a, b] < 0 or arrive_s - from_s < int(problem.seconds[a, b]) + paused_s:
            yield f"drives from place {a} to {b} in less time than it takes"
        if until_s < arrive_s:
            yield "goes back in time"
    yield from _breaks(driver, route)


def _breaks(driver: Driver, route: Route) -> Iterator[str]:
    if len(route.breaks) != len(driver.breaks):
        yield f"takes {len(route.breaks)} breaks of {len(driver.breaks)}"
        return
    for pause, (begin_s, end_s) in zip(driver.breaks, route.breaks, strict=True):
        if end_s - begin_s != pause.duration_s or not pause.earliest_s <= begin_s <= pause.latest_s:
            yield f"the break at {begin_s} s is not as agreed"
        if any(begin_s < stop.leave_s and stop.start_s < end_s for stop in route.stops):
            yield f"the break at {begin_s} s interrupts service"
    if any(second[0] < first[1] for first, second in pairwise(route.breaks)):
        yield "breaks overlap"


def _way(problem: Problem, route: Route) -> Iterator[str]:
    place_of = {order.order_id: order.place for order in problem.orders}
    driver = next(driver for driver in problem.drivers if driver.driver_id == route.driver_id)
    depots = {depot.depot_id: depot.place for depot in problem.depots}
    places = [depots[driver.start], *(place_of[stop.order_id] for stop in route.stops), depots[driver.end]]
    legs = [int(problem.metres[a, b]) for a, b in pairwise(places)]
    if min(legs) < 0:
        yield "drives where no road leads"
    if legs[:-1] != [stop.leg_m for stop in route.stops] or sum(legs) != route.distance_m:
        yield f"drives {sum(legs)} m, not {route.distance_m}"


def _sums(orders: dict[str, Order], plan: Plan) -> Iterator[str]:
    out = [orders[one.order_id] for one in plan.unserved if one.order_id in orders]
    right = (
        sum(order.express for order in out),
        sum(sum(route.shortfall) for route in plan.routes),
        sum(order.priority for order in out if not order.express),
        sum(route.distance_m for route in plan.routes),
    )
    if right != tuple(plan.score):
        yield f"the score is {right}, not {tuple(plan.score)}"
