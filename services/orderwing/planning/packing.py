"""Orders into vehicles, goods into cartons: bin packing in several dimensions with bins of several kinds.

First-fit decreasing (the baseline) and best-fit decreasing in several orders of items; where these do not meet the
bound, CP-SAT (OR-Tools) is given the better of them and the rest of the budget. Bound: Martello and Toth's L2 (1990)
in each dimension, by the cheapest bin; and the cost of the volume; and CP-SAT's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ortools.sat.python import cp_model

from orderwing.planning.budget import Budget, Countdown

Size = tuple[int, ...]
Key = Callable[[Size], float]
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


class _Open(NamedTuple):
    """A bin being filled: kinds and items by index."""

    kind: int
    items: list[int]
    room: list[int]


def plan(problem: PackingProblem, budget: Budget, seed: int) -> Packing:
    """The best that the budget finds; of least cost if `cost` meets `bound`. `iterations` limit CP-SAT's conflicts."""
    countdown = Countdown(budget)
    best = min((_told(problem, bins) for bins in _decreasing(problem)), key=lambda told: _counted(problem, told))
    if _counted(problem, best) <= _floor(problem) or countdown.over():
        return best
    return _by_cp_sat(problem, best, countdown, seed)


def greedy(problem: PackingProblem) -> Packing:
    """First-fit decreasing; then each bin becomes the cheapest kind that holds its load."""
    return _told(problem, _fill(problem, _keys(problem)[0], tight=False))


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


def _decreasing(problem: PackingProblem) -> Iterator[list[_Open]]:
    for key in _keys(problem):
        yield _fill(problem, key, tight=False)
        yield _fill(problem, key, tight=True)


def _fill(problem: PackingProblem, key: Key, *, tight: bool) -> list[_Open]:
    """Each item into the first open bin with room, or the one with least (`tight`); else into a new bin."""
    stock = [len(problem.items) if kind.number is None else kind.number for kind in problem.kinds]
    leaving = problem.leaving()
    bins: list[_Open] = []
    for n in sorted(range(len(problem.items)), key=lambda n: (-key(problem.items[n].size), n)):
        size = problem.items[n].size
        fitting = [one for one in bins if _fits(size, one.room)]
        if not fitting:
            kind = _to_open(problem, size, stock, key)
            if kind is None or problem.kinds[kind].cost >= leaving[n]:
                continue
            stock[kind] -= 1
            bins.append(_Open(kind, [], list(problem.kinds[kind].capacity)))
            fitting = bins[-1:]
        chosen = min(fitting, key=lambda one: key(tuple(one.room))) if tight else fitting[0]
        chosen.items.append(n)
        chosen.room[:] = [room - one for room, one in zip(chosen.room, size, strict=True)]
    return [_shrunk(problem, one, stock) for one in bins]


def _fits(size: Sequence[int], room: Sequence[int]) -> bool:
    return all(one <= free for one, free in zip(size, room, strict=True))


def _to_open(problem: PackingProblem, size: Size, stock: Sequence[int], key: Key) -> int | None:
    """The kind that costs least for what it holds."""
    able = [n for n, kind in enumerate(problem.kinds) if stock[n] and _fits(size, kind.capacity)]
    return min(able, key=lambda n: problem.kinds[n].cost / (key(problem.kinds[n].capacity) or 1.0), default=None)


def _shrunk(problem: PackingProblem, one: _Open, stock: list[int]) -> _Open:
    """In the cheapest kind that holds the load."""
    load = [cap - room for cap, room in zip(problem.kinds[one.kind].capacity, one.room, strict=True)]
    stock[one.kind] += 1
    able = [n for n, kind in enumerate(problem.kinds) if stock[n] and _fits(load, kind.capacity)]
    best = min(able, key=lambda n: (problem.kinds[n].cost, n != one.kind))
    stock[best] -= 1
    return one._replace(kind=best)


def _floor(problem: PackingProblem) -> int:
    """Bound of what `_counted` counts."""
    leaving = problem.leaving()
    items = [n for n, item in enumerate(problem.items) if _holdable(problem, item)]
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
    return floor + _hopeless(problem)


def _hopeless(problem: PackingProblem) -> int:
    """What is paid in any case, for items that no bin holds."""
    return sum(item.left_cost or 0 for item in problem.items if not _holdable(problem, item))


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


