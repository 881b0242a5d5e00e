"""The problem of a window without prices and maps: one option for each part, under the stock of every shelf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from orderwing.planning.moving import Weight
from orderwing.reoptimizer.pool import PoolPart, Shelf, Take

# Stands for a rank of a customer's wishes: more than parcels cost, and small enough for a solver's tolerances.
RANK_MINOR = 100_000
Choice = list[int]  # the option taken by each block; 0 is the standing one


def rank_for(blocks: Iterable[Block]) -> int:
    """More than what strategies put first counts, where they do."""
    besides = [abs(option.beside_minor) for block in blocks for option in block.options]
    return max(RANK_MINOR, 2 * max(besides, default=0) + RANK_MINOR) if any(besides) else RANK_MINOR


def never() -> bool:
    """Time enough."""
    return False


@dataclass(frozen=True)
class Option:
    """A complete way to ship a part. `cost_minor` is the cost model's, without churn.

    `liking`: ranks of the customer's wishes by which it is better than the standing plan. `beside_minor`: what counts
    beside the cost, by the part's strategy and steering prices; it is never charged.
    """

    label: str
    takes: tuple[Take, ...]
    cost_minor: int
    arrival_ms: int = 0
    liking: int = 0
    beside_minor: int = 0
    too_full: str = ""  # why the strategy leaves it out, for the hours in which it would be picked

    @property
    def weight(self) -> Weight:
        return Weight(self.cost_minor, self.beside_minor)

    @cached_property
    def units(self) -> Mapping[Shelf, int]:
        units: dict[Shelf, int] = defaultdict(int)
        for take in self.takes:
            units[take.site_id, take.sku] += take.quantity
        return units


@dataclass(frozen=True)
class Block:
    """A part and its options, fewer than ten; the first is the standing plan. `refused`: sites that may not ship it,
    and why."""

    part: PoolPart
    options: tuple[Option, ...]
    refused: tuple[tuple[str, str], ...] = ()

    def shift(self, option: int) -> Mapping[Shelf, int]:
        """Units that `option` takes more (or less) from each shelf than the standing plan does."""
        shift = dict(self.options[option].units)
        for shelf, units in self.options[0].units.items():
            shift[shelf] = shift.get(shelf, 0) - units
        return {shelf: units for shelf, units in shift.items() if units}


@dataclass(frozen=True)
class Problem:
    """`free` is what no part holds; `churn_minor` is charged for every part that moves.

    `rank_minor` stands for a rank of a customer's wishes.
    """

    blocks: tuple[Block, ...]
    free: Mapping[Shelf, int]
    churn_minor: int
    rank_minor: int = RANK_MINOR

    def saved(self, block: int, option: int) -> int:
        """Minor units that the block saves by `option`, net of churn."""
        options = self.blocks[block].options
        return options[0].cost_minor - options[option].cost_minor - self.churn_minor if option else 0

    def weighed(self, block: int, option: int) -> int:
        """What the block saves by `option`, and what counts beside the cost."""
        options = self.blocks[block].options
        return self.saved(block, option) + options[0].beside_minor - options[option].beside_minor

    def gain(self, block: int, option: int) -> int:
        """What is maximised: what `option` saves as it is weighed, and before it what the customer wishes."""
        return self.weighed(block, option) + self.rank_minor * self.blocks[block].options[option].liking

    def total(self, choice: Choice) -> int:
        return sum(self.gain(block, option) for block, option in enumerate(choice))

    def total_saved(self, choice: Choice) -> int:
        return sum(self.saved(block, option) for block, option in enumerate(choice))

    def stands(self) -> Choice:
        return [0] * len(self.blocks)


def free_after(problem: Problem, choice: Choice) -> dict[Shelf, int]:
    """Units left on each shelf that the choice touches; negative where it takes what is not there."""
    left: dict[Shelf, int] = {}
    for block, option in zip(problem.blocks, choice, strict=True):
        if option:
            for shelf, units in block.shift(option).items():
                left[shelf] = left.get(shelf, problem.free.get(shelf, 0)) - units
    return left


def feasible(problem: Problem, choice: Choice) -> bool:
    """Whether all of the choice fits at once. A shelf that nobody takes more from is never the reason."""
    return all(left >= 0 for left in free_after(problem, choice).values())


def components(problem: Problem) -> list[Problem]:
    """Problems that share no shelf that could run out, in the order of their first block; each is solved alone."""
    owner = list(range(len(problem.blocks)))

    def root(block: int) -> int:
        while owner[block] != block:
            owner[block] = owner[owner[block]]
            block = owner[block]
        return block

    scarce = _scarce(problem)
    first: dict[Shelf, int] = {}
    for number, block in enumerate(problem.blocks):
        for shelf in {s for option in block.options for s in option.units if s in scarce}:
            owner[root(number)] = root(first.setdefault(shelf, number))
    groups: dict[int, list[Block]] = defaultdict(list)
    for number, block in enumerate(problem.blocks):
        groups[root(number)].append(block)
    return [replace(problem, blocks=tuple(blocks)) for blocks in groups.values()]


def _scarce(problem: Problem) -> set[Shelf]:
    """Shelves where the largest wishes of all blocks together exceed the stock."""
    wish: dict[Shelf, int] = defaultdict(int)
    stock: dict[Shelf, int] = {}
    for block in problem.blocks:
        for shelf in {s for option in block.options for s in option.units}:
            wish[shelf] += max(option.units.get(shelf, 0) for option in block.options)
            stock.setdefault(shelf, problem.free.get(shelf, 0))
            stock[shelf] += block.options[0].units.get(shelf, 0)
    return {shelf for shelf, units in wish.items() if units > stock[shelf]}


def bundles(problem: Problem, choice: Choice) -> list[list[int]]:
    """The moving blocks, grouped so that each group fits whether the others move or not.

    Free units go to single takers first; who still lacks some joins the blocks whose units it needs.
    """
    moving = [block for block, option in enumerate(choice) if option]
    owner = {block: block for block in moving}

    def root(block: int) -> int:
        while owner[block] != block:
            block = owner[block]
        return block

    takers, givers = _sides(problem, choice, moving)
    for shelf in sorted(takers):
        spare = problem.free.get(shelf, 0)
        offers = list(givers.get(shelf, ()))
        for block, units in sorted(takers[shelf], key=lambda taker: (taker[1], taker[0])):
            covered = min(units, spare)
            spare -= covered
            for giver in _cover(offers, units - covered):
                owner[root(block)] = root(giver)
    groups: dict[int, list[int]] = defaultdict(list)
    for block in moving:
        groups[root(block)].append(block)
    return sorted(groups.values())


Side = dict[Shelf, list[tuple[int, int]]]


def _sides(problem: Problem, choice: Choice, moving: Sequence[int]) -> tuple[Side, Side]:
    takers: Side = defaultdict(list)
    givers: Side = defaultdict(list)
    for block in moving:
        for shelf, units in problem.blocks[block].shift(choice[block]).items():
            (takers if units > 0 else givers)[shelf].append((block, abs(units)))
    return takers, givers


def _cover(offers: list[tuple[int, int]], needed: int) -> Iterable[int]:
    """The givers that supply `needed` units, taken from `offers`."""
    while needed > 0:
        giver, units = offers.pop(0)
        yield giver
        if units > needed:
            offers.insert(0, (giver, units - needed))
        needed -= units
