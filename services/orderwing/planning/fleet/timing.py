"""When a driver is where, given the orders in turn: the earliest times, with breaks placed best.

Serving each stop as early as possible is never worse for what follows, so for every number of breaks already taken it
is enough to keep the earliest moment: a dynamic program over stops × breaks, exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orderwing.planning.fleet.problem import UNREACHABLE, Driver, Pause, Problem, Window


class Visit(NamedTuple):
    arrive_s: int
    start_s: int
    leave_s: int


class Times(NamedTuple):
    leave_s: int
    visits: tuple[Visit, ...]
    back_s: int
    breaks: tuple[Window, ...]


class State(NamedTuple):
    """Free to go on at `now_s`, after these visits and breaks."""

    now_s: int
    visits: tuple[Visit, ...]
    breaks: tuple[Window, ...]


States = dict[int, State]  # by breaks taken


def times(problem: Problem, driver: Driver, orders: Sequence[int]) -> Times | None:
    """The earliest return, and how; None if some window, the shift or a break cannot be kept."""
    states = at_the_start(problem, driver)
    place = problem.depot[driver.start].place
    for number in orders:
        states = visit(problem, driver, states, place, number)
        if not states:
            return None
        place = problem.orders[number].place
    return home(problem, driver, orders, states)


def at_the_start(problem: Problem, driver: Driver) -> States:
    """Ready to leave: after every number of breaks that can begin before the depot lets the van out."""
    opens_s, now_s = problem.hours(driver).start_s, driver.shift.start_s
    states = {0: State(opens_s, (), ())}
    breaks: tuple[Window, ...] = ()
    for pause in driver.breaks:
        begin_s = max(now_s, pause.earliest_s)
        if begin_s >= opens_s or begin_s > pause.latest_s:
            break
        now_s = begin_s + pause.duration_s
        breaks = (*breaks, Window(begin_s, now_s))
        states[len(breaks)] = State(max(opens_s, now_s), (), breaks)
    return states


def visit(problem: Problem, driver: Driver, states: States, place: int, number: int) -> States:
    """After the next stop, coming from `place`; none if it cannot be served."""
    order, pauses = problem.orders[number], driver.breaks
    travel_s = int(problem.seconds[place, order.place])
    if travel_s == UNREACHABLE:
        return {}
    found: States = {}
    for taken, state in states.items():
        for until, (ready_s, breaks) in enumerate(drives(state.now_s, travel_s, pauses[taken:]), taken):
            start_s = _opening(ready_s, order.windows)
            if start_s is None:
                break
            known = found.get(until)
            if known is None or start_s + order.service_s < known.now_s:
                # A break after the drive is spent at the door.
                arrive_s = min(ready_s, _arrival(state.now_s, travel_s, breaks))
                done = Visit(arrive_s, start_s, start_s + order.service_s)
                found[until] = State(done.leave_s, (*state.visits, done), state.breaks + breaks)
    return found


def home(problem: Problem, driver: Driver, orders: Sequence[int], states: States) -> Times | None:
    """The earliest return from the last of these orders."""
    depot, pauses = problem.depot[driver.end], driver.breaks
    travel_s = int(problem.seconds[problem.orders[orders[-1]].place, depot.place]) if orders else 0
    if travel_s == UNREACHABLE:
        return None
    hours = problem.hours(driver)
    best: Times | None = None
    for taken, state in states.items():
        for until, (done_s, breaks) in enumerate(drives(state.now_s, travel_s, pauses[taken:]), taken):
            back_s = _arrival(state.now_s, travel_s, breaks)
            if back_s > hours.end_s or (best is not None and back_s >= best.back_s):
                continue
            *_, (_, later) = drives(done_s, 0, pauses[until:])
            if len(later) == len(pauses) - until:
                taken_all = state.breaks + breaks + later
                leave_s = max([hours.start_s, *(end_s for begin_s, end_s in taken_all if begin_s < hours.start_s)])
                best = Times(leave_s, state.visits, back_s, taken_all)
    return None if best is None else _late_start(problem, driver, orders, best)


def drives(now_s: int, travel_s: int, pauses: Sequence[Pause]) -> Iterator[tuple[int, tuple[Window, ...]]]:
    """When a drive of `travel_s` is done: with none of these breaks, with the first, with two, until one is too late.

    Each break is as early as it may be.
    """
    left_s = travel_s
    breaks: tuple[Window, ...] = ()
    yield now_s + left_s, breaks
    for pause in pauses:
        begin_s = max(now_s, pause.earliest_s)
        if begin_s > pause.latest_s:
            return
        left_s = max(0, left_s - (begin_s - now_s))
        now_s = begin_s + pause.duration_s
        breaks = (*breaks, Window(begin_s, now_s))
        yield now_s + left_s, breaks


def _arrival(leave_s: int, travel_s: int, breaks: Sequence[Window]) -> int:
    """When the drive itself is done, breaks that begin before its end included."""
    at_s = leave_s + travel_s
    for begin_s, end_s in breaks:
        if begin_s < at_s:
            at_s += end_s - begin_s
    return at_s


def _opening(ready_s: int, windows: Sequence[Window]) -> int | None:
    if not windows:
        return ready_s
    return next((max(ready_s, start_s) for start_s, end_s in windows if ready_s <= end_s), None)


def _late_start(problem: Problem, driver: Driver, orders: Sequence[int], times: Times) -> Times:
    """Nobody leaves only to wait at the first door."""
    if not times.visits or any(times.leave_s <= begin_s < times.visits[0].start_s for begin_s, _ in times.breaks):
        return times
    start_s = times.visits[0].start_s
    travel_s = int(problem.seconds[problem.depot[driver.start].place, problem.orders[orders[0]].place])
    first = times.visits[0]._replace(arrive_s=start_s)
    return times._replace(leave_s=start_s - travel_s, visits=(first, *times.visits[1:]))
