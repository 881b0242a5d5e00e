"""Orders too large to enumerate: a bound over all subsets of sites, and local search from the most promising ones.

For the bound every tariff gives way to a straight line below it. Then costs add up, and every subset of sites has an
exact answer; those of the lowest, priced truly, are where the search starts. It moves units, wants or a site's whole
load to another site, always the best such move, until none helps or the budget is spent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil
from random import Random
from typing import NamedTuple

import numpy as np

from orderwing.planning.pricing.grid import MANY
from orderwing.planning.sourcing import subsets, tables
from orderwing.planning.sourcing.bounding import straight
from orderwing.planning.sourcing.drafts import Units
from orderwing.planning.sourcing.problem import Budget, Problem
from orderwing.planning.sourcing.sieve import Way
from orderwing.planning.sourcing.states import Ints, Loads
from orderwing.planning.sourcing.tables import LOST

SHARES = (1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1)  # of an order at one site, for which the lines are highest
TOGETHER = 40  # wants whose moves are priced at once; a step is as many nodes as there are such parts
KEPT = 20_000  # loads whose costs are remembered
WANTS_A_NODE = 200  # of all starts
STARTS = 3  # subsets of each whose answers are improved
Rank = tuple[int, int, int]  # (sites with loads they cannot ship, units that wait if that has no price, cost)


class Found(NamedTuple):
    """`bound_minor`: no sharing that ships as many units costs less. `short_units` wait, where that has no price."""

    loads: tuple[tuple[int, Units], ...]
    bound_minor: int
    nodes: int
    short_units: int


class Board:
    """A sharing (S + 1, L), the last row for what waits, and what moves would cost.

    `packed` counts what `Budget.packed` bounds.
    """

    def __init__(self, problem: Problem, ways: Sequence[Way], wanted: Units) -> None:
        self.problem = problem
        self.ways = ways
        self.wanted = wanted
        self.caps = np.array([*(way.cap for way in ways), wanted], np.int64)
        self.packed = 0
        self.large = bool(problem.cartons) and max(wanted) > MANY
        # With more wants there are also more kinds of cartons to try.
        self.work = len(wanted) * max(1, len(wanted) // 100)
        self._column: dict[bytes, int] = {}
        self._costs = np.zeros((len(self.caps), 0), np.int64)
        self.wait_minor = problem.rules.backorder_unit_minor or 0
        self.none_waits = problem.rules.backorder_unit_minor is None  # if it can ship, whatever that costs

    def price(self, rows: Ints) -> Ints:
        """(S + 1, n): what each of n loads costs at each site. A move changes but two sites' loads: most are known."""
        if len(self._column) > KEPT:
            self._column, self._costs = {}, self._costs[:, :0]
        data, width = rows.tobytes(), rows.shape[1] * rows.itemsize
        keys = [data[start : start + width] for start in range(0, len(data), width)]
        new = {key: place for place, key in enumerate(keys) if key not in self._column}
        if new:
            self._column |= {key: len(self._column) + n for n, key in enumerate(new)}
            self._costs = np.hstack([self._costs, self._priced(rows[list(new.values())])])
        return self._costs[:, [self._column[key] for key in keys]]

    def _priced(self, rows: Ints) -> Ints:
        if self.problem.cartons and rows.max() > MANY:
            self.packed += len(rows) * self.work
        loads = Loads(self.wanted, rows)
        parcels = tables.packed(self.problem, loads)
        costs = tables.shipping(self.ways, loads, parcels) + tables.picking(self.problem, self.ways, loads)
        costs[:, loads.units == 0] = 0
        return np.vstack([costs, loads.units * self.wait_minor])

    def rank(self, sharing: Ints) -> Rank:
        costs = np.diagonal(self.price(sharing))
        short = int(sharing[-1].sum()) if self.none_waits else 0
        return int((costs >= LOST).sum()), short, int(costs[costs < LOST].sum())

    def best_move(self, sharing: Ints, wants: range) -> Ints | None:
        """The sharing after the best move of some of these wants; None where none helps."""
        rows: dict[tuple[int, ...], int] = {}
        loads: list[Ints] = []

        def row(site: int, change: Ints, *key: int) -> int:
            """The same load of a site is priced once, whatever move it belongs to."""
            place = rows.setdefault((site, *key), len(loads))
            if place == len(loads):
                loads.append(sharing[site] + change)
            return place

        moves = [
            (giver, row(giver, -change, -1, *key), taker, row(taker, change, 1, *key))
            for giver, taker, change, key in self._moves(sharing, wants)
        ]
        if not moves:
            return None
        rows_of = np.array(loads, np.int64)
        costs = self.price(rows_of)
        now = np.diagonal(self.price(sharing))
        giver, left, taker, more = np.array(moves).T
        before, then = np.array([now[giver], now[taker]]), np.array([costs[giver, left], costs[taker, more]])
        lost = (then >= LOST).sum(axis=0) - (before >= LOST).sum(axis=0)
        minor = np.where(then < LOST, then, 0).sum(axis=0) - np.where(before < LOST, before, 0).sum(axis=0)
        units = rows_of.sum(axis=1)[more] - sharing.sum(axis=1)[taker]
        waiting = len(sharing) - 1
        short = units * ((taker == waiting).astype(np.int64) - (giver == waiting)) * self.none_waits
        best = int(np.lexsort((minor, short, lost))[0])
        if (lost[best], short[best], minor[best]) >= (0, 0, 0):
            return None
        after = sharing.copy()
        after[giver[best]], after[taker[best]] = loads[left[best]], loads[more[best]]
        return after

    def _moves(self, sharing: Ints, wants: range) -> Iterator[tuple[int, int, Ints, tuple[int, ...]]]:
        """(giver, taker, units moved, what tells them from others): a unit or all of a want, or a whole load."""
        none = np.zeros(len(self.wanted), np.int64)
        sites = range(len(sharing))
        for giver, taker in product(sites, sites):
            room = np.minimum(self.caps[taker] - sharing[taker], sharing[giver])
            if giver == taker or not room.any():
                continue
            if (room == sharing[giver]).all():
                yield giver, taker, sharing[giver], (-1, giver)
            for want in wants:
                for units in {1, int(room[want])} - {0} if room[want] else ():
                    step = none.copy()
                    step[want] = units
                    yield giver, taker, step, (want, units)


