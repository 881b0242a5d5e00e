"""What a policy is tried on, from a log with dead letters in it."""

from orderwing.commands.policy_orders import events_of
from orderwing.kernel.ports import Record
from orderwing_schemas.codec import encode
from orderwing_schemas.events.reference import ClockFixed

CLOCK = ClockFixed(wall0_ms=1, start_ms=2, factor=1.0)


def record(offset: int, value: bytes | None, event_type: str) -> Record:
    return Record("orders.accepted", 0, offset, b"k", value, (("ce_type", event_type.encode()),), 10 + offset)


def test_what_is_not_understood_is_left_out() -> None:
    poison = [record(0, b"{}", "nope"), record(1, b"no JSON", ClockFixed.EVENT_TYPE), record(2, None, "")]
    assert events_of([*poison, record(3, encode(CLOCK), ClockFixed.EVENT_TYPE)]) == [(13, CLOCK)]
