"""Nothing lost, nothing doubled: every input has its one answer, every output exists once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from orderwing.audit.facts import DOORS, Fact, History, Violation


def check_exactly_once(history: History) -> Iterator[Violation]:
    yield from _doubled_outputs(history)
    answers = _answers(history)
    for door in DOORS:
        yield from _one_answer(history, door, answers["gate"], set())
    yield from _one_answer(history, "orders.placed", answers["intake"], _dead_orders(history, "intake"))
    yield from _accepted_once(history)
    yield from _accepted_as_placed(history)
    yield from _released_all(history)


def _doubled_outputs(history: History) -> Iterator[Violation]:
    """A repeated decision repeats its ids, so an id seen twice was committed twice."""
    seen: set[tuple[str, str]] = set()
    for facts in history.by_topic.values():
        for fact in facts:
            if not fact.cause:
                continue
            if (fact.source, fact.id) in seen:
                yield Violation("duplicated", fact.place, f"{fact.type} {fact.id} was committed before")
            seen.add((fact.source, fact.id))


def _answers(history: History) -> dict[str, dict[str, set[str]]]:
    """stage -> cause -> decisions that answered it."""
    answers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for stage in ("gate", "intake"):
        for fact in history.made_by(stage):
            answers[stage][_origin(fact)].add(fact.decision)
    return answers


def _origin(fact: Fact) -> str:
    if fact.type == "record.dead_lettered.v1":
        return f"{fact.body.get('topic')}/{fact.body.get('partition')}/{fact.body.get('offset')}"
    return fact.cause


def _dead_orders(history: History, stage: str) -> set[str]:
    """Orders of which a record lies dead: what came later is parked behind it, not lost."""
    return {str(fact.body.get("order_id")) for fact in history.by_topic.get(f"{stage}.dead-letters", ())}


def _one_answer(history: History, topic: str, answered: dict[str, set[str]], excused: set[str]) -> Iterator[Violation]:
    for fact in history.by_topic.get(topic, ()):
        decisions = answered.get(fact.place, set())
        if not decisions and str(fact.body.get("order_id")) not in excused:
            yield Violation("lost", fact.place, "no output, rejection or dead letter names it as its cause")
        if len(decisions) > 1:
            yield Violation("duplicated", fact.place, f"decided {len(decisions)} times")


def _accepted_once(history: History) -> Iterator[Violation]:
    accepted = Counter(value["order"]["order_id"] for value in history.of("order.accepted.v1"))
    for order_id, times in accepted.items():
        if times > 1:
            yield Violation("duplicated", order_id, f"accepted {times} times")


def _accepted_as_placed(history: History) -> Iterator[Violation]:
    """Units and money of every line are what the shop asked for; the rest of the audit starts from them."""
    placed = {fact.place: fact.body for fact in history.by_topic.get("orders.placed", ())}
    for fact in history.by_type.get("order.accepted.v1", ()):
        order = fact.body["order"]
        if (asked := placed.get(fact.cause)) is None:
            yield Violation("duplicated", order["order_id"], "accepted, but never placed")
            continue
        lines = {(line["line_id"], line["sku"], line["quantity"], line["amount_minor"]) for line in order["lines"]}
        if asked["order_id"] != order["order_id"] or lines != set(map(_asked_line, asked["lines"])):
            yield Violation("lost", order["order_id"], "accepted with other lines than it was placed with")


def _asked_line(line: Mapping[str, Any]) -> tuple[str, str, int, int]:
    amount_minor = line["quantity"] * line["unit_price_minor"] - line["discount_minor"] + line["tax_minor"]
    return line["line_id"], line["sku"], line["quantity"], amount_minor


def _released_all(history: History) -> Iterator[Violation]:
    """What allocation froze is what the warehouses were told, as often."""
    told = list(history.of("shipment.ordered.v1"))
    ordered = {one["shipment_id"] for value in told for one in (value["shipment"], *value.get("transfers", ()))}
    released = {value["shipment_id"] for value in history.of("shipment.released.v1")}
    for shipment_id in ordered - released:
        yield Violation("lost", shipment_id, "ordered from a warehouse that was never told")
