"""Small problems of every kind, and the best plan of each by trying everything, second by second."""

from collections.abc import Sequence
from itertools import combinations, pairwise, permutations
from random import Random

import numpy as np

from orderwing.planning.fleet.answer import Score
from orderwing.planning.fleet.problem import DAY, DAY_S, Depot, Driver, Order, Pause, Problem, Window

HORIZON_S = 120


def a_problem(seed: int, orders: int = 4, drivers: int = 2, depots: int = 2, *, closing: bool = False) -> Problem:
    """With everything a problem may have, or part of it; times are small enough to try every second.

    `closing`: depots have hours.
    """
    chance = Random(seed)
    size = depots + orders
    metres = np.asarray([[chance.randint(1, 99) * (a != b) for b in range(size)] for a in range(size)], np.int64)
    seconds = np.asarray([[chance.randint(1, 9) * (a != b) for b in range(size)] for a in range(size)], np.int64)
    if chance.random() < 0.3:
        lost = chance.sample(range(size), 2)
        metres[lost[0], lost[1]] = seconds[lost[0], lost[1]] = -1
    dimensions = ("load", "volume")[: chance.choice((1, 1, 2))]
    return Problem(
        tuple(Depot(f"w{n}", n, _hours(Random(f"{seed} {n}")) if closing else DAY) for n in range(depots)),
        tuple(_order(chance, n, depots, len(dimensions)) for n in range(orders)),
        tuple(_driver(chance, n, depots, len(dimensions)) for n in range(drivers)),
        metres,
        seconds,
        dimensions,
    )


def _hours(chance: Random) -> Window:
    """Late enough, at times, for a break to be over before the depot opens."""
    opens = chance.choice((0, 0, 0, chance.randint(5, 20)))
    return Window(opens, chance.choice((DAY_S, opens + chance.randint(20, 50))))


def _order(chance: Random, number: int, depots: int, dimensions: int) -> Order:
    windows = []
    if chance.random() < 0.4:
        opens = chance.randint(0, 30)
        windows.append(Window(opens, opens + chance.randint(0, 15)))
        if chance.random() < 0.4:
            opens = windows[0].end_s + chance.randint(2, 10)
            windows.append(Window(opens, opens + chance.randint(0, 9)))
    return Order(
        f"o{number}",
        depots + number,
        tuple(chance.randint(0, 5) for _ in range(dimensions)),
        chance.random() < 0.35,
        chance.choice((1, 1, 2, 5)),
        tuple(windows),
        chance.randint(0, 4),
        frozenset({"cold"} if chance.random() < 0.2 else ()),
        chance.choice((None, None, None, "w0")),
    )


def _driver(chance: Random, number: int, depots: int, dimensions: int) -> Driver:
    breaks: list[Pause] = []
    begins = chance.randint(0, 5)
    ends = begins + chance.randint(25, 50)
    if chance.random() < 0.4:
        earliest = begins + chance.randint(2, 15)
        breaks.append(Pause(chance.randint(1, 5), earliest, earliest + chance.randint(0, 4)))
    start = chance.randrange(depots)
    return Driver(
        f"d{number}",
        f"w{start}",
        f"w{start if chance.random() < 0.8 else chance.randrange(depots)}",
        tuple(chance.randint(5, 14) for _ in range(dimensions)),
        tuple(chance.choice((0, 0, 3, 6)) for _ in range(dimensions)),
        chance.choice((None, None, 2, 3)),
        chance.choice((0, 0, 0, 2)),
        chance.choice((DAY, Window(begins, max(ends, *(p.latest_s + p.duration_s for p in breaks), 0))))
        if not breaks
        else Window(begins, max(ends, breaks[-1].latest_s + breaks[-1].duration_s)),
        tuple(breaks),
        frozenset({"cold"} if chance.random() < 0.5 else ()),
    )


