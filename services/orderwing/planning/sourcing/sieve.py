"""Who is out before costs are looked at, and in which ways the others could ship."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orderwing.planning.pricing.shipments import lateness_minor
from orderwing.planning.sourcing.plan import Eliminated, Reason
from orderwing.planning.sourcing.problem import Hub, Problem, Run, Source, Want

MINUTE_MS = 60_000
NOTHING_MORE: Mapping[str, int] = {}


class Mode(NamedTuple):
    """One way of a site to ship: a run, and what could be on it. `shelf` and `cap` are units of each want.

    Units above `shelf` are cross-docked at `unit_minor` each.
    """

    run: Run
    shelf: tuple[int, ...]
    cap: tuple[int, ...]
    unit_minor: int
    late_minor: int

    def takes(self, units: Sequence[int]) -> bool:
        room = self.run.room_units
        return (room is None or sum(units) <= room) and all(u <= c for u, c in zip(units, self.cap, strict=True))


class Way(NamedTuple):
    """A site that is in, with its modes; `cap` is the most that any of them has."""

    source: Source
    modes: tuple[Mode, ...]
    cap: tuple[int, ...]


def sift(problem: Problem) -> tuple[list[Way], list[Eliminated]]:
    """The sites that could ship something, in the problem's order, and those that could not."""
    ways: list[Way] = []
    out: list[Eliminated] = []
    delicate = any(want.traits for want in problem.wants)
    for source in problem.sources:
        refused = _refused(problem, source) if delicate and source.refuses else ()
        for want in refused:
            if _has(source, want):
                traits = ", ".join(sorted(want.traits & source.refuses))
                out.append(Eliminated(source.site_id, Reason.RULE, f"may not ship {traits}", want.sku))
        modes = _modes(problem, source, refused)
        if modes:
            cap = modes[0].cap
            for mode in modes[1:]:
                if mode.cap is not cap:
                    cap = tuple(map(max, cap, mode.cap))
            ways.append(Way(source, tuple(modes), cap))
        else:
            reason, detail = _why_out(problem, source, refused)
            out.append(Eliminated(source.site_id, reason, detail))
    return ways, out


def givers(problem: Problem) -> list[Way]:
    """The sites whose shelves a hub could be served from, whether or not they ship themselves."""
    found = []
    for source in problem.sources:
        shelf = _units(problem, source, _refused(problem, source))
        if any(shelf):
            found.append(Way(source, (), shelf))
    return found


def modes_of_hub(problem: Problem, hub: Hub) -> Iterator[Mode]:
    whole = tuple([want.quantity for want in problem.wants])
    for run in hub.runs:
        if _usable(problem, run):
            yield Mode(run, whole, whole, 0, _late(problem, run))


def _refused(problem: Problem, source: Source) -> tuple[Want, ...]:
    return tuple([want for want in problem.wants if want.traits & source.refuses])


def _modes(problem: Problem, source: Source, refused: tuple[Want, ...]) -> list[Mode]:
    shelf = _units(problem, source, refused)
    modes = []
    if any(shelf):
        modes = [Mode(run, shelf, shelf, 0, _late(problem, run)) for run in source.runs if _usable(problem, run)]
    for inbound in source.inbound:
        more = _units(problem, source, refused, inbound.units)
        if any(more):
            unit = inbound.unit_minor
            modes += [Mode(r, shelf, more, unit, _late(problem, r)) for r in inbound.runs if _usable(problem, r)]
    return modes


def _units(
    problem: Problem, source: Source, refused: tuple[Want, ...], more: Mapping[str, int] = NOTHING_MORE
) -> tuple[int, ...]:
    """What of each want could come from here, at most what is wanted."""
    have = source.stock.get
    if not more and not refused:
        units = [got if (got := have(want[0], 0)) < want[1] else want[1] for want in problem.wants]
        return tuple(units if min(units, default=0) >= 0 else [max(0, unit) for unit in units])
    return tuple(
        [
            0 if want in refused else min(max(0, have(want.sku, 0)) + more.get(want.sku, 0), want.quantity)
            for want in problem.wants
        ]
    )


def _usable(problem: Problem, run: Run) -> bool:
    in_time = problem.latest_at_ms is None or run.arrival_at_ms <= problem.latest_at_ms
    return in_time and (run.room_units is None or run.room_units > 0)


def _late(problem: Problem, run: Run) -> int:
    return lateness_minor(problem.late_hour_minor, run.arrival_at_ms, problem.due_at_ms)


def _has(source: Source, want: Want) -> bool:
    return source.stock.get(want.sku, 0) > 0 or any(i.units.get(want.sku, 0) > 0 for i in source.inbound)


def _why_out(problem: Problem, source: Source, refused: tuple[Want, ...]) -> tuple[Reason, str]:
    if not any(_has(source, want) for want in problem.wants):
        return Reason.NO_STOCK, "has none of what is wanted"
    runs = [*source.runs, *(run for inbound in source.inbound for run in inbound.runs)]
    if not runs:
        return Reason.CLOSED, source.closed
    if not any(_has(source, want) for want in problem.wants if want not in refused):
        return Reason.RULE, "may not ship what it has of the order"
    if problem.latest_at_ms is not None:
        late_ms = min(run.arrival_at_ms for run in runs) - problem.latest_at_ms
        if late_ms > 0:
            return Reason.PROMISE_MISSED, f"arrives {-(-late_ms // MINUTE_MS)} minutes after the latest acceptable"
    if all(run.room_units is not None and run.room_units <= 0 for run in runs):
        return Reason.CAPACITY, "no departure has room left"
    return Reason.CAPACITY, "no departure in time has room left, with what it would carry"
