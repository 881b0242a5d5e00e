"""Whatever people write: reading is idempotent, and every order is at exactly one stop on every level."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwing.planning.addresses import Address, AddressError, Door, read
from orderwing.planning.addresses.plain import plainly
from orderwing.planning.addresses.reading import by_all_rules
from orderwing.planning.stops import (
    LEVELS,
    Drop,
    Group,
    Handling,
    Level,
    Plan,
    Problem,
    ProblemError,
    door_of,
    plan,
    stop_id,
    verify,
)

WORDS = (
    "14", "14a", "2-4", "2/1", "a", "1st", "flat", "apt", "unit", "floor", "ground", "top", "the", "block", "st",
    "saint", "high", "street", "rd", "road", "court", "house", "victoria", "north", "no", "str", "hauptstr", "rue",
    "via", "po", "c/o", "&", "#", "leeds", "uk", "ls6", "3ab", "ß", "é", "गली", "½", "º", "straße", "LS6 3AB", "0",
)  # fmt: skip
PARTS = st.sampled_from([" ", ", ", "\n", "-", " - ", ".", "/", "'", ""])
WRITTEN = st.lists(st.tuples(st.sampled_from(WORDS), PARTS), max_size=9).map(lambda found: "".join(map("".join, found)))
COUNTRIES = st.sampled_from(["GB", "IE", "DE", "FR", "ES", "IT", "PL", "US", "JE"])
TEXTS = st.one_of(WRITTEN, st.text(max_size=40))
ADDRESSES = st.builds(Address, TEXTS, TEXTS, st.one_of(st.sampled_from(["LS6 3AB", "ls63a", ""]), TEXTS), COUNTRIES)


@settings(max_examples=250, deadline=None)
@given(ADDRESSES)
def test_a_door_read_again_is_the_same_door(address: Address) -> None:
    try:
        door = read(address)
    except AddressError:
        return
    assert read(door.address()) == door
    assert read(address) == door


PLAIN_WORDS = st.sampled_from(
    ["high", "st", "street", "mill", "rd", "court", "mansions", "house", "north", "upr", "mount", "great", "leeds",
     "york", "kingdom", "the", "garden", "floor", "no", "care", "unit", "hauptstr", "rue", "st.", "john's", "weg", "ab"]
)  # fmt: skip
PLAIN = st.builds(
    lambda unit, number, sep, words, end: f"{unit}{number}{sep}{' '.join(words)}{end}",
    st.sampled_from(["", "", "flat 2, ", "Apt 3b,", "unit a\n", "room 7, "]),
    st.sampled_from(["1", "14", "007"]),
    st.sampled_from([" ", ", ", "\n"]),
    st.lists(PLAIN_WORDS, min_size=1, max_size=4),
    st.sampled_from(["", ".", " "]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(PLAIN, WRITTEN),
    st.sampled_from(["Leeds", "York", "", "North", "High Street"]),
    st.sampled_from(["LS6 3AB", "ls63ab", "LS6 3", "75001", "L S6", ""]),
    COUNTRIES,
)
def test_what_is_read_plainly_is_the_door_of_all_rules_and_stays_it(
    text: str, city: str, postcode: str, country: str
) -> None:
    address = Address(text, city, postcode, country)
    if (door := plainly(address)) is not None:
        assert by_all_rules(address) == door == by_all_rules(door.address())


@settings(max_examples=80, deadline=None)
@given(ADDRESSES)
def test_case_blanks_and_full_stops_do_not_count(address: Address) -> None:
    text, city, postcode = (part.upper().lower() for part in address[:3])  # some letters change on the way
    plain = Address(text, city, postcode, address.country)
    other = plain._replace(text=text.replace(" ", "  "), city=city.upper())
    try:
        assert read(other) == read(plain)
    except AddressError:
        with pytest.raises(AddressError):
            read(plain)


DOORS = st.builds(
    Door,
    country=st.just("GB"),
    postcode=st.sampled_from(["LS6 3AB", "LS6 3AD", "LS6 3", ""]),
    city=st.sampled_from(["leeds", "york"]),
    street=st.sampled_from(["high street", "mill road"]),
    house=st.sampled_from(["1", "2", "3", "4", "4a", "12", "rose cottage"]),
    unit=st.sampled_from(["", "1", "2"]),
)
POINTS = st.one_of(
    st.none(), st.tuples(st.sampled_from([53.8, 53.8001, 53.8005, 53.81]), st.sampled_from([-1.55, -1.5495]))
)
BOUNDS = st.tuples(st.integers(1, 6), st.integers(1, 9))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    drops = draw(st.lists(st.tuples(DOORS, st.integers(1, 5), POINTS), max_size=14))
    levels: list[Level] = []
    for level in draw(st.sampled_from([LEVELS, LEVELS[:1], LEVELS[1:], LEVELS[2:]])):
        orders, parcels = draw(BOUNDS)
        levels.append(replace(level, max_orders=orders, max_parcels=parcels))
    named = tuple(Drop(f"o{n}", *drop) for n, drop in enumerate(drops))
    return Problem(named, tuple(levels), Handling(metres_per_number=draw(st.sampled_from([0.0, 4.0, 30.0]))))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_no_order_is_lost_groups_nest_and_keep_their_bounds(problem: Problem) -> None:
    found = plan(problem)
    assert verify(problem, found) == []
    for groups in found.groups:
        assert sorted(order for group in groups for order in group.orders) == sorted(d.order_id for d in problem.drops)
    for finer, coarser in pairwise(found.groups):
        whole = [set(group.orders) for group in coarser]
        assert all(sum(set(group.orders) <= one for one in whole) == 1 for group in finer)
    assert len(found.groups) == len(problem.levels)
    assert plan(replace(problem, drops=problem.drops[::-1])) == found  # in whatever order they come


@settings(max_examples=80, deadline=None)
@given(problems())
def test_doors_told_by_their_ids_are_joined_as_the_doors_themselves_within_a_postcode(problem: Problem) -> None:
    told = [drop for drop in problem.drops if drop.door.house.isdigit() and drop.door.postcode == "LS6 3AB"]
    plain = Problem(tuple(drop._replace(point=None, parcels=1) for drop in told))
    hidden = tuple(drop._replace(door=door_of(stop_id(drop.door, b"key"))) for drop in plain.drops)
    assert _joined(plan(replace(plain, drops=hidden))) == _joined(plan(plain))


def _joined(found: Plan) -> list[set[frozenset[str]]]:
    return [{frozenset(group.orders) for group in groups} for groups in found.groups]


@settings(max_examples=80, deadline=None)
@given(problems())
def test_no_other_cut_along_a_street_has_fewer_stops(problem: Problem) -> None:
    """Brute force over all cuts of each row of deliveries, on one level."""
    one = replace(problem, levels=problem.levels[-1:])
    found = plan(one)
    rows: dict[tuple[str, ...], list[str]] = {}
    walked = [order for group in found.stops for order in group.orders]
    drops = {drop.order_id: drop for drop in one.drops}
    for order in walked:
        door = drops[order].door
        key = tuple(str(getattr(door, f)) if f != "side" else _side(door) for f in one.levels[0].same)
        rows.setdefault(key, []).append(order)
    assert len(found.stops) == sum(_fewest([drops[order] for order in row], one) for row in rows.values())


def _side(door: Door) -> str:
    return "" if door.number is None else str(door.number % 2)


def _fewest(row: list[Drop], problem: Problem) -> int:
    """By dynamic programming: a stretch is one stop if the checker has nothing against it (the walk is not told)."""

    @cache
    def sound(first: int, last: int) -> bool:
        stretch = replace(problem, drops=tuple(row[first:last]))
        complaints = verify(stretch, Plan(((_together(stretch),),), ()))
        return all(", not 0" in complaint for complaint in complaints)

    @cache
    def fewest(last: int) -> int:
        return min((fewest(first) + 1 for first in range(last) if sound(first, last)), default=0)

    return fewest(len(row))


def _together(problem: Problem) -> Group:
    drops, (level,), handling = problem.drops, problem.levels, problem.handling
    parcels = sum(drop.parcels for drop in drops)
    return Group(
        orders=tuple(drop.order_id for drop in drops),
        at=drops[0].order_id,
        doors=len({drop.door.key for drop in drops}),
        parcels=parcels,
        service_s=handling.stop_s + parcels * handling.parcel_s + level.further_s * (len(drops) - 1),
        walk_m=0,
    )


@given(st.tuples(st.floats(), st.floats()))
def test_absurd_coordinates_are_an_error_that_names_the_field(point: tuple[float, float]) -> None:
    door = Door("FR", "75001", "paris", "rue de rivoli", "1", "")
    problem = Problem((Drop("a", door, 1, point),))
    latitude, longitude = point
    sound = -90 <= latitude <= 90 and -180 <= longitude <= 180 and (latitude, longitude) != (0, 0)
    if sound:
        assert verify(problem, plan(problem)) == []
    else:
        with pytest.raises(ProblemError, match=r"^deliveries\[0\]\.point\.(latitude|longitude) "):
            plan(problem)


def test_nobody_strange_or_small_stands_alone() -> None:
    door = Door("GB", "LS6 3AB", "leeds", "high street", "1", "")
    problem = Problem((Drop("small", door, 1), Drop("large", door, 61)))
    found = plan(problem)
    assert verify(problem, found) == []
    for order in ("nobody", "small", "large"):
        more = replace(found, alone=(*found.alone, (order, "because")))
        assert any(what.startswith(f"{order} is told") for what in verify(problem, more))
