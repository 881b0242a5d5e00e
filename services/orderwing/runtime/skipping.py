"""Reading topics of ours to which others may have written as well."""

from __future__ import annotations

import logging

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
