"""An order's state from its facts: every state, in any order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest

from orderwing.views.facts import Fact, decode_fact, encode_fact
from orderwing.views.status import order_state, part_states

ACCEPTED = Fact("intake", "accepted", 0, 0, 0, units=3)
AUTHORISED = Fact("payment_hold", "payment:authorise:k", 0, 0, 0, note="authorise")
HELD = Fact("reservation", "reservation:1", 1, 0, 0, units=3, note="held")
RESERVED = Fact("reservation", "reservation:2", 2, 0, 0, units=3, note="reserved")
REVIEW = Fact("fraud", "fraud:1", 1, 0, 0, note="in_review")
CLEARED = Fact("fraud", "fraud:2", 2, 0, 0, note="cleared")
BLOCKED = Fact("fraud", "fraud:2", 2, 0, 0, note="blocked")
REJECTED = Fact("intake", "rejected", 0, 0, 0, note="unknown_sku")
REFUSED = Fact("payment_hold", "refused", 0, 0, 0)


def reservation(waiting: int, declined: int, note: str, offset: int = 9) -> Fact:
    return Fact("reservation", f"reservation:{offset}", offset, 0, 0, rest=(waiting, declined), note=note)


def planned(part: str = "p", units: int = 3, version: int = 1) -> Fact:
    return Fact("allocation", f"planned:{part}:{version}", version, 0, 0, ref=part, units=units, rest=(version, 5))


def frozen(part: str = "p") -> Fact:
    return Fact("allocation", f"frozen:{part}", 5, 0, 0, ref=part, rest=(1, 0))


def told(status: str, units: int = 3, shipment: str = "s", part: str = "p") -> Fact:
    return Fact("dispatch", f"{status}:{shipment}", 6, 0, 0, ref=f"{part}#{shipment}", units=units)


PLANNED = (ACCEPTED, AUTHORISED, RESERVED, CLEARED, planned())
CASES = [
    ("unknown", ()),
    ("unknown", (Fact("gate", "dead_letter:x", 0, 0, 0),)),
    ("rejected", (REJECTED,)),
    ("accepted", (ACCEPTED,)),
    ("accepted", (ACCEPTED, REJECTED)),  # its namesake was broken; the order stands
    ("held", (ACCEPTED, HELD)),
    ("authorised", (ACCEPTED, HELD, AUTHORISED)),
    ("refused", (ACCEPTED, HELD, REFUSED)),
    ("in_review", (ACCEPTED, AUTHORISED, HELD, REVIEW)),
    ("cleared", (ACCEPTED, AUTHORISED, HELD, REVIEW, CLEARED)),
    ("blocked", (ACCEPTED, AUTHORISED, HELD, REVIEW, BLOCKED)),
    ("reserved", (ACCEPTED, AUTHORISED, HELD, RESERVED, CLEARED)),
    ("lapsed", (ACCEPTED, reservation(0, 0, "lapsed"))),
    ("backordered", (ACCEPTED, AUTHORISED, CLEARED, reservation(3, 0, "backordered"))),
    ("declined", (ACCEPTED, AUTHORISED, CLEARED, reservation(0, 3, "short"))),
    ("allocated", PLANNED),
    ("frozen", (*PLANNED, frozen())),
    ("frozen", (*PLANNED, frozen(), told("released", 2))),  # a second shipment is still to be released
    ("released", (*PLANNED, frozen(), told("released"))),
    ("picked", (*PLANNED, frozen(), told("released"), told("picked"))),
    ("shipped", (*PLANNED, frozen(), told("released"), told("packed"), told("shipped"))),
    ("in_transit", (*PLANNED, frozen(), told("released"), told("in_transit"))),
    ("delivered", (*PLANNED, frozen(), told("released"), told("delivered"))),
    ("delivered", (*PLANNED, frozen(), told("released"), told("delivered", 2), reservation(0, 1, "short"))),
    ("backordered", (*PLANNED, frozen(), told("released"), told("delivered", 2), reservation(1, 0, "backordered"))),
    # Two parts: the one least far tells.
    ("allocated", (*PLANNED, frozen(), told("released"), told("delivered", 2), planned("q", 1))),
    # Nothing of the shipment was found: it goes nowhere, and a new part makes it good.
    ("allocated", (*PLANNED, frozen(), told("released"), told("short_picked"), planned("q"))),
]


@pytest.mark.parametrize(("state", "facts"), CASES)
def test_state_does_not_depend_on_arrival(state: str, facts: tuple[Fact, ...]) -> None:
    arrivals = permutations(facts) if len(facts) <= 5 else (facts, facts[::-1], facts[3:] + facts[:3])
    assert {order_state(arrival) for arrival in arrivals} == {state}


def test_parts_have_states_of_their_own() -> None:
    facts = (*PLANNED, frozen(), told("released"), told("picked"), planned("q"), planned("r"), frozen("r"))
    assert part_states(facts) == {"p": "picked", "q": "allocated", "r": "frozen"}


def test_a_fact_survives_redis() -> None:
    fact = planned()
    assert decode_fact(encode_fact(fact)) == fact
