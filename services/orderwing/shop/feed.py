"""What a shop sends: the market it needs, and its records with the time of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from orderwing_schemas.base import Event
from orderwing_schemas.codec import encode
from orderwing_schemas.network import Item, Network
from orderwing_schemas.topics import Topic

Headers = list[tuple[str, bytes]]


class TimedRecord(NamedTuple):
    """A record to produce `offset_ms` of wall time after the stream's start."""

    offset_ms: int
    topic: str
    key: bytes
    headers: Headers
    value: bytes


@dataclass
class Feed:
    """`opening` goes out before everything else, `records` by their offsets; `counts` grows as they are drawn.

    Counted: `orders` that are sound, each kind of fault, `receipts`, and whatever a source adds.
    """

    network: Network
    items: tuple[Item, ...]
    opening: tuple[TimedRecord, ...]
    records: Iterator[TimedRecord]
    counts: Counter[str] = field(default_factory=Counter)


def cloud_event_headers(event_type: str, event_id: str, source: str, subject: str | None = None) -> Headers:
    """CloudEvents 1.0 attributes of the Kafka binary mode."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode("utf-8", "replace")),
        ("content-type", b"application/json"),
    ]
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    return headers


def timed(offset_ms: int, topic: Topic, event: Event, event_id: str, source: str) -> TimedRecord:
    headers = cloud_event_headers(event.EVENT_TYPE, event_id, source, event.subject)
    return TimedRecord(offset_ms, topic.name, topic.key_of(event).encode(), headers, encode(event))


def moment(domain_ms: int) -> datetime:
    return datetime.fromtimestamp(domain_ms / 1000, UTC)