def _holdable(problem: PackingProblem, item: Item) -> bool:
    return any(_fits(item.size, kind.capacity) and kind.number != 0 for kind in problem.kinds)


def _counted(problem: PackingProblem, told: Packing) -> int:
    """Cost, and the large price of items left that should not be, but for those no bin holds."""
    return told.cost + _forced(problem, told)


def _forced(problem: PackingProblem, told: Packing) -> int:
    price = dict(zip((item.item_id for item in problem.items), problem.leaving(), strict=True))
    musts = {item.item_id for item in problem.items if item.left_cost is None and _holdable(problem, item)}
    return sum(price[left.item_id] for left in told.left if left.item_id in musts)


def _told(problem: PackingProblem, bins: Sequence[_Open], floor: int = 0) -> Packing:
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
    if not any(_fits(item.size, kind.capacity) for kind in problem.kinds):
        return "no_bin_holds_it"
    return "not_worth_it" if spare and item.left_cost is not None else "bins_used_up"


def _by_cp_sat(problem: PackingProblem, start: Packing, countdown: Countdown, seed: int) -> Packing:
    model = cp_model.CpModel()
    items = [n for n, item in enumerate(problem.items) if _holdable(problem, item)]
    bins = [n for n, kind in enumerate(problem.kinds) for _ in range(_useful(problem, kind, len(items)))]
    used = [model.new_bool_var("") for _ in bins]
    inside = {(n, b): model.new_bool_var("") for n in items for b in range(len(bins)) if _able(problem, n, bins[b])}
    for n in items:
        model.add_at_most_one(inside[n, b] for b in range(len(bins)) if (n, b) in inside)
    for b, kind in enumerate(bins):
        for d, room in enumerate(problem.kinds[kind].capacity):
            load = [problem.items[n].size[d] * inside[n, b] for n in items if (n, b) in inside]
            model.add(sum(load) <= room * used[b])
        for n in items:
            if (n, b) in inside:
                model.add_implication(inside[n, b], used[b])
        if b and bins[b - 1] == kind:
            model.add_implication(used[b], used[b - 1])
    leaving = problem.leaving()
    left = {n: 1 - sum(inside[n, b] for b in range(len(bins)) if (n, b) in inside) for n in items}
    costs = sum(problem.kinds[kind].cost * used[b] for b, kind in enumerate(bins))
    model.minimize(costs + sum(leaving[n] * left[n] for n in items))
    _hint(problem, model, start, bins, used, inside)
    solver = _solver(countdown, seed)
    found = solver.solve(model)
    floor = int(solver.best_objective_bound) + _hopeless(problem) if found != cp_model.UNKNOWN else 0
    opened = [_Open(kind, [], []) for kind in bins]
    if found not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return start
    for (n, b), variable in inside.items():
        if solver.boolean_value(variable):
            opened[b].items.append(n)
    return _told(problem, [one for one in opened if one.items], floor)


def _useful(problem: PackingProblem, kind: Kind, items: int) -> int:
    return items if kind.number is None else min(items, kind.number)


def _able(problem: PackingProblem, item: int, kind: int) -> bool:
    return _fits(problem.items[item].size, problem.kinds[kind].capacity)


def _hint(
    problem: PackingProblem,
    model: cp_model.CpModel,
    start: Packing,
    bins: Sequence[int],
    used: Sequence[cp_model.IntVar],
    inside: dict[tuple[int, int], cp_model.IntVar],
) -> None:
    kinds = {kind.kind_id: n for n, kind in enumerate(problem.kinds)}
    index = {item.item_id: n for n, item in enumerate(problem.items)}
    free = {kind: [b for b, one in enumerate(bins) if one == kind] for kind in kinds.values()}
    place = {index[i]: b for one in start.bins for b in [free[kinds[one.kind_id]].pop(0)] for i in one.items}
    for (n, b), variable in inside.items():
        model.add_hint(variable, place.get(n) == b)
    for b, variable in enumerate(used):
        model.add_hint(variable, b in place.values())


def _solver(countdown: Countdown, seed: int) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    if countdown.budget.seconds is not None:
        solver.parameters.max_time_in_seconds = max(0.0, countdown.budget.seconds - countdown.seconds_spent())
    if countdown.budget.iterations is not None:
        solver.parameters.max_number_of_conflicts = countdown.budget.iterations
    return solver


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
