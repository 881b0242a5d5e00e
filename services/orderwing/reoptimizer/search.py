"""The greedy baseline, and a local search by ejection: a part takes what it wants, those in its way move on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from orderwing.reoptimizer.choice import Choice, Problem, never
from orderwing.reoptimizer.pool import Shelf

_DEPTH = 4  # parts that one ejection may push aside, each in its turn


def greedy(problem: Problem) -> Choice:
    """Single moves into units that are free already, best gain first, until none gains. The baseline."""
    return _Search(problem, problem.stands()).run_single()


def improve(problem: Problem, start: Choice, rounds: int, seed: int, out_of_time: Callable[[], bool] = never) -> Choice:
    """`start`, bettered by at most `rounds` passes of ejections over all blocks; never worse, always feasible.

    The order of a pass comes from `seed`: the same seed gives the same choice.
    """
    search = _Search(problem, start)
    order = list(range(len(problem.blocks)))
    random = Random(seed)
    for _ in range(rounds):
        random.shuffle(order)
        bettered = [block for block in order if not out_of_time() and search.eject(block)]
        if not bettered:
            break
    return search.choice


def small_groups(
    problem: Problem, choice: Choice, kept: Iterable[list[int]], out_of_time: Callable[[], bool] = never
) -> tuple[Choice, list[list[int]]]:
    """`choice` for the groups `kept`, and beside them ejections of few parts each: a choice and its groups.

    Every group fits whether the others move or not, since none uses what another gives.
    """
    search = _Search(problem, problem.stands())
    groups = [search.fix(group, choice) for group in kept]
    order = sorted(range(len(problem.blocks)), key=lambda block: -_largest_gain(problem, block))
    for block in order:
        trail = [] if out_of_time() else search.eject(block)
        if trail:
            groups.append(search.fix([change.block for change in trail], search.choice))
    return search.choice, groups


def _largest_gain(problem: Problem, block: int) -> int:
    return max(problem.gain(block, option) for option in range(len(problem.blocks[block].options)))


@dataclass(frozen=True)
class _Change:
    block: int
    before: int


class _Search:
    """A feasible choice, what it leaves on the shelves, and which blocks take from each shelf."""

    def __init__(self, problem: Problem, start: Choice) -> None:
        self.problem = problem
        self.choice = problem.stands()
        self.left: dict[Shelf, int] = {}
        self.takers: dict[Shelf, set[int]] = {}
        self.fixed: set[int] = set()
        for number, block in enumerate(problem.blocks):
            for shelf in block.options[0].units:
                self.takers.setdefault(shelf, set()).add(number)
        for block_number, option in enumerate(start):
            self._set(block_number, option)

    def run_single(self) -> Choice:
        problem = self.problem
        moves = sorted(
            (-problem.gain(block, option), block, option)
            for block, options in enumerate(problem.blocks)
            for option in range(1, len(options.options))
            if problem.gain(block, option) > 0
        )
        # A move can free units for one that was tried before it, so the list is walked until nothing changes.
        while [block for loss, block, option in moves if self._try_single(block, option, -loss)]:
            pass
        return self.choice

    def _try_single(self, block: int, option: int, gain: int) -> bool:
        if gain <= self.problem.gain(block, self.choice[block]):
            return False
        before = self.choice[block]
        self._set(block, option)
        if self._short(block):
            self._set(block, before)
            return False
        return True

    def fix(self, group: list[int], choice: Choice) -> list[int]:
        """Let the group move as chosen, once and for all; nobody else may use what it gives."""
        given: dict[Shelf, int] = {}
        for block in group:
            self._set(block, choice[block])
            for shelf, units in self.problem.blocks[block].shift(choice[block]).items():
                given[shelf] = given.get(shelf, 0) - units
        for shelf, units in given.items():
            if units > 0:
                self.left[shelf] -= units
        self.fixed.update(group)
        return sorted(group)

    def eject(self, block: int) -> list[_Change]:
        """Try each better option of the block; keep the first that betters the whole, and tell its changes."""
        if block in self.fixed:
            return []
        gain = self.problem.gain
        now = gain(block, self.choice[block])
        wishes = [o for o in range(len(self.problem.blocks[block].options)) if gain(block, o) > now]
        for option in sorted(wishes, key=lambda o: -gain(block, o)):
            trail = [_Change(block, self.choice[block])]
            self._set(block, option)
            if self._settle(block, trail, gain(block, option) - now):
                return trail
            self._undo(trail)
        return []

    def _settle(self, block: int, trail: list[_Change], profit: int) -> bool:
        """Make room for `block` by moving others on, as long as the whole stays above what it was."""
        while shelf := self._short(block):
            if len(trail) > _DEPTH:
                return False
            moved = {change.block for change in trail}
            best = self._cheapest_exit(shelf, moved)
            if best is None or profit - best[0] <= 0:
                return False
            loss, other, option = best
            profit -= loss
            trail.append(_Change(other, self.choice[other]))
            self._set(other, option)
            if not self._settle(other, trail, profit):
                return False
            profit = self._profit(trail)
        return profit > 0

    def _profit(self, trail: list[_Change]) -> int:
        gain = self.problem.gain
        return sum(gain(c.block, self.choice[c.block]) - gain(c.block, c.before) for c in trail)

    def _cheapest_exit(self, shelf: Shelf, moved: set[int]) -> tuple[int, int, int] | None:
        """(loss, block, option) of the block that leaves `shelf` at least loss."""
        exits = [
            (self.problem.gain(block, self.choice[block]) - self.problem.gain(block, option), block, option)
            for block in self.takers.get(shelf, ())
            if block not in moved and block not in self.fixed
            for option, taken in enumerate(self.problem.blocks[block].options)
            if taken.units.get(shelf, 0) < self._units(block, shelf)
        ]
        return min(exits, default=None)

    def _units(self, block: int, shelf: Shelf) -> int:
        return self.problem.blocks[block].options[self.choice[block]].units.get(shelf, 0)

    def _short(self, block: int) -> Shelf | None:
        units = self.problem.blocks[block].options[self.choice[block]].units
        return next((shelf for shelf in units if self.left.get(shelf, 0) < 0), None)

    def _set(self, block: int, option: int) -> None:
        for sign, chosen in ((1, self.choice[block]), (-1, option)):
            for shelf, units in self.problem.blocks[block].options[chosen].units.items():
                self.left[shelf] = self.left.get(shelf, self.problem.free.get(shelf, 0)) + sign * units
                takers = self.takers.setdefault(shelf, set())
                (takers.discard if sign > 0 else takers.add)(block)
        self.choice[block] = option

    def _undo(self, trail: list[_Change]) -> None:
        for change in reversed(trail):
            self._set(change.block, change.before)
