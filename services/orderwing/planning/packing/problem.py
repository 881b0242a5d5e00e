"""Items, bins and packings, and what is wrong with a packing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

Size = tuple[int, ...]
LARGEST = 1 << 40


class Item(NamedTuple):
    """`size` by dimension. `left_cost`: of leaving it, None if it may only be left where there is no other way."""

    item_id: str
    size: Size
    left_cost: int | None = None


class Kind(NamedTuple):
    """Bins alike: at most `number` of them (None: any), each at `cost`."""

    kind_id: str
    capacity: Size
    cost: int = 1
    number: int | None = None


@dataclass(frozen=True, slots=True)
class PackingProblem:
    items: tuple[Item, ...]
    kinds: tuple[Kind, ...]

    def __post_init__(self) -> None:
        for name, ids in (("items", [i.item_id for i in self.items]), ("kinds", [k.kind_id for k in self.kinds])):
            if len(set(ids)) < len(ids):
                raise ValueError(f"{name}: {Counter(ids).most_common(1)[0][0]!r} occurs twice.")
        if not self.kinds:
            raise ValueError("kinds: there must be at least one.")
        dimensions = len(self.kinds[0].capacity)
        for item in self.items:
            if len(item.size) != dimensions or not all(0 <= n <= LARGEST for n in (*item.size, item.left_cost or 0)):
                raise ValueError(f"items[{item.item_id}]: {dimensions} sizes and left_cost, each from 0 to {LARGEST}.")
        for kind in self.kinds:
            numbers = (*kind.capacity, kind.cost, kind.number or 0)
            if len(kind.capacity) != dimensions or not all(0 <= n <= LARGEST for n in numbers):
                raise ValueError(f"kinds[{kind.kind_id}]: {dimensions} capacities, cost, number, from 0 to {LARGEST}.")

    def leaving(self) -> list[int]:
        """What leaving each item counts. None counts more than any packing of the others costs."""
        dearest = max(kind.cost for kind in self.kinds)
        big = sum(max(dearest, item.left_cost or 0) for item in self.items) + 1
        return [big if item.left_cost is None else item.left_cost for item in self.items]


class Bin(NamedTuple):
    kind_id: str
    items: tuple[str, ...]


class Left(NamedTuple):
    """`reason`: no_bin_holds_it, bins_used_up, or not_worth_it."""

    item_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Packing:
    """`cost` is of bins and of items left that have a price. Nothing costs less than `bound`."""

    bins: tuple[Bin, ...]
    left: tuple[Left, ...]
    cost: int
    bound: int


def fits(size: Sequence[int], room: Sequence[int]) -> bool:
    return all(one <= free for one, free in zip(size, room, strict=True))


def holdable(problem: PackingProblem, item: Item) -> bool:
    return any(fits(item.size, kind.capacity) and kind.number != 0 for kind in problem.kinds)


def verify(problem: PackingProblem, answer: Packing) -> list[str]:
    """Complaints; none if each bin holds its items and the packing costs what it says."""
    kinds = {kind.kind_id: kind for kind in problem.kinds}
    items = {item.item_id: item for item in problem.items}
    told = Counter([*(i for one in answer.bins for i in one.items), *(left.item_id for left in answer.left)])
    complaints = [f"Item {i!r} is told of {told[i]} times." for i in {*items, *told} if told[i] != 1 or i not in items]
    complaints += [f"There is no kind {one.kind_id!r}." for one in answer.bins if one.kind_id not in kinds]
    if complaints:
        return complaints
    for n, one in enumerate(answer.bins):
        loads = [sum(column) for column in zip(*(items[i].size for i in one.items), strict=True)]
        for load, room in zip(loads, kinds[one.kind_id].capacity, strict=False):
            if load > room:
                complaints.append(f"Bin {n + 1} of {one.kind_id!r} holds {load} of {room}.")
    used = Counter(one.kind_id for one in answer.bins)
    for kind_id, kind in kinds.items():
        if kind.number is not None and used[kind_id] > kind.number:
            complaints.append(f"{used[kind_id]} bins of {kind_id!r} are used of {kind.number}.")
    cost = sum(kinds[one.kind_id].cost for one in answer.bins)
    cost += sum(items[left.item_id].left_cost or 0 for left in answer.left)
    if cost != answer.cost or answer.bound > answer.cost:
        complaints.append(f"It costs {cost}; the packing says {answer.cost}, at least {answer.bound}.")
    return complaints
