"""Events to and from Kafka: plain JSON values, CloudEvents 1.0 attributes in headers (Kafka binary mode)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError

from orderwing_schemas.base import Event
from orderwing_schemas.topics import EVENT_BY_TYPE

Headers = list[tuple[str, bytes]]
E = TypeVar("E", bound=Event)


class UndecodableError(ValueError):
    """A value that is no event. `reason` is a short code, `detail` names fields, never their values."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def encode(event: Event) -> bytes:
    return type(event).__pydantic_serializer__.to_json(event)


def decode(value: bytes | None, event_type: str | None, *, lenient: bool = False) -> Event:
    """The event in `value`, whose class `event_type` (the `ce_type` header) names.

    `lenient` ignores fields that strangers add. Raises UndecodableError.
    """
    if value is None:
        raise _empty()
    cls = EVENT_BY_TYPE.get(event_type or "")
    if cls is None:
        raise UndecodableError("unknown_type", f"ce_type is {'missing' if event_type is None else 'not known'}")
    if not lenient:
        return decode_as(cls, value)
    try:
        return cls.model_validate_json(value, extra="ignore")
    except ValidationError as error:
        raise UndecodableError(*_explain(error)) from None


def decode_as(cls: type[E], value: bytes | None) -> E:
    """Of a class that is known. Raises UndecodableError."""
    if value is None:
        raise _empty()
    try:
        event: E = cls.__pydantic_validator__.validate_json(value)
    except ValidationError as error:
        raise UndecodableError(*_explain(error)) from None
    return event


def _empty() -> UndecodableError:
    return UndecodableError("empty", "the record has no value")


def _explain(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False, include_context=False, include_input=False)
    if first[0]["type"] == "json_invalid":
        return "not_json", "the value is not JSON"
    told = [f"{'.'.join(str(part) for part in e['loc']) or '(whole)'}: {e['type']}" for e in first[:10]]
    return "contract", "; ".join(told)


def type_of(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """The `ce_type`; the last of several wins. In records of ours it is the last header."""
    for name, value in reversed(headers):
        if name == "ce_type" and value is not None:
            return value
    return None


def header_map(headers: Iterable[tuple[str, bytes | None]] | None) -> Mapping[str, str]:
    """Headers as text; the last of a repeated name wins, undecodable bytes are replaced."""
    pairs = tuple(headers or ())
    try:
        return {name: value.decode() if value else "" for name, value in pairs}
    except UnicodeDecodeError:
        return {name: (value or b"").decode("utf-8", "replace") for name, value in pairs}
