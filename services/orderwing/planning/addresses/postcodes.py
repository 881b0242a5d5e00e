"""Postcodes in one form."""

from __future__ import annotations

import re

from orderwing.planning.addresses.dialects import BRITISH
from orderwing.planning.addresses.text import joined

_FULL = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9OI])([A-Z]{2})")
_SECTOR = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?) ([0-9])")
_IN_TEXT = re.compile(r"\b([A-Za-z]{1,2}[0-9][A-Za-z0-9]?)\s*([0-9][A-Za-z]{2})\s*$")
_DIGITS = str.maketrans("OI", "01")


def postcode(text: str, country: str) -> str:
    """In capitals; empty if it is none of that country."""
    if not text:
        return ""
    compact = text.replace(" ", "").upper()
    if not (compact.isascii() and compact.isalnum()):
        compact = joined(text).upper().replace(" ", "")
    if country not in BRITISH:
        return compact
    if whole := _FULL.fullmatch(compact):
        return f"{whole[1]} {whole[2].translate(_DIGITS)}{whole[3]}"
    plain = joined(text).upper()
    return plain if _SECTOR.fullmatch(plain) else ""


def postcode_taken(text: str) -> tuple[str, str]:
    """`text` without a British postcode at its end, and that postcode or nothing."""
    found = _IN_TEXT.search(text)
    return (text[: found.start()], f"{found[1]} {found[2]}".upper()) if found else (text, "")
