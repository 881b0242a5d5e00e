"""Text in one form: case, accents, widths, apostrophes and punctuation do not count."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = "'’‘ʼ`´′"
_NO_APOSTROPHES = str.maketrans("", "", _APOSTROPHES)
_SIGNS = str.maketrans({"&": " and ", "#": " flat "})
_BREAK = re.compile(r"[\x00-\x08\x0a-\x1f,;|()]+")
_DASH = re.compile(r"(?<!\d) -+ | -+ (?!\d)")  # between words it parts, between numbers it makes a range
_RANGE = re.compile(r"(\d[a-z]?)\s*([-/])\s*(?=\d)")
# A range or fraction of numbers is one token; all other ASCII punctuation parts tokens.
_TOKEN = re.compile(r"(?<![^\W_])\d+[a-z]?(?:[-/]\d+[a-z]?)+(?![^\W_])|[^\s\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")


def segments(text: str) -> list[tuple[str, ...]]:
    """The tokens between commas, line breaks and brackets; empty ones are left out. Its own output reads the same."""
    plain = folded(text).translate(_SIGNS)
    parts = (part for stretch in _BREAK.split(plain) for part in _DASH.split(" ".join(stretch.split())))
    found = (tuple(_TOKEN.findall(_RANGE.sub(r"\1\2", part))) for part in parts)
    return [tokens for tokens in found if tokens]


@lru_cache(maxsize=4096)
def joined(text: str) -> str:
    """All tokens of the name of a city or of a postcode, parted by single blanks."""
    return " ".join(token for tokens in segments(text) for token in tokens)


def folded(text: str) -> str:
    """Lower case, accents off Latin letters, digits as ASCII, no apostrophes, blanks for foreign punctuation."""
    if text.isascii():
        return text.lower().translate(_NO_APOSTROPHES)
    while (once := _folded_once(text)) != text:  # some letters take two rounds
        text = once
    return text


def _folded_once(text: str) -> str:
    letters: list[str] = []
    latin = False
    for letter in unicodedata.normalize("NFKD", text.casefold()):
        kind = unicodedata.category(letter)
        if kind[0] == "M":
            if not latin:  # elsewhere a mark is a letter of its own
                letters.append(letter)
        elif letter.isascii():
            latin = letter.isalpha()
            if letter not in _APOSTROPHES:
                letters.append(letter)
        elif kind == "Nd":
            letters.append(str(unicodedata.decimal(letter)))
        elif letter in _APOSTROPHES or kind == "Cf":
            continue
        else:
            latin = unicodedata.name(letter, "").startswith("LATIN")
            letters.append("-" if kind == "Pd" else " " if kind[0] in "PSZC" else letter)
    return unicodedata.normalize("NFKC", "".join(letters))
