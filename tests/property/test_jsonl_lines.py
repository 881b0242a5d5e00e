"""Any line of a file becomes a record or a problem, never an exception."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orderwing.shop.feed import TimedRecord
from orderwing.shop.jsonl import Problem, checked, unchecked
from orderwing_schemas.topics import TOPIC_BY_NAME

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
