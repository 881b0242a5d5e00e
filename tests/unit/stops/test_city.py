"""The made-up city is the same for one seed; what addresses are read to is held against who really lives there."""

from __future__ import annotations

from collections import Counter

import pytest

from orderwing.planning.addresses import Address, read
from orderwing.planning.stops import Delivery, plan, problem_of, verify
from orderwing.shop.city import City, CityOrder


@pytest.fixture(scope="module")
def orders() -> list[CityOrder]:
    return City.of(1, 2_000).orders(1, 600)


def test_a_seed_is_a_city(orders: list[CityOrder]) -> None:
    assert City.of(1, 2_000).orders(1, 600) == orders
    assert City.of(2, 2_000).orders(1, 600) != orders


def test_most_pairs_at_one_door_are_found_and_few_are_made_up(orders: list[CityOrder]) -> None:
    doors = [read(Address(order.text, order.city, order.postcode, order.country)).key for order in orders]
    homes = [order.home.home_id for order in orders]
    both, truly, told = (_pairs(keys) for keys in (zip(doors, homes, strict=True), homes, doors))
    assert truly > 50
    assert both > 0.8 * truly
    assert told - both < 0.03 * told  # of two flats in one house, say, whose numbers are left out


def test_each_level_has_fewer_stops_and_no_fewer_than_there_are_streets(orders: list[CityOrder]) -> None:
    problem = problem_of(
        Delivery(o.order_id, Address(o.text, o.city, o.postcode, o.country), o.parcels, o.point) for o in orders
    )
    found = plan(problem)
    assert verify(problem, found) == []
    counts = [len(orders), *(len(groups) for groups in found.groups)]
    assert counts == sorted(set(counts), reverse=True)
    assert counts[-1] >= len({order.home.street for order in orders})
    assert counts[-1] < 0.7 * len(orders)


def _pairs(keys: object) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(keys).values())  # type: ignore[call-overload]
