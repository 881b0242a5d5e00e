"""Why an order is not served, as the routes stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orderwing.planning.fleet.answer import Reason, Routes, Unserved, shortfall
from orderwing.planning.fleet.eligibility import Eligibility, fits
from orderwing.planning.fleet.greedy import places
from orderwing.planning.fleet.problem import Order, Problem, Window

_NEVER = {  # the driver who comes nearest to serving it tells the reason
    Reason.WINDOW_UNREACHABLE: "too late there, or back",
    Reason.UNREACHABLE: "no road there and back",
    Reason.TOO_HEAVY: "too heavy",
    Reason.WRONG_DEPOT: "leaves another depot than its goods",
    Reason.NO_SKILL: "lacks a skill",
}
_NOT_NOW = {
    Reason.BELOW_MINIMUM: "would leave below the minimum",
    Reason.NO_TIME_LEFT: "no time left",
    Reason.NO_STOPS_LEFT: "no stops left",
    Reason.NO_CAPACITY_LEFT: "no capacity left",
}


def unserved(able: Eligibility, routes: Routes) -> Iterator[Unserved]:
    """Every order that no route has, in the problem's order."""
    problem = able.problem
    served = {number for route in routes for number in route}
    for number, order in enumerate(problem.orders):
        if number in served:
            continue
        if number in able.refusals:
            counted, texts = Counter(able.refusals[number]), _NEVER
        else:
            counted, texts = Counter(_not_now(able, routes, number)), _NOT_NOW
        reason = next((reason for reason in texts if reason in counted), Reason.NO_SKILL)
        told = [f"{text} ({_drivers(counted[one])})" for one, text in texts.items() if one in counted]
        about = _about(problem, order, reason)
        yield Unserved(order.order_id, reason, "; ".join(told + about) or "there are no drivers")


def _not_now(able: Eligibility, routes: Routes, number: int) -> Iterator[Reason]:
    problem = able.problem
    has_place = {driver for _, driver, _ in places(able, routes, number)}
    free = {able.kind_of[driver] for driver in has_place if not routes[driver]}  # of drivers alike one is looked at
    for driver, route in enumerate(routes):
        if not able.able[number, driver]:
            continue
        longer = [*route, number]
        most = problem.drivers[driver].max_stops
        if most is not None and len(longer) > most:
            yield Reason.NO_STOPS_LEFT
        elif not fits(problem, driver, longer):
            yield Reason.NO_CAPACITY_LEFT
        elif (driver in has_place or (not route and able.kind_of[driver] in free)) and any(
            shortfall(problem, driver, longer)
        ):
            yield Reason.BELOW_MINIMUM
        else:
            yield Reason.NO_TIME_LEFT


def _about(problem: Problem, order: Order, reason: Reason) -> list[str]:
    """What a dispatcher would look up next."""
    if reason is Reason.TOO_HEAVY:
        most = [max(driver.capacity[k] for driver in problem.drivers) for k in range(len(problem.dimensions))]
        return [
            f"{name} {units}, at most {limit} is carried"
            for name, units, limit in zip(problem.dimensions, order.load, most, strict=True)
            if units > limit
        ]
    if reason is Reason.NO_SKILL:
        known = frozenset[str]().union(*(driver.skills for driver in problem.drivers))
        return [f"nobody has {', '.join(sorted(order.skills - known))}"] * bool(order.skills - known)
    if reason is Reason.WINDOW_UNREACHABLE and order.windows:
        return ["served " + " or ".join(map(clock, order.windows))]
    return []


def _drivers(count: int) -> str:
    return f"{count} drivers" if count > 1 else "1 driver"


def clock(window: Window) -> str:
    return f"{time_of_day(window.start_s)}–{time_of_day(window.end_s)}"


def time_of_day(at_s: int) -> str:
    """`08:30`, a day later `08:30+1`; seconds only where there are some."""
    days, rest_s = divmod(at_s, 86_400)
    hours, seconds = divmod(rest_s, 3600)
    text = f"{hours:02}:{seconds // 60:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    return f"{text}+{days}" if days else text
