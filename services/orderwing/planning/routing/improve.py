"""Better routes than PyVRP alone in the same time, where there are many stops and which to serve is the question.

First the stops in wedges around the depot, each searched as a problem of its own from all its stops; then, until the
budget is spent, neighbouring routes and the stops left that might pay there. An iteration takes a third of the time
with 250 stops that it takes with 1,000, and what is better for a part is better by as much for the whole. After
POPMUSIC (Taillard and Voss 2002) and Santini et al. (2023) on decomposition in vehicle routing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from orderwing.planning.budget import Budget, Countdown
from orderwing.planning.routing.insertion import insert
from orderwing.planning.routing.parts import ROUTES_SHARE, Parts
from orderwing.planning.routing.plan import NoPlanError, RoutePlan
from orderwing.planning.routing.port import Part, PartSearch, Stopwatch, Tuning, as_plan, drivable, everything
from orderwing.planning.routing.problem import LARGEST, RoutingProblem
from orderwing.planning.routing.start import started
from orderwing.planning.routing.tours import Tour, wanting

_SIZE = 250  # stops of a part
_WEDGES_SHARE = 0.25  # of the budget
_PATIENCE = 12
_TUNING = Tuning(perturbed=40)


class _Manner(NamedTuple):
    """Stops of a part, and iterations for it, doubled when many in a row bring nothing.

    `proportional`: a part has the share of stops that are left of the whole, up to half, not a small one. Who builds
    from nothing first needs good routes; to a standing plan, which stops it serves is what arrivals put in question.
    """

    size: int
    iterations: int
    tuning: Tuning
    proportional: bool


_COLD = _Manner(_SIZE, 300, _TUNING, proportional=False)
_WARM = _Manner(_SIZE, 100, Tuning(neighbours=20, perturbed=20, descends=True), proportional=True)


def plan(problem: RoutingProblem, budget: Budget, seed: int, start: RoutePlan | None = None) -> RoutePlan:
    """The best routes found, from `start` if given.

    Stops that a start does not know of have just arrived: they are looked at first, as are those that its routes
    cannot serve any more. Where that leaves one that must be served, all is planned anew. Raises NoPlanError, and
    StartError where the start does not name what the problem has.
    """
    improver = _Improver(problem, Countdown(budget), seed)
    if start is None:
        improver.build()
        improver.improve(_COLD)
    else:
        improver.resume(start)
        improver.improve(_WARM)
    return as_plan(problem, improver.tours)


class _Improver:
    def __init__(self, problem: RoutingProblem, countdown: Countdown, seed: int) -> None:
        self._problem, self._countdown = problem, countdown
        self._search, self._parts = PartSearch(problem, seed), Parts(problem, seed)
        self.tours: list[Tour] = []
        self.saved = 0

    def build(self) -> None:
        count = self._wedges()
        if count == 1:
            self._build_at_once()
            return
        wedges = self._parts.wedges(count)
        for n, (stops, numbers) in enumerate(zip(wedges, self._shares(wedges), strict=True)):
            if any(numbers):
                stop = Stopwatch(self._countdown, until=_WEDGES_SHARE * (n + 1) / count)
                self.tours += self._search.build(Part(stops, numbers), _TUNING, stop) or []

    def _build_at_once(self) -> None:
        """Small problems for the whole budget; large ones too, if half of it does not suffice."""
        for until in (1.0,) if self._small() else (0.5, 1.0):
            built = self._search.build(everything(self._problem), _TUNING, Stopwatch(self._countdown, until=until))
            if built is not None:
                self.tours = built
                return
        raise NoPlanError("No routes were found that serve every stop that must be served: allow more time.")

    def _small(self) -> bool:
        return len(self._problem.stops) <= 1.5 * _SIZE

    def _wedges(self) -> int:
        """One where a wedge could fail: with stops that must be served, with several depots, with few vehicles."""
        stops, vehicles = self._problem.stops, self._problem.vehicles
        count = 1 if self._small() else round(1.25 * len(stops) / _SIZE)
        apart = len(self._problem.depots) > 1 or any(stop.prize is None for stop in stops)
        return 1 if apart or max(vehicle.number for vehicle in vehicles) < count else count

    def _shares(self, wedges: Sequence[Sequence[int]]) -> list[list[int]]:
        """Vehicles of each kind by wedge, by the load there."""
        loads = np.array([sum(self._problem.stops[stop].load[0] for stop in wedge) for wedge in wedges], dtype=float)
        shares = (loads.cumsum() + 1) / (loads.sum() + 1)
        upto = [[round(share * vehicle.number) for vehicle in self._problem.vehicles] for share in shares]
        before = [[0] * len(self._problem.vehicles), *upto]
        return [[b - a for a, b in zip(low, high, strict=True)] for low, high in zip(before, upto, strict=False)]

    def resume(self, start: RoutePlan) -> None:
        problem = self._problem
        standing = started(problem, start)
        mend = (tour if drivable(problem, tour) else _mended(problem, tour) for tour in standing)
        self.tours = [tour for tour in mend if tour.trips]
        known = {stop for tour in self.tours for stop in tour.stops}
        broken = {stop for tour in standing for stop in tour.stops} - known
        left = {one.stop_id for one in start.left}
        self.welcome(
            [
                n
                for n, stop in enumerate(problem.stops)
                if n not in known and (n in broken or stop.prize is None or stop.stop_id not in left)
            ]
        )
        if wanting(problem, self.tours):
            self.build()

    def welcome(self, arrivals: Sequence[int]) -> None:
        """Insert the stops that have arrived, and look around them: at each once, in whatever part; the best first."""
        waiting = self._parts.promising(arrivals, self.tours)
        self.tours = insert(self._problem, self.tours, arrivals)
        while waiting and not self._countdown.over():
            seen = self._around(waiting[0], _WARM, waiting)
            waiting = [stop for stop in waiting[1:] if stop not in seen]

    def improve(self, manner: _Manner) -> None:
        vain = 0
        while self._problem.stops and not self._countdown.over():
            before = self.saved
            self._around(self._parts.any_stop(), manner)
            vain = 0 if self.saved > before else vain + 1
            if vain == _PATIENCE:
                manner, vain = manner._replace(iterations=2 * manner.iterations), 0

    def _around(self, stop: int, manner: _Manner, wanted: Sequence[int] = ()) -> set[int]:
        """Search a part around the stop; those of the part are returned. `wanted`: left stops that come first."""
        share = self._parts.routes_share(self.tours) if manner.proportional else ROUTES_SHARE
        taken, left = self._parts.around(stop, self.tours, manner.size, share, wanted)
        mine = [self.tours[n] for n in taken]
        part = Part([stop for tour in mine for stop in tour.stops] + left, self._parts.numbers(mine, self.tours))
        found = self._search.improve(part, mine, manner.tuning, Stopwatch(self._countdown, manner.iterations))
        if found is not None:
            self._parts.forget(mine)
            others = set(taken)
            self.tours = [tour for n, tour in enumerate(self.tours) if n not in others] + found[0]
            self.saved += found[1]
        return set(part.stops)


def _mended(problem: RoutingProblem, tour: Tour) -> Tour:
    """The tour with those of its stops that can be driven together: those that must be served first, then by prize."""

    def only(stops: set[int]) -> Tour:
        trips = [(depot, tuple(stop for stop in trip if stop in stops)) for depot, trip in tour.trips]
        depots, loaded = [depot for depot, trip in trips if trip], [trip for _, trip in trips if trip]
        return Tour(tour.kind, tuple(zip([tour.trips[0][0], *depots[1:]], loaded, strict=False)))

    def worth(stop: int) -> int:
        prize = problem.stops[stop].prize
        return LARGEST if prize is None else prize

    kept: set[int] = set()
    for stop in sorted(tour.stops, key=worth, reverse=True):
        if drivable(problem, only(kept | {stop})):
            kept.add(stop)
    return only(kept)
