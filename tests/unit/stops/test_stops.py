"""Deliveries that share a stop, level by level; what it takes; and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from orderwing.planning.addresses import Address
from orderwing.planning.stops import (
    LEVELS,
    Delivery,
    Group,
    Handling,
    Level,
    Plan,
    Problem,
    ProblemError,
    plan,
    problem_of,
    verify,
)


def delivery(order_id: str, text: str, parcels: int = 1, point: tuple[float, float] | None = None) -> Delivery:
    return Delivery(order_id, Address(text, "Leeds", "LS6 3AB", "GB"), parcels, point)


STREET = (
    delivery("a", "14 High Street"),
    delivery("b", "14 High St.", parcels=2),
    delivery("c", "Flat 1, 16 High Street"),
    delivery("d", "Flat 2, 16 High Street"),
    delivery("e", "15 High Street"),
    delivery("f", "60 High Street"),
)


def orders(groups: tuple[Group, ...]) -> list[str]:
    return sorted("".join(group.orders) for group in groups)


def test_same_address_then_building_then_side_of_the_street() -> None:
    problem = problem_of(STREET)
    found = plan(problem)
    assert verify(problem, found) == []
    assert [orders(groups) for groups in found.groups] == [
        ["ab", "c", "d", "e", "f"],
        ["ab", "cd", "e", "f"],
        ["abcd", "e", "f"],  # 15 is across the street, 60 too far to walk
    ]


def test_service_is_a_part_for_the_stop_and_one_for_each_parcel_and_further_door() -> None:
    (stop,) = plan(problem_of(STREET[:4], handling=Handling(stop_s=100, parcel_s=10))).stops
    assert (stop.parcels, stop.doors, stop.walk_m, stop.at) == (5, 3, 8, "b")
    assert stop.service_s == 100 + 5 * 10 + 40 + 25  # a further flat, a further house
    alone = plan(problem_of([STREET[0]], handling=Handling(stop_s=100, parcel_s=10))).stops
    assert [group.service_s for group in alone] == [110]


def test_points_say_more_than_numbers() -> None:
    near, far = (53.8, -1.55), (53.81, -1.55)
    one, other = delivery("a", "2 High Street", point=near), delivery("b", "4 High Street", point=far)
    assert orders(plan(problem_of([one, other])).stops) == ["a", "b"]
    assert orders(plan(problem_of([one, other._replace(point=(53.8001, -1.55))])).stops) == ["ab"]


def test_numbers_alone_say_nothing_across_postcodes() -> None:
    """A sector may have a High Street in each of its villages."""
    there = STREET[0]._replace(order_id="z", address=STREET[0].address._replace(text="12 High St", postcode="LS6 3XY"))
    assert orders(plan(problem_of([STREET[0], there])).stops) == ["a", "z"]


def test_numbers_say_nothing_where_no_postcode_is_known() -> None:
    """A city has several High Streets; one door of one of them is taken for one door."""
    unknown = [
        delivery(name, text)._replace(address=Address(text, "Leeds"))
        for name, text in (("a", "2 High Street"), ("b", "4 High Street"), ("c", "2 High St."))
    ]
    problem = problem_of(unknown)
    found = plan(problem)
    assert verify(problem, found) == []
    assert orders(found.stops) == ["ac", "b"]


def test_doors_of_one_number_in_two_postcodes_are_counted_once_each() -> None:
    here = [delivery(order_id, "1 High Street", point=(53.8, -1.55)) for order_id in "abc"]
    here[1] = here[1]._replace(address=here[1].address._replace(postcode="LS6 3AD"))
    problem = problem_of(here, LEVELS[2:])
    found = plan(problem)
    assert verify(problem, found) == []
    assert [(group.orders, group.doors) for group in found.stops] == [(("a", "c", "b"), 2)]


def test_groups_are_cut_at_their_bounds() -> None:
    levels = (replace(LEVELS[0], max_orders=2, max_parcels=5),)
    many = [delivery(f"{n}", "14 High Street", parcels=3 if n == 0 else 1) for n in range(5)]
    problem = problem_of(many, levels)
    found = plan(problem)
    assert verify(problem, found) == []
    assert [len(group.orders) for group in found.stops] == [2, 2, 1]


def test_an_order_too_large_for_company_stands_alone_and_is_told() -> None:
    problem = problem_of([delivery("a", "14 High Street", parcels=99), delivery("b", "14 High Street")])
    found = plan(problem)
    assert verify(problem, found) == []
    assert orders(found.stops) == ["a", "b"]
    assert found.alone == (("a", "99 parcels, and a stop takes 60"),)


def test_levels_are_data() -> None:
    by_house = Level("house", ("area", "street", "house"))
    assert orders(plan(problem_of(STREET, [by_house])).stops) == ["ab", "cd", "e", "f"]
    whole_street = Level("street", ("area", "street"), max_walk_m=1000, max_gap_m=500)
    assert orders(plan(problem_of(STREET, [by_house, whole_street])).stops) == ["abecdf"]


def test_nothing_is_a_plan_of_no_stops() -> None:
    assert plan(problem_of([])) == Plan(((), (), ()), ())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"point": (91.0, 0.0)}, "deliveries[1].point.latitude cannot be meant"),
        ({"point": (53.8, 181.0)}, "deliveries[1].point.longitude cannot be meant"),
        ({"point": (float("nan"), 0.0)}, "deliveries[1].point.latitude cannot be meant"),
        ({"point": (0.0, 0.0)}, "deliveries[1].point.latitude cannot be meant"),
        ({"point": (-1.55, 53.8)}, "(latitude and longitude seem to be swapped)"),
        ({"point": (48.85, 2.35)}, "deliveries[1].point.latitude cannot be meant"),
        ({"parcels": 0}, "deliveries[1].parcels is 0"),
        ({"order_id": "a"}, "deliveries[0].order_id occurs 2 times"),
        ({"order_id": ""}, "deliveries[1].order_id is empty"),
        ({"address": Address(" ,\n", "Leeds")}, "deliveries[1].address.text names no street and no house"),
        ({"address": Address("1 Rue", country="fr")}, "deliveries[1].address.country is not two capital letters"),
    ],
)
def test_bad_input_is_named_by_its_field(change: dict[str, object], told: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(told)):
        problem_of([STREET[0], STREET[1]._replace(**change)])  # type: ignore[arg-type]  # values are mixed on purpose


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ((), "levels is empty"),
        ((replace(LEVELS[0], max_orders=0),), "levels[0].max_orders is less than 1"),
        ((replace(LEVELS[0], further_s=-1),), "levels[0].further_s is negative"),
        ((replace(LEVELS[2], max_gap_m=None),), "levels[0].max_gap_m goes with max_walk_m"),
        ((LEVELS[1], LEVELS[0]), "levels[1].same names unit, which groups of levels[0] do not share"),
        ((Level("street", ("district", "street", "side")), LEVELS[2]), "levels[1].max_walk_m comes too late"),
    ],
)
def test_bad_rules_are_named_by_their_field(levels: tuple[Level, ...], told: str) -> None:
    with pytest.raises(ProblemError, match=re.escape(told)):
        problem_of(STREET, levels)


def spoilt(problem: Problem) -> dict[str, Plan]:
    sound = plan(problem)
    first, *rest = sound.stops
    return {
        "is in 0 groups": Plan((*sound.groups[:-1], (*rest,)), ()),
        "is in 2 groups": Plan((*sound.groups[:-1], (first, *sound.stops)), ()),
        "takes a part of another group": Plan(
            (
                *sound.groups[:-1],
                (replace(first, orders=first.orders[:1]), replace(first, orders=first.orders[1:]), *rest),
            ),
            (),
        ),
        "not asked for": Plan((*sound.groups[:-1], (replace(first, orders=(*first.orders, "x")), *rest)), ()),
        "seconds": Plan((*sound.groups[:-1], (replace(first, service_s=first.service_s - 1), *rest)), ()),
        "number of doors": Plan((*sound.groups[:-1], (replace(first, doors=9), *rest)), ()),
        "number of parcels": Plan((*sound.groups[:-1], (replace(first, parcels=9), *rest)), ()),
        "is a walk of": Plan((*sound.groups[:-1], (replace(first, walk_m=90), *rest)), ()),
        "strange door": Plan((*sound.groups[:-1], (replace(first, at="x"), *rest)), ()),
        "not alike": Plan(
            (*sound.groups[:-1], (replace(first, orders=tuple(drop.order_id for drop in problem.drops)),)), ()
        ),
        "levels answered": Plan(sound.groups[:-1], ()),
    }


def test_verify_finds_what_is_spoilt() -> None:
    problem = problem_of(STREET)
    for told, bad in spoilt(problem).items():
        assert any(told in complaint for complaint in verify(problem, bad)), told
