"""`--without`, `--with-stock` and `--at`, as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from orderwing.planning.explaining.asking import AskedError, Stocked, WhatIf

_STOCK = re.compile(r"([^=\s]+)=([^=:\s]+):(\d{1,9})")


def what_if(without: Iterable[str], stock: Iterable[str], at: str | None) -> WhatIf:
    """Raises AskedError for what is not written as it should be."""
    return WhatIf(tuple(dict.fromkeys(without)), tuple([_stocked(one) for one in stock]), _moment(at))


def _stocked(text: str) -> Stocked:
    found = _STOCK.fullmatch(text)
    if found is None:
        raise AskedError(f"--with-stock {text} is not SKU=SITE:UNITS, such as SKU-7=LON-1:5.")
    return Stocked(found[1], found[2], int(found[3]))


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AskedError(f"--at {text} is no time: write it as 2026-05-06T09:30, in UTC unless it says.") from None
    at_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    if at_ms < 0:
        raise AskedError(f"--at {text} is before 1970.")
    return at_ms
