"""Stops that have just arrived, where they cost least, one after the other: a first answer within milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwing.planning.routing.problem import BARRED, LARGEST, RoutingProblem
from orderwing.planning.routing.tours import Tour, leg_times

_NONE = float("-inf")


class _Fit(NamedTuple):
    """By stop: what it gains in a tour, and before which of the tour's stops it goes."""

    gains: NDArray[np.float64]
    positions: NDArray[np.int64]


def insert(problem: RoutingProblem, tours: Sequence[Tour], stops: Sequence[int]) -> list[Tour]:
    """The tours with those of `stops` that pay, that of the largest gain first. Feasible tours stay feasible.

    Tours of several trips, with limits or prices of duration, limits of distance or release times stay as they are.
    """
    tours, rest = list(tours), np.array(sorted(stops), dtype=np.int64)
    fits = [_fit(problem, tour, rest) for tour in tours]
    while len(rest) and tours:
        gains = np.stack([fit.gains for fit in fits])
        at, n = divmod(int(gains.argmax()), len(rest))
        if gains[at, n] <= 0:
            break
        position = int(fits[at].positions[n])
        ((depot, before),) = tours[at].trips
        tours[at] = Tour(tours[at].kind, ((depot, (*before[:position], int(rest[n]), *before[position:])),))
        rest = np.delete(rest, n)
        fits = [_Fit(np.delete(fit.gains, n), np.delete(fit.positions, n)) for fit in fits]
        fits[at] = _fit(problem, tours[at], rest)
    return tours


def _fit(problem: RoutingProblem, tour: Tour, stops: NDArray[np.int64]) -> _Fit:
    nothing = _Fit(np.full(len(stops), _NONE), np.zeros(len(stops), dtype=np.int64))
    if not len(stops) or not _plain(problem, tour):
        return nothing
    vehicle, chosen = problem.vehicles[tour.kind], [problem.stops[stop] for stop in stops]
    places = tour.places(problem)
    before, after, there = np.array(places[:-1]), np.array(places[1:]), stops + len(problem.depots)
    leaves, by = leg_times(problem, tour, places)
    opens, closes, service = (np.array([stop[n] for stop in chosen]) for n in (3, 4, 2))
    arrives = np.maximum(leaves[:, None] + problem.seconds[np.ix_(before, there)], opens)
    fits = (arrives <= closes) & (arrives + service + problem.seconds[np.ix_(there, after)].T <= by[:, None])
    load = np.array([problem.stops[stop].load for stop in tour.stops]).sum(axis=0)
    fits &= (load + np.array([stop.load for stop in chosen]) <= vehicle.capacity).all(axis=1)
    detour = problem.metres[np.ix_(before, there)] + problem.metres[np.ix_(there, after)].T
    detour -= problem.metres[before, after][:, None]
    worth = np.array([_worth(problem, tour.kind, int(stop)) for stop in stops])
    gains = np.where(fits, worth - vehicle.metre_cost * detour, _NONE)
    best = gains.argmax(axis=0)
    return _Fit(gains[best, np.arange(len(stops))], best)


def _plain(problem: RoutingProblem, tour: Tour) -> bool:
    vehicle = problem.vehicles[tour.kind]
    limited = vehicle.max_duration_s < LARGEST or vehicle.max_distance_m < LARGEST or vehicle.second_cost
    return len(tour.trips) == 1 and not limited and not any(problem.stops[stop].released_s for stop in tour.stops)


def _worth(problem: RoutingProblem, kind: int, stop: int) -> float:
    """Of serving the stop with the vehicle, before the way there."""
    pair = 0 if problem.pair_costs is None else int(problem.pair_costs[kind, stop])
    one = problem.stops[stop]
    if pair == BARRED or one.released_s:
        return _NONE
    return float(LARGEST if one.prize is None else one.prize) - pair
