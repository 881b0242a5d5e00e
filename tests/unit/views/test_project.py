"""Every event of every topic that the views read changes something; what is no event is told apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from orderwing.kernel.ports import Record
from orderwing.views import log
from orderwing.views.domain import Domain
from orderwing.views.facts import decode_fact
from orderwing.views.log import TOPICS
from orderwing.views.project import _PROJECTIONS, Applied, UnreadableError, domain_ms, project
from orderwing_schemas.codec import encode
from orderwing_schemas.domain import LineQuantity
from orderwing_schemas.events.allocation import ProposalAnswered
from orderwing_schemas.events.dispatch import AnswerIgnored
from orderwing_schemas.events.public import WarehouseStatus
from orderwing_schemas.events.reservation import ReservationOutcome, ReservationRecorded
from support.parts import an_allocated_part


def applied(topic: str, value: bytes, offset: int = 7) -> Applied:
    return Applied(topic, 2, offset, wall_ms=50, at_ms=40, value=value)


def test_every_event_that_is_read_is_projected() -> None:
    assert {event.EVENT_TYPE for topic in TOPICS for event in topic.events} == set(_PROJECTIONS)


def test_a_plan_is_a_fact_a_detail_and_a_part_of_the_pool() -> None:
    part = an_allocated_part("one")
    change = project(applied("parts.planned", encode(part)), "part.allocated.v1")
    assert change.orders == ("one",)
    by_key = {str(command[1]): command for command in change.commands}
    fact = by_key["facts:one"][3]
    assert isinstance(fact, bytes)
    read = decode_fact(fact)
    assert (read.stage, read.what, read.offset, read.units) == ("allocation", f"planned:{part.part_id}:1", 7, 2)
    assert by_key["pool:south"] == ("SADD", "pool:south", part.part_id)
    assert by_key["counts"] == ("HINCRBY", "counts", "allocation|part.allocated.v1", 1)


def test_an_answer_is_kept_with_every_order_it_names() -> None:
    answered = ProposalAnswered(
        region="south", proposal_id="w:1", accepted=False, reason="frozen", part_ids=("a/south/1", "b/south/1")
    )
    change = project(applied("parts.planned", encode(answered)), "proposal.answered.v1")
    assert {command[1] for command in change.commands} >= {"proposals:a", "proposals:b", "refusals"}
    assert change.orders == ()


def test_what_was_told_too_late_is_part_of_the_story_and_repetitions_are_not() -> None:
    late = AnswerIgnored(
        site_id="s1",
        order_id="one",
        shipment_id="one/south/1/1",
        status=WarehouseStatus.SHORT_PICKED,
        reason="too_late",
        missing=(LineQuantity(line_id="1", sku="tea", quantity=2),),
    )
    change = project(applied("warehouse.ignored", encode(late)), "answer.ignored.v1")
    (fact,) = [command[3] for command in change.commands if command[1] == "facts:one"]
    assert isinstance(fact, bytes)
    assert (decode_fact(fact).what, decode_fact(fact).units) == ("told_too_late:one/south/1/1", 2)
    repeated = late.model_copy(update={"reason": "repeated"})
    assert len(project(applied("warehouse.ignored", encode(repeated)), "answer.ignored.v1").commands) == 1


def test_two_words_of_one_stage_do_not_clash() -> None:
    event = ReservationRecorded(order_id="one", version=1, outcome=ReservationOutcome.HELD)
    fields = {
        project(applied("reservations.recorded", encode(event), offset), "reservation.recorded.v1").commands[1][2]
        for offset in (1, 2)
    }
    assert len(fields) == 2


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}"])
def test_what_is_no_event_raises(value: bytes) -> None:
    with pytest.raises(UnreadableError):
        project(applied("parts.planned", value), "part.allocated.v1")


STRANGERS: tuple[tuple[str, Any], ...] = (
    ("proposal.answered.v1", {"accepted": 0, "reason": "r", "region": "n", "proposal_id": "p", "part_ids": [5]}),
    ("proposal.answered.v1", {"accepted": 1, "gain_minor": "much", "region": "n", "proposal_id": "p", "part_ids": []}),
    ("input.rejected.v1", {"reason": None, "order_id": None}),
    ("input.rejected.v1", {"reason": {}, "order_id": None}),
    ("order.refused.v1", {"order_id": "one", "reason": 5}),
    ("order.accepted.v1", {"order": {"order_id": "one", "home_region": "n", "service_level": "STANDARD",
                                     "lines": [{"quantity": 1.5}]}}),
    ("fraud.decided.v1", {"order_id": "one", "rules": [], "outcome": {}}),
    ("stock.moved.v1", {"region": "n", "kind": "counted",
                        "shelves": [{"site_id": "s", "sku": "A", "on_hand": "x", "reserved": 0, "safety": 0}]}),
)  # fmt: skip


@pytest.mark.parametrize(("event_type", "body"), STRANGERS)
def test_what_redis_would_refuse_or_no_reader_understand_raises(event_type: str, body: Any) -> None:
    with pytest.raises(UnreadableError):
        project(applied("parts.planned", msgspec.json.encode(body)), event_type)


def test_what_is_nested_too_deep_raises() -> None:
    value = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(UnreadableError, match="RecursionError"):
        project(applied("parts.planned", value), "order.placed.v1")


@pytest.mark.parametrize("ce_time", [b"\xff", b"tomorrow", b"2016-12-31T23:59:60Z"])
def test_headers_of_strangers_end_nothing(ce_time: bytes) -> None:
    headers: list[tuple[str, str | bytes | None]] = [
        ("ce_time", ce_time), ("theirs", b"\xff"), ("ce_type", b"order.placed.v1"),
    ]  # fmt: skip
    message = Message("orders.placed", 1, 2, value=b"{}", headers=headers, timestamp=(1, 50))
    assert log.applied(message) == (Applied("orders.placed", 1, 2, 50, 50, b"{}"), "order.placed.v1")


def test_reference_data_of_strangers_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    domain, headers = Domain(), (("ce_type", b"network.published.v1"), ("theirs", b"\xff"))
    for value in (b"{}", b"\xff", None):
        domain.apply(Record("reference", 0, 7, None, value, headers, 0))
    assert domain.network is None
    assert "reference/0@7 is no event of ours" in caplog.text


def test_domain_time_is_milliseconds() -> None:
    assert domain_ms("1970-01-01T00:00:01.500+00:00") == 1_500
    assert domain_ms("") == 0
