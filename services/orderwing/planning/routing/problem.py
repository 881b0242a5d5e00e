"""Stops, vehicles and the way between places: routing with prizes, several depots, several trips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.int64]
BARRED = -1  # a pair of vehicle and stop
LARGEST = 1 << 44  # of a distance, duration, load or cost: sums of thousands of them still fit


class Stop(NamedTuple):
    """A place to serve once, or to leave for its prize. Seconds count from the plan's own zero.

    `load` by dimension, as vehicles' `capacity`. Service starts from `opens_s` to `closes_s`; goods leave the depot
    from `released_s` on. `prize` None: the stop must be served.
    """

    stop_id: str
    load: tuple[int, ...] = (0,)
    service_s: int = 0
    opens_s: int = 0
    closes_s: int = LARGEST
    released_s: int = 0
    prize: int | None = None


class Vehicle(NamedTuple):
    """`number` alike. It leaves `start_depot` from `starts_s` on and is at `end_depot` by `ends_s`.

    Up to `max_reloads` times it may return to a reload depot in between, without spending time there. `max_duration_s`
    counts from departure to return, waiting included; the departure may be put off. A route costs `fixed_cost` +
    `metre_cost` a metre + `second_cost` a second, in the unit of prizes.
    """

    vehicle_id: str
    start_depot: str
    end_depot: str
    capacity: tuple[int, ...]
    number: int = 1
    starts_s: int = 0
    ends_s: int = LARGEST
    max_duration_s: int = LARGEST
    max_distance_m: int = LARGEST
    fixed_cost: int = 0
    metre_cost: int = 1
    second_cost: int = 0
    reload_depots: tuple[str, ...] = ()
    max_reloads: int = 0


class ProblemError(ValueError):
    """The message names the field."""


@dataclass(frozen=True, eq=False)
class RoutingProblem:
    """Place 0 to d - 1 are the depots, d + i is that of stop i. Matrices [from place, to place].

    `pair_costs` [vehicle, stop] come on top where that vehicle serves that stop; BARRED: it may not. None: all nought.
    """

    depots: tuple[str, ...]
    stops: tuple[Stop, ...]
    vehicles: tuple[Vehicle, ...]
    metres: Matrix
    seconds: Matrix
    pair_costs: Matrix | None = None

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise ProblemError(complaint)

    def place(self, stop: int) -> int:
        return len(self.depots) + stop


def _complaints(problem: RoutingProblem) -> Iterator[str]:
    yield from _repeated("depots", problem.depots)
    yield from _repeated("stops", [stop.stop_id for stop in problem.stops])
    yield from _repeated("vehicles", [vehicle.vehicle_id for vehicle in problem.vehicles])
    if not problem.depots or not problem.vehicles:
        yield "depots, vehicles: there must be at least one of each."
        return
    dimensions = len(problem.vehicles[0].capacity)
    for stop in problem.stops:
        yield from _stop_complaints(stop, dimensions)
    for vehicle in problem.vehicles:
        yield from _vehicle_complaints(vehicle, dimensions, problem.depots)
    size = len(problem.depots) + len(problem.stops)
    for name, matrix in (("metres", problem.metres), ("seconds", problem.seconds)):
        if matrix.shape != (size, size):
            yield f"{name}: {matrix.shape} where {size} places need ({size}, {size})."
        elif matrix.size and not 0 <= int(matrix.min()) <= int(matrix.max()) <= LARGEST:
            yield f"{name}: values must be from 0 to {LARGEST}."
        elif matrix.diagonal().any():
            yield f"{name}: the way from a place to itself must be 0."
    yield from _pair_complaints(problem)


def _pair_complaints(problem: RoutingProblem) -> Iterator[str]:
    pairs = problem.pair_costs
    if pairs is None:
        return
    shape = (len(problem.vehicles), len(problem.stops))
    if pairs.shape != shape:
        yield f"pair_costs: {pairs.shape} where vehicles and stops need {shape}."
    elif pairs.size and not BARRED <= int(pairs.min()) <= int(pairs.max()) <= LARGEST:
        yield f"pair_costs: values must be BARRED or from 0 to {LARGEST}."
    if any(vehicle.max_distance_m < LARGEST for vehicle in problem.vehicles):
        yield "pair_costs: cannot be combined with a vehicle's max_distance_m."


def _repeated(name: str, ids: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            yield f"{name}: {one!r} occurs twice."
        seen.add(one)


def _stop_complaints(stop: Stop, dimensions: int) -> Iterator[str]:
    name = f"stops[{stop.stop_id}]"
    if len(stop.load) != dimensions:
        yield f"{name}.load: {len(stop.load)} dimensions where vehicles have {dimensions}."
    numbers = (*stop.load, stop.service_s, stop.opens_s, stop.closes_s, stop.released_s, stop.prize or 0)
    if not all(0 <= number <= LARGEST for number in numbers):
        yield f"{name}: numbers must be from 0 to {LARGEST}."
    if stop.opens_s > stop.closes_s:
        yield f"{name}.opens_s: after closes_s."
    if stop.released_s > stop.closes_s:
        yield f"{name}.released_s: after closes_s."


def _vehicle_complaints(vehicle: Vehicle, dimensions: int, depots: tuple[str, ...]) -> Iterator[str]:
    name = f"vehicles[{vehicle.vehicle_id}]"
    if len(vehicle.capacity) != dimensions:
        yield f"{name}.capacity: {len(vehicle.capacity)} dimensions where others have {dimensions}."
    for depot in (vehicle.start_depot, vehicle.end_depot, *vehicle.reload_depots):
        if depot not in depots:
            yield f"{name}: there is no depot {depot!r}."
    limits = (vehicle.starts_s, vehicle.ends_s, vehicle.max_duration_s, vehicle.max_distance_m)
    costs = (vehicle.fixed_cost, vehicle.metre_cost, vehicle.second_cost)
    if not all(0 <= number <= LARGEST for number in (*vehicle.capacity, *limits, *costs, vehicle.max_reloads)):
        yield f"{name}: numbers must be from 0 to {LARGEST}."
    if vehicle.number < 1:
        yield f"{name}.number: must be at least 1."
    if vehicle.starts_s > vehicle.ends_s:
        yield f"{name}.starts_s: after ends_s."
