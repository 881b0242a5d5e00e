"""Anybody's own records from a JSON Lines file: a line is an order, or an envelope that names another inbound topic.

An envelope is `{"topic": "stock.inbound", "type": "stock.received.v1", "value": {...}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orderwing.shop.feed import TimedRecord, cloud_event_headers
from orderwing_schemas.codec import UndecodableError, decode
from orderwing_schemas.events.public import OrderPlaced
from orderwing_schemas.topics import ORDERS_INBOUND, TOPIC_BY_NAME

SOURCE = "/orderwing/produce"
_MOST_BYTES = 990_000  # of a client's million, headers and key take some
_MARK = b"\xef\xbb\xbf"  # with which some editors begin a file: no part of its first line


@dataclass(frozen=True)
class Problem:
    """A line that keeps no contract; `text` names fields, never their values."""

    line: int
    text: str


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, bytes) of every line that is not blank. Raises OSError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = (line.removeprefix(_MARK) if number == 1 else line).strip()
            if text:
                yield number, text


def checked(number: int, line: bytes) -> TimedRecord | Problem:
    """The record to send, if gate would take it."""
    topic, event_type, value = _opened(line)
    if topic not in TOPIC_BY_NAME or not TOPIC_BY_NAME[topic].stranger:
        return Problem(number, f"topic: must be one of {', '.join(sorted(_inbound()))}")
    if event_type not in (types := _types(topic)):
        return Problem(number, f"type: must be {' or '.join(types)} on {topic}")
    if len(value) > _MOST_BYTES:
        return Problem(number, f"it has {len(value)} bytes, and a record may have {_MOST_BYTES}")
    try:
        event = decode(value, event_type, lenient=True)
    except UndecodableError as error:
        return Problem(number, f"{error.reason}: {error.detail}")
    return _record(number, topic, event_type, TOPIC_BY_NAME[topic].key_of(event), value)


def unchecked(number: int, line: bytes) -> TimedRecord:
    """The record to send whatever it is: gate answers it."""
    topic, event_type, value = _opened(line)
    if topic not in _inbound():
        topic, event_type, value = ORDERS_INBOUND.name, OrderPlaced.EVENT_TYPE, line
    document = _object(value)
    key = document.get(TOPIC_BY_NAME[topic].key)
    return _record(number, topic, event_type, key if isinstance(key, str) else "", value)


def _opened(line: bytes) -> tuple[str, str, bytes]:
    """(topic, event type, value) of a line; a topic of one type need not be told which."""
    document = _object(line)
    if "topic" not in document or "value" not in document:
        return ORDERS_INBOUND.name, OrderPlaced.EVENT_TYPE, line
    value = document["value"]
    own = value.get("type") if isinstance(value, dict) else None
    topic = str(document["topic"])
    types = _types(topic) if topic in _inbound() else ()
    event_type = document.get("type") or own or (types[0] if len(types) == 1 else "")
    return topic, str(event_type), json.dumps(value).encode()


def _types(topic: str) -> tuple[str, ...]:
    return tuple([event.EVENT_TYPE for event in TOPIC_BY_NAME[topic].events])


def _object(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _inbound() -> set[str]:
    return {name for name, topic in TOPIC_BY_NAME.items() if topic.stranger}


def _record(number: int, topic: str, event_type: str, key: str, value: bytes) -> TimedRecord:
    headers = cloud_event_headers(event_type, f"line-{number}", SOURCE)
    return TimedRecord(0, topic, key.encode("utf-8", "replace"), headers, value)