def best_score(problem: Problem) -> Score:
    """Of all ways to serve any orders by anybody in any sequence."""
    everyone = range(len(problem.orders))
    # What is served -> least (shortfall, metres) of the drivers so far.
    reached: dict[frozenset[int], tuple[int, int]] = {frozenset(): (0, 0)}
    for driver in problem.drivers:
        routes = _routes(problem, driver)
        after = dict(reached)
        for served, (short, metres) in reached.items():
            for orders, (more_short, more_metres) in routes.items():
                if not served & orders:
                    value = (short + more_short, metres + more_metres)
                    after[served | orders] = min(after.get(served | orders, value), value)
        reached = after
    scores = []
    for served, (short, metres) in reached.items():
        out = [problem.orders[n] for n in everyone if n not in served]
        others = sum(order.priority for order in out if not order.express)
        scores.append(Score(sum(order.express for order in out), short, others, metres))
    return min(scores)


def _routes(problem: Problem, driver: Driver) -> dict[frozenset[int], tuple[int, int]]:
    found: dict[frozenset[int], tuple[int, int]] = {}
    for size in range(1, len(problem.orders) + 1):
        for chosen in combinations(range(len(problem.orders)), size):
            orders = [problem.orders[n] for n in chosen]
            load = [sum(units) for units in zip(*(order.load for order in orders), strict=True)]
            if any(units > most for units, most in zip(load, driver.capacity, strict=True)):
                continue
            if driver.max_stops is not None and size > driver.max_stops:
                continue
            if any(order.skills - driver.skills or order.depot_id not in (None, driver.start) for order in orders):
                continue
            lengths = [m for turn in permutations(orders) if (m := _metres(problem, driver, turn)) is not None]
            if lengths:
                least = [*driver.minimum, driver.min_stops]
                short = sum(max(0, wanted - there) for wanted, there in zip(least, [*load, size], strict=True))
                found[frozenset(chosen)] = (short, min(lengths))
    return found


def _metres(problem: Problem, driver: Driver, orders: Sequence[Order]) -> int | None:
    depots = {depot.depot_id: depot for depot in problem.depots}
    places = [depots[driver.start].place, *(order.place for order in orders), depots[driver.end].place]
    legs = list(pairwise(places))
    if any(problem.metres[leg] < 0 for leg in legs) or not can_drive(problem, driver, orders):
        return None
    return int(sum(problem.metres[leg] for leg in legs))


def can_drive(problem: Problem, driver: Driver, orders: Sequence[Order]) -> bool:
    """Whether shift, windows and breaks can be kept: every second each state leads to all it can lead to.

    A state: legs begun, seconds of the leg still to drive, breaks taken, second until which nothing else can be done.
    """
    depots = {depot.depot_id: depot for depot in problem.depots}
    places = [depots[driver.start].place, *(order.place for order in orders), depots[driver.end].place]
    legs = [int(problem.seconds[leg]) for leg in pairwise(places)]
    opens_s = depots[driver.start].hours.start_s
    closes_s = min(driver.shift.end_s, depots[driver.end].hours.end_s)
    states = {(0, legs[0], 0, driver.shift.start_s)}
    for now_s in range(min(closes_s, HORIZON_S) + 1):
        known: set[tuple[int, int, int, int]] = set()
        while states:
            state = states.pop()
            if state in known:
                continue
            known.add(state)
            leg, left_s, taken, busy_s = state
            if busy_s > now_s:
                continue
            if leg == len(orders) and left_s == 0:
                if _rest_later(driver.breaks[taken:], now_s):
                    return True
                continue
            if taken < len(driver.breaks):
                pause = driver.breaks[taken]
                if pause.earliest_s <= now_s <= pause.latest_s:
                    states.add((leg, left_s, taken + 1, now_s + pause.duration_s))
            if left_s == 0 and now_s >= opens_s:
                order = orders[leg]
                if not order.windows or any(w.start_s <= now_s <= w.end_s for w in order.windows):
                    states.add((leg + 1, legs[leg + 1], taken, now_s + order.service_s))
        states = {
            (leg, max(0, left_s - 1) if max(opens_s, busy_s) <= now_s else left_s, taken, busy_s)
            for leg, left_s, taken, busy_s in known
        }
    return False


def _rest_later(pauses: Sequence[Pause], now_s: int) -> bool:
    for pause in pauses:
        now_s = max(now_s, pause.earliest_s)
        if now_s > pause.latest_s:
            return False
        now_s += pause.duration_s
    return True
