"""First and best fit of items from large to small, and bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orderwing.planning.packing.problem import Bin, Item, Left, Packing, PackingProblem, Size, fits, holdable

Key = Callable[[Size], float]


class Open(NamedTuple):
    """A bin being filled: kinds and items by index."""

    kind: int
    items: list[int]
    room: list[int]


def greedy(problem: PackingProblem) -> Packing:
    """First-fit decreasing; then each bin becomes the cheapest kind that holds its load."""
    return told_of(problem, _fill(problem, _keys(problem)[0], tight=False))


def bound(problem: PackingProblem) -> int:
    """No packing that leaves as few costs less, if every item that must be packed is."""
    return _floor(problem)


def _keys(problem: PackingProblem) -> list[Key]:
    """Orders of items, large ones first: by the fullest dimension, by the sum, by each alone."""
    roomy = [max(kind.capacity[d] for kind in problem.kinds) or 1 for d in range(len(problem.kinds[0].capacity))]
    keys: list[Key] = [
        lambda size: max((one / room for one, room in zip(size, roomy, strict=True)), default=0.0),
        lambda size: sum(one / room for one, room in zip(size, roomy, strict=True)),
    ]
    return keys + [lambda size, d=d: size[d] for d in range(len(roomy))]


def decreasing(problem: PackingProblem) -> Iterator[list[Open]]:
    for key in _keys(problem):
        yield _fill(problem, key, tight=False)
        yield _fill(problem, key, tight=True)


def _fill(problem: PackingProblem, key: Key, *, tight: bool) -> list[Open]:
    """Each item into the first open bin with room, or the one with least (`tight`); else into a new bin."""
    stock = [len(problem.items) if kind.number is None else kind.number for kind in problem.kinds]
    leaving = problem.leaving()
    bins: list[Open] = []
    for n in sorted(range(len(problem.items)), key=lambda n: (-key(problem.items[n].size), n)):
        size = problem.items[n].size
        fitting = [one for one in bins if fits(size, one.room)]
        if not fitting:
            kind = _to_open(problem, size, stock, key)
            if kind is None or problem.kinds[kind].cost >= leaving[n]:
                continue
            stock[kind] -= 1
            bins.append(Open(kind, [], list(problem.kinds[kind].capacity)))
            fitting = bins[-1:]
        chosen = min(fitting, key=lambda one: key(tuple(one.room))) if tight else fitting[0]
        chosen.items.append(n)
        chosen.room[:] = [room - one for room, one in zip(chosen.room, size, strict=True)]
    return [_shrunk(problem, one, stock) for one in bins]


def _to_open(problem: PackingProblem, size: Size, stock: Sequence[int], key: Key) -> int | None:
    """The kind that costs least for what it holds."""
    able = [n for n, kind in enumerate(problem.kinds) if stock[n] and fits(size, kind.capacity)]
    return min(able, key=lambda n: problem.kinds[n].cost / (key(problem.kinds[n].capacity) or 1.0), default=None)


def _shrunk(problem: PackingProblem, one: Open, stock: list[int]) -> Open:
    """In the cheapest kind that holds the load."""
    load = [cap - room for cap, room in zip(problem.kinds[one.kind].capacity, one.room, strict=True)]
    stock[one.kind] += 1
    able = [n for n, kind in enumerate(problem.kinds) if stock[n] and fits(load, kind.capacity)]
    best = min(able, key=lambda n: (problem.kinds[n].cost, n != one.kind))
    stock[best] -= 1
    return one._replace(kind=best)


def _floor(problem: PackingProblem) -> int:
    """Bound of what `counted` counts."""
    leaving = problem.leaving()
    items = [n for n, item in enumerate(problem.items) if holdable(problem, item)]
    least, floor = min(kind.cost for kind in problem.kinds), 0
    for d in range(len(problem.kinds[0].capacity)):
        capacity = max(kind.capacity[d] for kind in problem.kinds)
        if not capacity:
            continue
        musts = [problem.items[n].size[d] for n in items if problem.items[n].left_cost is None]
        floor = max(floor, least * l2_bound(musts, capacity))
        cheap = min((kind for kind in problem.kinds if kind.capacity[d]), key=lambda kind: kind.cost / kind.capacity[d])
        room = cheap.capacity[d]
        volume = sum(min(leaving[n] * room, problem.items[n].size[d] * cheap.cost) for n in items)
        floor = max(floor, -(-volume // room))
    return floor + hopeless(problem)


def hopeless(problem: PackingProblem) -> int:
    """What is paid in any case, for items that no bin holds."""
    return sum(item.left_cost or 0 for item in problem.items if not holdable(problem, item))


def l2_bound(sizes: Sequence[int], capacity: int) -> int:
    """Bins of one dimension that are needed at least: Martello and Toth (1990), bound L2, over every threshold."""
    sizes = sorted(sizes, reverse=True)
    best = -(-sum(sizes) // capacity)
    for small in {0, *(size for size in sizes if 2 * size <= capacity)}:
        large = [size for size in sizes if size > capacity - small]
        middle = [size for size in sizes if capacity - small >= size > capacity / 2]
        rest = sum(size for size in sizes if capacity / 2 >= size >= small)
        free = len(middle) * capacity - sum(middle)
        best = max(best, len(large) + len(middle) + max(0, -(-(rest - free) // capacity)))
    return best


def counted(problem: PackingProblem, told: Packing) -> int:
    """Cost, and the large price of items left that should not be, but for those no bin holds."""
    return told.cost + _forced(problem, told)


def _forced(problem: PackingProblem, told: Packing) -> int:
    price = dict(zip((item.item_id for item in problem.items), problem.leaving(), strict=True))
    musts = {item.item_id for item in problem.items if item.left_cost is None and holdable(problem, item)}
    return sum(price[left.item_id] for left in told.left if left.item_id in musts)


def told_of(problem: PackingProblem, bins: Sequence[Open], floor: int = 0) -> Packing:
    packed = {n for one in bins for n in one.items}
    stock = Counter(one.kind for one in bins)
    spare = any(kind.number is None or stock[n] < kind.number for n, kind in enumerate(problem.kinds))
    left = tuple(
        Left(item.item_id, _reason(problem, item, spare)) for n, item in enumerate(problem.items) if n not in packed
    )
    cost = sum(problem.kinds[one.kind].cost for one in bins)
    cost += sum(item.left_cost or 0 for n, item in enumerate(problem.items) if n not in packed)
    named = tuple(
        Bin(problem.kinds[one.kind].kind_id, tuple(problem.items[n].item_id for n in one.items)) for one in bins
    )
    told = Packing(named, left, cost, 0)
    return Packing(named, left, cost, max(0, max(floor, _floor(problem)) - _forced(problem, told)))


def _reason(problem: PackingProblem, item: Item, spare: bool) -> str:
    if not any(fits(item.size, kind.capacity) for kind in problem.kinds):
        return "no_bin_holds_it"
    return "not_worth_it" if spare and item.left_cost is not None else "bins_used_up"
