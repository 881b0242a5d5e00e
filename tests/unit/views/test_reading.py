"""An order's facts and cards are told in one order, whatever order Redis gives them in."""

from __future__ import annotations

import json
from itertools import permutations

from orderwing.views.facts import Fact
from orderwing.views.read import cards_in_time, in_time

FACTS = (
    Fact("warehouse", "delivered:early", 9, 9, 1),
    Fact("dispatch", "picked:a", 7, 4, 2),
    Fact("reservation", "reservation:8", 8, 5, 2),
    Fact("allocation", "planned:p:1", 2, 5, 2),
    Fact("allocation", "planned:q:1", 10, 5, 2),
)
CARDS = (
    ("reservation.cards/3/12", "reservation", 1),
    ("reservation.cards/1/9", "reservation", 2),
    ("reservation.cards/1/10", "reservation", 2),
    ("allocation.cards/0/1", "allocation", 2),
)


def test_facts_of_one_time_follow_the_road_and_the_log() -> None:
    assert all(in_time(facts) == FACTS for facts in permutations(FACTS))


def test_cards_of_one_time_follow_the_road_and_the_log() -> None:
    told = [
        (place, json.dumps({"place": place, "stage": stage, "at_ms": at_ms}).encode()) for place, stage, at_ms in CARDS
    ]
    for cards in permutations(told):
        assert [card["place"] for card in cards_in_time(dict(cards))] == [place for place, _, _ in CARDS]
