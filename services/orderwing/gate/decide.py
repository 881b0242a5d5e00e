"""Every record of a stranger becomes exactly one event: what it says, re-keyed, or a rejection. Keeps nothing."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from orderwing.kernel.decision import Decision, Emit
from orderwing.kernel.stage import RawRecord
from orderwing.kernel.view import View
from orderwing_schemas import topics
from orderwing_schemas.base import ID_PATTERN, Event
from orderwing_schemas.codec import UndecodableError, decode, header_map
from orderwing_schemas.events import public
from orderwing_schemas.events.gate import InputRejected, StockMovementAccepted
from orderwing_schemas.network import Network

_ID = re.compile(ID_PATTERN)
_CUSTOMER_KEY = re.compile(f"(guest:)?{ID_PATTERN.strip('^$')}")


def decide(view: View, record: RawRecord, _now_ms: int) -> Decision:
    """One emit for every record, whatever its bytes."""
    try:
        return Decision(emits=(_route(_read(record), view.reference.network),))
    except UndecodableError as refusal:
        return Decision(emits=(_rejection(record, refusal),))


def _read(record: RawRecord) -> Event:
    event_type = header_map(record.headers).get("ce_type") or _own(record.value, "type")
    event = decode(record.value, event_type, lenient=True)
    if type(event) not in topics.TOPIC_BY_NAME[record.topic].events:
        raise UndecodableError("wrong_topic", "this topic does not take events of this type")
    return event


def _route(event: Event, network: Network) -> Emit:
    match event:
        case public.OrderPlaced():
            return Emit(topics.ORDERS_PLACED, event)
        case public.WarehouseAnswered():
            _region(event.site_id, network)
            return Emit(topics.WAREHOUSE_ANSWERS, event)
        case public.ReviewVerdict():
            if not _CUSTOMER_KEY.fullmatch(event.customer_key):
                raise UndecodableError("contract", "customer_key: pattern")
            return Emit(topics.REVIEW_VERDICTS, event)
        case public.StockReceived() | public.StockAdjusted() | public.StockCounted() | public.StockExpected():
            if isinstance(event, public.StockCounted) and event.includes_sequence >= event.sequence:
                raise UndecodableError("contract", "includes_sequence: a count includes only movements before its own")
            region = _region(event.site_id, network)
            return Emit(topics.STOCK_MOVEMENTS, StockMovementAccepted(region=region, movement=event))
        case _:
            raise TypeError(f"gate has no road for {type(event).__name__}")


def _region(site_id: str, network: Network) -> str:
    site = network.site_by_id.get(site_id)
    if site is None:
        raise UndecodableError("unknown_site", "site_id: not in the network")
    return site.region_id


def _rejection(record: RawRecord, refusal: UndecodableError) -> Emit:
    order_id = _own(record.value, "order_id")
    if order_id is not None and not _ID.fullmatch(order_id):
        order_id = None
    rejected = InputRejected(
        source_key=order_id or f"{record.topic}/{record.partition}/{record.offset}",
        order_id=order_id,
        source_topic=record.topic,
        source_partition=record.partition,
        source_offset=record.offset,
        reason=refusal.reason,
        detail=refusal.detail,
    )
    return Emit(topics.INPUTS_REJECTED, rejected)


def _own(value: bytes | None, name: str) -> str | None:
    """The text in a field of a JSON object that may be anything."""
    try:
        told: Any = from_json(value or b"null", cache_strings="none")
    except ValueError:
        return None
    text = told.get(name) if isinstance(told, dict) else None
    return text if isinstance(text, str) else None
