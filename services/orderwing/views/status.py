"""Where an order stands, from its facts in whatever order they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from orderwing.views.facts import Fact

ENDED = ("rejected", "refused", "blocked", "declined", "delivered")
STATES = (
    "unknown", "accepted", "authorised", "in_review", "cleared", "held", "lapsed", "released_stock", "reserved",
    "backordered", "short", "allocated", "frozen", "released", "picked", "packed", "shipped", "in_transit", *ENDED,
)  # fmt: skip
_STEPS = ("released", "picked", "packed", "shipped", "in_transit", "delivered")


def order_state(facts: Iterable[Fact]) -> str:
    """One of STATES. Ended once all units are delivered or declined; else that of the shipment or part least far.

    `backordered` is told when only waiting units are left, `short` when the rest is declined and nothing is planned.
    """
    by_what: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_what[fact.what.partition(":")[0]].append(fact)
    accepted = by_what["accepted"]
    if not accepted and by_what["rejected"]:
        return "rejected"
    if by_what["refused"]:
        return "refused"
    verdict = _verdict(by_what["fraud"])
    if verdict == "blocked":
        return "blocked"
    reserved = max(by_what["reservation"], key=lambda fact: fact.offset, default=None)
    waiting, declined = reserved.rest if reserved is not None else (0, 0)
    delivered = sum(fact.units for fact in by_what["delivered"])
    if accepted and delivered + declined >= accepted[0].units:
        return "delivered" if delivered else "declined"
    if accepted and waiting and delivered + declined + waiting >= accepted[0].units:
        return "backordered"
    return _under_way(by_what) or _before_planning(by_what, verdict, reserved)


def part_states(facts: Iterable[Fact]) -> dict[str, str]:
    """Of each part: allocated, frozen, or that of its shipment least far."""
    by_what: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_what[fact.what.partition(":")[0]].append(fact)
    states = {fact.ref: "allocated" for fact in by_what["planned"]}
    states |= {fact.ref: "frozen" for fact in by_what["frozen"]}
    least: dict[str, int] = {}
    for shipment, step in shipment_steps(by_what).items():
        part = shipment.rpartition("#")[0]
        least[part] = min(least.get(part, step), step)
    return states | {part: _STEPS[step] for part, step in least.items()}


def shipment_steps(by_what: dict[str, list[Fact]]) -> dict[str, int]:
    """The step of every shipment that goes on: `part#shipment` -> place in released ... delivered.

    One of which nothing was found goes nowhere.
    """
    steps: dict[str, int] = {}
    left: dict[str, int] = {}
    for place, what in enumerate(_STEPS):
        for fact in by_what[what]:
            steps[fact.ref] = max(steps.get(fact.ref, 0), place)
            if place == 0:
                left[fact.ref] = fact.units
    for fact in by_what["short_picked"]:
        if left.get(fact.ref) == fact.units:
            steps.pop(fact.ref, None)
    for fact in by_what["arrived"]:  # its goods go on in another shipment
        steps.pop(fact.ref, None)
    return steps


def _verdict(facts: Iterable[Fact]) -> str | None:
    """A verdict stands against the review that was open before it."""
    latest = max(facts, key=lambda fact: fact.offset, default=None)
    return None if latest is None else latest.note


def _under_way(by_what: dict[str, list[Fact]]) -> str | None:
    """The part or shipment least far; None if nothing is planned that is not delivered."""
    planned: dict[str, Fact] = {}
    for fact in sorted(by_what["planned"], key=lambda fact: fact.offset):
        planned[fact.ref] = fact
    frozen = {fact.ref for fact in by_what["frozen"]}
    if planned.keys() - frozen:
        return "allocated"
    released: dict[str, int] = defaultdict(int)
    for fact in by_what["released"]:
        released[fact.ref.rpartition("#")[0]] += fact.units
    if any(released[part] < (planned[part].units if part in planned else 1) for part in frozen):
        return "frozen"
    open_steps = [step for step in shipment_steps(by_what).values() if step < len(_STEPS) - 1]
    return _STEPS[min(open_steps)] if open_steps else None


def _before_planning(by_what: dict[str, list[Fact]], verdict: str | None, reserved: Fact | None) -> str:
    if verdict == "in_review":
        return "in_review"
    if reserved is not None and reserved.note != "held":
        return "released_stock" if reserved.note == "released" else reserved.note
    if verdict == "cleared":
        return "cleared"
    if any(fact.what.startswith("payment:authorise") for fact in by_what["payment"]):
        return "authorised"
    if reserved is not None:
        return reserved.note
    return "accepted" if by_what["accepted"] else "unknown"
