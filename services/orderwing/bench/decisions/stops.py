"""Stops per 100 orders before and after consolidation, and how well written addresses are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from statistics import fmean
from time import process_time
from typing import NamedTuple

import numpy as np

from orderwing.bench.decisions.main import Options
from orderwing.bench.report import Sheet
from orderwing.planning.addresses import Address, completed, read
from orderwing.planning.distances.haversine import great_circle_m
from orderwing.planning.stops import Delivery, Group, plan, problem_of, verify
from orderwing.shop.city import City, CityOrder

HOMES, QUICK_HOMES = 60_000, 4_000
SHARES = (0.005, 0.01, 0.02, 0.05, 0.1)  # of the homes, that order for one round
_SPELLED = "letters and digits alike"
_READ = "read"
_COMPLETED = "read, blocks completed"


LEVELS = ("no consolidation", "by address", "by building", "by side of the street")
ASTRAY_M = 150
TRUTHS = ("home_id", "building_id")


class _Case(NamedTuple):
    """One round, per 100 orders, by level: stops and service minutes; doors and buildings as they really are.

    `astray`: orders at stops whose doors are really further apart than `ASTRAY_M`.
    """

    stops: tuple[float, ...]
    minutes: tuple[float, ...]
    truth: tuple[float, ...]
    astray: float
    plan_ms: float


def run(options: Options) -> Iterator[Sheet]:
    homes = QUICK_HOMES if options.quick else HOMES
    shares = SHARES[1:4:2] if options.quick else SHARES
    cities = []
    for seed in range(options.seeds):
        options.progress("cities", seed, options.seeds)
        cities.append(City.of(seed, homes))
    rounds = {share: [city.orders(seed, round(homes * share)) for seed, city in enumerate(cities)] for share in shares}
    title = f"seeds 0 to {options.seeds - 1}, {homes:,} homes"
    yield _stops(title, rounds, options)
    yield _doors(title, [orders for drawn in rounds.values() for orders in drawn])


def _stops(title: str, rounds: dict[float, list[list[CityOrder]]], options: Options) -> Sheet:
    cases: list[list[_Case]] = []
    for n, drawn in enumerate(rounds.values()):
        options.progress("stops", n, len(rounds))
        cases.append([_case(orders) for orders in drawn])

    def row(name: str, figure: Callable[[_Case], float]) -> tuple[str, ...]:
        return (name, *(f"{fmean(map(figure, drawn)):.1f}" for drawn in cases))

    rows = [row(f"stops, {name}", lambda case, n=n: case.stops[n]) for n, name in enumerate(LEVELS)]  # type: ignore[misc]
    rows += [
        row("doors there really are", lambda case: case.truth[0]),
        row("buildings there really are", lambda case: case.truth[1]),
        row(f"orders at stops that really span over {ASTRAY_M} m", lambda case: case.astray),
        row(f"minutes of service, {LEVELS[0]}", lambda case: case.minutes[0]),
        row(f"minutes of service, {LEVELS[3]}", lambda case: case.minutes[3]),
        row("CPU ms to plan them all", lambda case: case.plan_ms),
    ]
    columns = ("per 100 orders", *(f"{len(drawn[0]):,} orders ({share:.1%})" for share, drawn in rounds.items()))
    return Sheet(f"Stop consolidation: {title}", columns, rows)


def _case(orders: Sequence[CityOrder]) -> _Case:
    problem = problem_of([_delivery(order) for order in orders])
    start = process_time()
    found = plan(problem)
    plan_ms = (process_time() - start) * 1000
    if wrong := verify(problem, found):
        raise AssertionError(wrong[0])
    per_100 = 100 / len(orders)
    alone_s = sum(problem.handling.stop_s + order.parcels * problem.handling.parcel_s for order in orders)
    seconds = [alone_s, *(sum(group.service_s for group in groups) for groups in found.groups)]
    return _Case(
        stops=(100.0, *(len(groups) * per_100 for groups in found.groups)),
        minutes=tuple(level_s / 60 * per_100 for level_s in seconds),
        truth=tuple(len({getattr(order.home, name) for order in orders}) * per_100 for name in TRUTHS),
        astray=_astray(orders, found.stops) * per_100,
        plan_ms=plan_ms,
    )


def _astray(orders: Sequence[CityOrder], stops: Sequence[Group]) -> int:
    points = {order.order_id: order.home.point for order in orders}
    count = 0
    for stop in stops:
        doors = np.array([points[order_id] for order_id in stop.orders])
        count += len(doors) * bool(great_circle_m(doors, doors).max() > ASTRAY_M)
    return count


def _delivery(order: CityOrder) -> Delivery:
    return Delivery(order.order_id, _address(order), order.parcels, order.point)


def _address(order: CityOrder) -> Address:
    return Address(order.text, order.city, order.postcode, order.country)


def _doors(title: str, rounds: Sequence[Sequence[CityOrder]]) -> Sheet:
    """Pairs of orders: of one door in truth, told to be, and both."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in (_SPELLED, _READ, _COMPLETED)}
    seconds: dict[str, float] = {_SPELLED: 0.0, _READ: 0.0}
    for orders in rounds:
        truth = [order.home.home_id for order in orders]
        start = process_time()
        spelled = [_spelled(order) for order in orders]
        seconds[_SPELLED] += process_time() - start
        start = process_time()
        doors = [read(_address(order)) for order in orders]
        seconds[_READ] += process_time() - start
        keys: dict[str, Sequence[Hashable]] = {
            _SPELLED: spelled,
            _READ: [door.key for door in doors],
            _COMPLETED: [door.key for door in completed(doors)],
        }
        for name, told in keys.items():
            sums[name].update(truth=_pairs(truth), told=_pairs(told), both=_pairs(list(zip(told, truth, strict=True))))
    count = sum(map(len, rounds))
    rows = [
        (
            name,
            f"{pairs['truth']:,}",
            f"{pairs['both'] / max(1, pairs['truth']):.1%}",
            f"{pairs['told'] - pairs['both']:,} of {pairs['told']:,}",
            f"{seconds[name] / count * 1e6:.0f}" if name in seconds else "",
        )
        for name, pairs in sums.items()
    ]
    columns = ("how doors are told apart", "pairs at one door", "found", "wrongly taken for one", "CPU µs an address")
    return Sheet(f"Reading addresses: {title}, {count:,} orders", columns, rows)


def _spelled(order: CityOrder) -> str:
    """Without reading: case, blanks and punctuation do not count."""
    parts = (order.text, order.postcode, order.city)
    return "|".join("".join(letter for letter in part.casefold() if letter.isalnum()) for part in parts)


def _pairs(keys: Sequence[Hashable]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(keys).values())
