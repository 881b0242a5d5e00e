"""Whatever a stranger writes into our topics, the auditor judges the rest and says where it lies."""

from __future__ import annotations

from typing import Any

import pytest

from orderwing.audit.cluster import AUDITED
from orderwing.audit.facts import DOORS, Fact, History, fact_of
from orderwing.audit.follow import TOPICS, Following
from orderwing.audit.foreign import without_foreign
from orderwing.audit.verdict import Verdict, judge
from orderwing_schemas.codec import encode
from orderwing_schemas.examples import EXAMPLE_BY_TYPE, NETWORK, ORDER_ID
from orderwing_schemas.topics import TOPIC_BY_NAME

OURS = [
    (name, event_type)
    for name in AUDITED
    if name not in DOORS
    for event_type in (event.EVENT_TYPE for event in TOPIC_BY_NAME[name].events)
]
GARBAGE = (b"", b"{}", b"[]", b"\xff", b'{"order_id": 7}', b'{"order_id": "A-100317", "order": "none", "shelves": {}}')


def a_fact(topic: str, event_type: str, value: bytes | None, offset: int) -> Fact:
    headers = {"ce_type": event_type, "ce_id": f"{event_type}/{offset}", "ce_source": "/orderwing/anybody"}
    return fact_of(topic, 0, offset, 1_000, headers, value)


def sound() -> list[Fact]:
    """One of each event: contradictory as a history, but every body is what its contract says."""
    return [a_fact(topic, name, encode(EXAMPLE_BY_TYPE[name]), n) for n, (topic, name) in enumerate(OURS)]


def verdict_on(facts: list[Fact]) -> Verdict:
    return judge(facts, NETWORK, (), (), (), settled_before_wall_ms=10**15)


def test_every_event_of_ours_is_known_as_ours() -> None:
    assert without_foreign(History(sound()))[1] == ()


@pytest.mark.parametrize(("topic", "event_type"), OURS)
def test_what_breaks_its_contract_is_found_and_counts_for_nothing(topic: str, event_type: str) -> None:
    garbage = [a_fact(topic, event_type, value, 1_000 + n) for n, value in enumerate(GARBAGE)]
    rest, foreign = without_foreign(History([*garbage, *sound()]))
    assert {violation.subject for violation in foreign} == {fact.place for fact in garbage}
    assert sorted(fact.place for facts in rest.by_topic.values() for fact in facts) == sorted(
        fact.place for fact in sound()
    )


def test_a_log_full_of_garbage_is_judged_like_the_rest_of_it() -> None:
    garbage = [
        a_fact(topic, event_type, value, 1_000 + place * len(GARBAGE) + n)
        for place, (topic, event_type) in enumerate(OURS)
        for n, value in enumerate(GARBAGE)
    ]
    clean, verdict = verdict_on(sound()), verdict_on([*garbage, *sound()])
    assert verdict.count("foreign") == len(garbage)
    assert {str(v) for v in verdict.violations if v.kind != "foreign"} == {str(v) for v in clean.violations}


def test_a_defect_of_the_auditor_is_not_taken_for_a_strangers_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("orderwing.audit.verdict.trace_orders", broken)
    with pytest.raises(KeyError, match="ours"):
        verdict_on(sound())


def test_a_run_is_followed_past_garbage() -> None:
    types = [(topic, event_type) for topic, event_type in OURS if topic in TOPICS]
    accepted = a_fact("orders.accepted", "order.accepted.v1", encode(EXAMPLE_BY_TYPE["order.accepted.v1"]), 0)
    early = a_fact("parts.planned", "part.frozen.v1", b'{"order_id": 1}', 1)
    garbage = [a_fact(topic, event_type, value, n) for topic, event_type in types for n, value in enumerate(GARBAGE, 2)]
    following = Following()
    following.take([early, *garbage, accepted, *garbage])
    assert list(following.traces) == [ORDER_ID]
    assert following.answered == 1 + 2 * sum(fact.type in UNREAD for fact in garbage)
    assert not following._early


UNREAD = ("order.rejected.v1", "order.duplicated.v1", "order.conflicted.v1")  # counted whatever they hold
