"""Any line of a file becomes a record or a problem, never an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orderwing.shop.feed import TimedRecord
from orderwing.shop.jsonl import Problem, checked, read_lines, unchecked
from orderwing_schemas.topics import TOPIC_BY_NAME
from support.orders import order_document

JUNK = st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2) | st.dictionaries(st.text(), st.text())
ENVELOPES = st.fixed_dictionaries(
    {"topic": st.sampled_from(sorted(TOPIC_BY_NAME)) | JUNK, "value": JUNK}, optional={"type": JUNK}
)
LINES = st.binary() | st.one_of(JUNK, ENVELOPES).map(lambda document: json.dumps(document).encode())


@given(line=LINES)
def test_any_line(line: bytes) -> None:
    assert isinstance(checked(1, line), TimedRecord | Problem)
    record = unchecked(1, line)
    assert TOPIC_BY_NAME[record.topic].stranger


@given(document=st.dictionaries(st.text(), JUNK))
def test_an_order_that_breaks_the_contract_is_sent_raw_byte_for_byte(document: dict[str, Any]) -> None:
    line = json.dumps(document).encode()
    if "topic" not in document:
        assert unchecked(1, line).value == line
    assert isinstance(checked(1, line), Problem)


def test_an_envelope_names_its_type_where_its_topic_takes_several() -> None:
    order = order_document()
    for envelope in ({"type": "order.placed.v1"}, {}):
        line = json.dumps({"topic": "orders.inbound", **envelope, "value": order}).encode()
        for made in (checked(1, line), unchecked(1, line)):
            assert isinstance(made, TimedRecord)
            assert ("ce_type", b"order.placed.v1") in made.headers
    for told in ({}, {"type": "order.placed.v1"}, {"type": 7}):
        problem = checked(3, json.dumps({"topic": "stock.inbound", **told, "value": {"site_id": "N1"}}).encode())
        assert isinstance(problem, Problem)
        assert problem.text.startswith("type: must be stock.received.v1 or stock.adjusted.v1 or ")


def test_a_mark_that_an_editor_puts_before_a_file_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(order_document()) + "\r\n\r\n{}\n", "utf-8-sig")
    (number, first), (third, _) = read_lines(file)
    assert isinstance(checked(number, first), TimedRecord)
    assert third == 3


def test_what_no_client_would_send_is_told_before_anything_is_sent() -> None:
    problem = checked(7, json.dumps(order_document(gift="x" * 1_000_000)).encode())
    assert isinstance(problem, Problem)
    assert problem.text.startswith("it has 1000")
