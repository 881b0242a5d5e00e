"""Whole routes as columns: every one there is where they are few, else those the search came by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orderwing.planning.fleet.answer import shortfall
from orderwing.planning.fleet.eligibility import Eligibility, feasible, fits, kinds
from orderwing.planning.fleet.problem import UNREACHABLE, Problem
from orderwing.planning.fleet.timing import States, at_the_start, home, visit


class Column(NamedTuple):
    """The best known way for a driver of this kind to serve just these orders. `kind` is its first driver."""

    kind: int
    orders: tuple[int, ...]
    distance_m: int
    shortfall: int


Columns = dict[tuple[int, frozenset[int]], Column]


class _Label(NamedTuple):
    """A route so far."""

    orders: tuple[int, ...]
    distance_m: int
    states: States


def keep(columns: Columns, problem: Problem, kind: int, orders: Sequence[int]) -> None:
    """Add a feasible route, unless a shorter one with the same orders is known."""
    distance_m = problem.distance_m(problem.drivers[kind], orders)
    key = kind, frozenset(orders)
    if orders and (key not in columns or distance_m < columns[key].distance_m):
        columns[key] = Column(kind, tuple(orders), distance_m, sum(shortfall(problem, kind, orders)))


def keep_met(columns: Columns, able: Eligibility, kind: int, orders: Sequence[int]) -> None:
    """The same for a route that the solver says is feasible, if it is: a column is chosen without being checked."""
    known = columns.get((kind, frozenset(orders)))
    if known is not None and able.problem.distance_m(able.problem.drivers[kind], orders) >= known.distance_m:
        return
    if feasible(able, kind, orders):
        keep(columns, able.problem, kind, orders)


def all_columns(able: Eligibility, most_labels: int) -> Columns | None:
    """Every set of orders that some driver can serve, in the best sequence; None if there are too many to try.

    Labels are extended order by order. One is dropped where another, with the same orders and the same last of them,
    has driven no further and, however many breaks were taken, is no later.
    """
    columns: Columns = {}
    tried = 0
    for kind in kinds(able.problem):
        level: dict[tuple[frozenset[int], int], list[_Label]] = {}
        _put(level, _Label((), 0, at_the_start(able.problem, able.problem.drivers[kind])))
        while level:
            longer: dict[tuple[frozenset[int], int], list[_Label]] = {}
            for label in (label for labels in level.values() for label in labels):
                _close(able.problem, kind, label, columns)
                for extended in _extensions(able, kind, label):
                    tried += 1
                    if tried > most_labels:
                        return None
                    _put(longer, extended)
            level = longer
    return columns


def _extensions(able: Eligibility, kind: int, label: _Label) -> Iterator[_Label]:
    problem, driver = able.problem, able.problem.drivers[kind]
    here = problem.orders[label.orders[-1]].place if label.orders else problem.depot[driver.start].place
    for number in able.servable:
        if number in label.orders or not able.able[number, kind]:
            continue
        orders = (*label.orders, number)
        leg_m = int(problem.metres[here, problem.orders[number].place])
        if leg_m == UNREACHABLE or not fits(problem, kind, orders):
            continue
        states = visit(problem, driver, label.states, here, number)
        if states:
            yield _Label(orders, label.distance_m + leg_m, states)


def _close(problem: Problem, kind: int, label: _Label, columns: Columns) -> None:
    driver = problem.drivers[kind]
    if not label.orders or home(problem, driver, label.orders, label.states) is None:
        return
    if problem.metres[problem.orders[label.orders[-1]].place, problem.depot[driver.end].place] != UNREACHABLE:
        keep(columns, problem, kind, label.orders)


def _put(level: dict[tuple[frozenset[int], int], list[_Label]], label: _Label) -> None:
    rivals = level.setdefault((frozenset(label.orders), label.orders[-1] if label.orders else -1), [])
    if any(_no_worse(rival, label) for rival in rivals):
        return
    rivals[:] = [rival for rival in rivals if not _no_worse(label, rival)]
    rivals.append(label)


def _no_worse(one: _Label, other: _Label) -> bool:
    if one.distance_m > other.distance_m:
        return False
    return all(taken in one.states and one.states[taken].now_s <= s.now_s for taken, s in other.states.items())


def singles(able: Eligibility, columns: Columns, most: int, in_time: Callable[[], bool]) -> None:
    """Add orders on their own: by every kind of driver, as far as `most` columns and the time allow.

    All orders by one kind each come first, so that none is without.
    """
    of_kind = list(kinds(able.problem))
    for turn in range(len(of_kind)):
        for n, number in enumerate(able.servable):
            if len(columns) >= most or not in_time():
                return
            kind = of_kind[(n + turn) % len(of_kind)]
            if able.able[number, kind] and feasible(able, kind, (number,)):
                keep(columns, able.problem, kind, (number,))
