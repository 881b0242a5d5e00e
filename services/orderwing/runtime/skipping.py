"""Reading topics of ours to which others may have written as well."""

from __future__ import annotations

import logging
from datetime import datetime

from orderwing.kernel.ports import Record
from orderwing_schemas.base import Event
from orderwing_schemas.codec import UndecodableError, decode, header_map

# The standard library's: a command, which keeps no log, says it on standard error.
_log = logging.getLogger("orderwing.topics")


def event_in(record: Record) -> Event | None:
    """None, with a warning, where it is no event: a stranger's record stops nobody who can do without it."""
    try:
        return decode(record.value, header_map(record.headers).get("ce_type"))
    except UndecodableError as error:
        place = f"{record.topic}/{record.partition}@{record.offset}"
        _log.warning(
            "%s is no event of ours (%s) and is skipped: find out who writes to this topic", place, error.reason
        )
        return None


def epoch_ms(ce_time: str | None) -> int:
    """Milliseconds of a CloudEvents time (RFC 3339); 0 where it names none that Python knows."""
    if not ce_time:
        return 0
    try:
        return round(datetime.fromisoformat(ce_time.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
