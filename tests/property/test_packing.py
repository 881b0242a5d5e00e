"""Packings against every packing there is."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.budget import Budget
from orderwing.planning.packing import Bin, Item, Kind, Packing, PackingProblem, greedy, l2_bound, plan, verify

ENOUGH = Budget(iterations=100_000)


@st.composite
def problems(draw: st.DrawFn, items: int = 6) -> PackingProblem:
    dimensions = draw(st.integers(1, 2))
    size = st.tuples(*[st.integers(0, 12)] * dimensions)
    goods = draw(st.lists(st.tuples(size, st.one_of(st.none(), st.integers(0, 15))), max_size=items))
    room = st.tuples(*[st.integers(1, 15)] * dimensions)
    bins = st.tuples(room, st.integers(0, 9), st.one_of(st.none(), st.integers(0, 3)))
    kinds = draw(st.lists(bins, min_size=1, max_size=2))
    return PackingProblem(
        tuple(Item(f"i{n}", *one) for n, one in enumerate(goods)),
        tuple(Kind(f"k{n}", *one) for n, one in enumerate(kinds)),
    )


def every(problem: PackingProblem) -> tuple[int, int]:
    """(items left that should not be, cost) of the best, by dynamic programming over sets of items."""
    items, everyone = problem.items, (1 << len(problem.items)) - 1

    def fits(chosen: int, kind: Kind) -> bool:
        inside = [item.size for n, item in enumerate(items) if chosen >> n & 1]
        return all(sum(size[d] for size in inside) <= room for d, room in enumerate(kind.capacity))

    @cache
    def best(rest: int, stock: tuple[int, ...]) -> tuple[int, int]:
        left = [item.left_cost for n, item in enumerate(items) if rest >> n & 1]
        found = (left.count(None), sum(cost or 0 for cost in left))
        chosen = rest
        while chosen:
            for k, kind in enumerate(problem.kinds):
                if stock[k] and fits(chosen, kind):
                    fewer = (*stock[:k], stock[k] - 1, *stock[k + 1 :])
                    musts, cost = best(rest & ~chosen, fewer)
                    found = min(found, (musts, cost + kind.cost))
            chosen = (chosen - 1) & rest
        return found

    return best(everyone, tuple(len(items) if kind.number is None else kind.number for kind in problem.kinds))


def of(problem: PackingProblem, answer: Packing) -> tuple[int, int]:
    musts = {item.item_id for item in problem.items if item.left_cost is None}
    return sum(left.item_id in musts for left in answer.left), answer.cost


@given(problems())
@settings(max_examples=40, deadline=None)
def test_the_best_there_is_is_found_and_proved(problem: PackingProblem) -> None:
    answer = plan(problem, ENOUGH, seed=1)

    assert verify(problem, answer) == []
    assert of(problem, answer) == every(problem)
    assert answer.bound == answer.cost or any(left.reason == "bins_used_up" for left in answer.left)


@given(problems())
@settings(max_examples=40, deadline=None)
def test_first_fit_is_allowed_and_never_better_and_above_the_bound(problem: PackingProblem) -> None:
    answer = greedy(problem)

    assert verify(problem, answer) == []
    assert of(problem, answer) >= every(problem)


@given(st.lists(st.integers(1, 20), max_size=7))
@settings(max_examples=40, deadline=None)
def test_l2_lies_between_the_volume_and_the_optimum(sizes: list[int]) -> None:
    problem = PackingProblem(tuple(Item(f"i{n}", (size,)) for n, size in enumerate(sizes)), (Kind("k", (20,)),))

    assert -(-sum(sizes) // 20) <= l2_bound(sizes, 20) <= every(problem)[1]


def test_l2_sees_what_the_volume_does_not() -> None:
    assert l2_bound([11, 11, 11], 20) == 3
    assert l2_bound([15, 15, 6, 6], 20) == 3


def test_ten_triples_are_packed_where_first_fit_wastes() -> None:
    sizes = [(51, 27, 22), (49, 26, 25), (47, 33, 20), (46, 30, 24), (45, 28, 27)] * 2
    flat = [size for triple in sizes for size in triple]
    problem = PackingProblem(tuple(Item(f"i{n}", (size,)) for n, size in enumerate(flat)), (Kind("k", (100,)),))

    answer = plan(problem, Budget(iterations=200_000), seed=1)

    assert (answer.cost, answer.bound) == (10, 10)
    assert greedy(problem).cost == 11
    assert verify(problem, answer) == []


def test_reasons_tell_why_an_item_stays() -> None:
    items = (Item("huge", (99,)), Item("full", (10,), 9), Item("last", (10,), 8), Item("cheap", (1,), 0))
    answer = plan(PackingProblem(items, (Kind("k", (10,), 5, number=1),)), ENOUGH, seed=1)

    assert {left.item_id: left.reason for left in answer.left} == {
        "huge": "no_bin_holds_it",
        "last": "bins_used_up",
        "cheap": "bins_used_up",
    }


@pytest.mark.parametrize(
    ("item", "kind", "field"),
    [
        (Item("a", (1, 2)), Kind("k", (1,)), r"items\[a\]"),
        (Item("a", (-1,)), Kind("k", (1,)), r"items\[a\]"),
        (Item("a", (1,)), Kind("k", (1,), number=-1), r"kinds\[k\]"),
    ],
)
def test_bad_input_names_its_field(item: Item, kind: Kind, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        PackingProblem((item,), (kind,))


def test_the_checker_sees_what_is_wrong() -> None:
    problem = PackingProblem((Item("a", (6,)), Item("b", (6,))), (Kind("k", (10,), number=1),))

    assert verify(problem, Packing((Bin("k", ("a", "b")),), (), 1, 0)) == ["Bin 1 of 'k' holds 12 of 10."]
    assert verify(problem, Packing((Bin("k", ("a",)), Bin("k", ("b",))), (), 2, 0)) == ["2 bins of 'k' are used of 1."]
    assert verify(problem, Packing((Bin("k", ("a",)),), (), 1, 0))