def searched(
    problem: Problem,
    ways: Sequence[Way],
    wanted: Units,
    budget: Budget,
    seed: int,
    known: Sequence[tuple[int, Units]] = (),
) -> Found:
    """The best sharing found. `seed` decides in which order equally dear starts are tried, after one `known`."""
    board = Board(problem, ways, wanted)
    most = max(1, budget.nodes * WANTS_A_NODE // len(wanted))
    if board.large:
        most = min(most, max(1, budget.packed // (4 * len(board.caps) * board.work)))
    bound_minor, starts = _starts(board, seed, most)
    waiting = np.zeros((len(ways) + 1, len(wanted)), np.int64)
    waiting[-1] = wanted
    if known:
        first = np.zeros_like(waiting)
        for site, units in known:
            first[site] = units
        first[-1] = np.array(wanted, np.int64) - first.sum(axis=0)
        starts.insert(0, first)
    best_rank, best = board.rank(waiting), waiting
    nodes = 0
    for start in (*starts, waiting):
        sharing, used = _improved(board, start, budget, nodes)
        nodes += used
        rank = board.rank(sharing)
        if rank < best_rank:
            best_rank, best = rank, sharing
    loads = tuple([(site, tuple(load.tolist())) for site, load in enumerate(best[:-1]) if load.any()])
    short = best_rank[1]
    return Found(loads, min(bound_minor, least_minor_of(problem, wanted)) if short else bound_minor, nodes, short)


def least_minor_of(problem: Problem, wanted: Units) -> int:
    """What no way costs less than, whatever waits: what steering pays."""
    prices = [min([0, *(s.steering_minor.get(want.sku, 0) for s in problem.sources)]) for want in problem.wants]
    return sum([price * units for price, units in zip(prices, wanted, strict=True)])


def _improved(board: Board, sharing: Ints, budget: Budget, nodes: int) -> tuple[Ints, int]:
    """(sharing, nodes used) once no move helps, or the budget is spent. Many wants are tried in turn."""
    wants, together = len(board.wanted), TOGETHER
    if board.large:
        together = min(TOGETHER, max(1, budget.packed // (5 * 3 * len(board.caps) * board.work)))  # a fifth in a step
    parts = [range(start, min(start + together, wants)) for start in range(0, wants, together)]
    used, vain = 0, 0
    while (
        vain < len(parts)
        and nodes + used * len(parts) < budget.nodes
        and board.packed < budget.packed
        and not (budget.stop is not None and budget.stop())
    ):
        after = board.best_move(sharing, parts[used % len(parts)])
        used += 1
        vain = vain + 1 if after is None else 0
        sharing = sharing if after is None else after
    return sharing, used * len(parts)


def _starts(board: Board, seed: int, most: int) -> tuple[int, list[Ints]]:
    """A bound on the cost without what must wait, and the relaxed answers of the most promising subsets.

    Where that is too many to price, `most` of them and one more, by the plain rule.
    """
    problem, ways, wanted = board.problem, board.ways, board.wanted
    bounds = np.full(1, -np.inf)
    promising: list[tuple[subsets.Floats, subsets.Floats, Ints, int]] = []
    for share in SHARES:
        fixed, line, unit, stock = _relaxed(problem, ways, wanted, share)
        costs = subsets.split_costs(line, unit, stock, np.array(wanted, np.int64)).sum(axis=0) + subsets.total(fixed)
        bounds = np.maximum(bounds, costs)
        lowest = np.argsort(costs[1:], kind="stable")[:STARTS] + 1
        promising += [(line, unit, stock, int(subset)) for subset in lowest if np.isfinite(costs[subset])]
    few = board.large or len(promising) > most
    if few:
        promising = promising[:: max(1, -(-len(promising) // most))]
    starts: list[Ints] = []
    for line, unit, stock, subset in promising:
        split = [subsets.split_units(line, unit[n], stock[n], q, subset) for n, q in enumerate(wanted)]
        sharing = np.array(split, np.int64).T
        wait = np.zeros((len(ways) + 1 - len(sharing), len(wanted)), np.int64)
        starts.append(np.vstack([sharing, wait]))
    if few:
        starts.append(_plain(board))
    different = list({start.tobytes(): start for start in starts}.values())
    Random(seed).shuffle(different)
    least = float(bounds[1:].min())
    bound_minor = ceil(least - 1e-6 * max(1.0, abs(least))) if np.isfinite(least) else 0
    if different:
        board.price(np.vstack(different))  # all at once
    return bound_minor, sorted(different, key=board.rank)


def _plain(board: Board) -> Ints:
    """Again and again the site that has most of the rest."""
    sharing = np.zeros_like(board.caps)
    rest = np.array(board.wanted, np.int64)
    for _ in board.ways:
        loads = np.where(sharing[:-1].sum(axis=1, keepdims=True), 0, np.minimum(board.caps[:-1], rest))
        site = int(loads.sum(axis=1).argmax())
        if loads[site].any():
            sharing[site] = loads[site]
            rest -= loads[site]
    sharing[-1] = rest
    return sharing


def _relaxed(
    problem: Problem, ways: Sequence[Way], wanted: Units, share: float
) -> tuple[subsets.Floats, subsets.Floats, subsets.Floats, Ints]:
    """Costs that add up, and stock (L, S), with a last site for what waits if that has a price."""
    fixed, line, unit = straight(problem, ways, wanted, share)
    stock = np.array([way.cap for way in ways], np.int64).T
    each = problem.rules.backorder_unit_minor
    if each is not None:
        fixed, line = np.append(fixed, 0.0), np.append(line, 0.0)
        unit = np.column_stack([unit, np.full(len(wanted), float(each))])
        stock = np.column_stack([stock, np.array(wanted, np.int64)])
    return fixed, line, unit, stock
