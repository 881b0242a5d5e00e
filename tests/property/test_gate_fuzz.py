"""Whatever a stranger sends, gate answers with one emit and no exception."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orderwing.gate.stage import STAGE
from orderwing.kernel.stage import RawRecord
from orderwing_schemas.codec import decode, encode
from orderwing_schemas.topics import EVENT_BY_TYPE
from support.orders import demo_view, order_document

VIEW = demo_view()
TOPICS = st.sampled_from([topic.name for topic in STAGE.inputs])
TYPES = st.one_of(st.sampled_from(sorted(EVENT_BY_TYPE)).map(str.encode), st.none(), st.binary(max_size=30))
HEADERS = st.lists(st.tuples(st.sampled_from(["ce_type", "ce_id", "ce_subject"]), TYPES), max_size=4)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def answered(topic: str, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    record = RawRecord(topic, 0, 0, None, value, tuple(headers))
    (emit,) = STAGE.decide(VIEW, record, 0).emits
    assert emit.topic.key_of(emit.event)
    assert decode(encode(emit.event), emit.event.EVENT_TYPE) == emit.event


@given(topic=TOPICS, value=st.none() | st.binary(), headers=HEADERS)
def test_any_bytes(topic: str, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    answered(topic, value, headers)


@given(topic=TOPICS, value=JUNK, headers=HEADERS)
def test_any_json(topic: str, value: Any, headers: list[tuple[str, bytes | None]]) -> None:
    answered(topic, json.dumps(value).encode(), headers)


@given(data=st.data(), junk=JUNK)
def test_an_order_with_any_field_spoilt(data: st.DataObject, junk: Any) -> None:
    document = order_document()
    part = data.draw(st.sampled_from([document, document["lines"][0], document["personal"]]))
    part[data.draw(st.sampled_from(sorted(part)))] = junk
    answered("orders.inbound", json.dumps(document).encode(), [("ce_type", b"order.placed.v1")])


@given(data=st.data())
def test_an_order_with_any_byte_changed(data: st.DataObject) -> None:
    value = bytearray(json.dumps(order_document()).encode())
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    answered("orders.inbound", bytes(value), [])
