"""One line of an address: its number, and the words of its street or building."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from orderwing.planning.addresses.dialects import BUILDINGS, DIRECTIONS, STREETS, Dialect, dialect

_NUMBER = re.compile(r"[0-9]+[a-z]?(?:[-/][0-9]+[a-z]?)*")
_ORDINAL = re.compile(r"[0-9]+(?:st|nd|rd|th)")
_FOREIGN = re.compile(
    r"(?:rue|avenue|boulevard|chemin|impasse|place|route|allee|quai|calle|avenida|paseo|plaza|carretera|via|viale"
    r"|piazza|corso|ulica|ul|rua|praca)"
)
_FOREIGN_ENDS = re.compile(r".*(?:strasse|weg|platz|gasse|allee|straat|laan|plein|gatan|vagen|gata|katu|vej|gade)")

PARTING = frozenset({"apartments", "court", "house", "hse", "lodge", "mansions", "tower"})
NUMBERED = frozenset({"no", "nr", "number"})
STREET_ENDS = STREETS | dialect("GB").last.keys()


class Piece(NamedTuple):
    """`extra` are numbers before the house's: flats."""

    number: str
    words: tuple[str, ...]
    extra: tuple[str, ...]
    is_street: bool


def piece(line: tuple[str, ...], country: str) -> Piece:
    tokens = _with_letters(line)
    if len(tokens) > 1 and tokens[0] in NUMBERED and is_number(tokens[1]):
        tokens = tokens[1:]
    count = 0
    while count < len(tokens) and is_number(tokens[count]):
        count += 1
    numbers, words, speech = tokens[:count], tokens[count:], dialect(country)
    if not numbers and len(words) > 1 and is_number(words[-1]):
        before = words[:-1]
        if speech.number_last or _is_street(written_out(before, speech)):
            numbers, words = words[-1:], before
            if words[-1] in NUMBERED and len(words) > 1:
                words = words[:-1]
    words = written_out(words, speech)
    return Piece(numbers[-1] if numbers else "", words, numbers[:-1], _is_street(words))


def parted(line: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """`3 victoria house mill road` are two lines, and so is `j smith 3 mill road`."""
    if not line[0][0].isdigit() and line[-1] in STREET_ENDS:
        for n, token in enumerate(line[:-1]):
            if n and is_number(token) and line[n - 1] not in NUMBERED:
                yield line[:n]
                yield line[n:]
                return
    for n, token in enumerate(line[:-1]):
        after = line[n + 1 :]
        if n > 1 and token in PARTING and (after[0][0].isdigit() or (after[1:] and after[-1] in STREET_ENDS)):
            yield line[: n + 1]
            yield line[n + 1 :]
            return
    yield line


def is_number(token: str) -> bool:
    return _NUMBER.fullmatch(token) is not None


def is_building(words: tuple[str, ...]) -> bool:
    return bool(words) and (words[-1] in BUILDINGS or words[0] == "block")


def street_name(words: tuple[str, ...]) -> str:
    return " ".join(words)


def _is_street(words: tuple[str, ...]) -> bool:
    if not words:
        return False
    last = words[-2] if len(words) > 2 and words[-1] in DIRECTIONS else words[-1]
    return last in STREETS or bool(_FOREIGN.fullmatch(words[0]) or _FOREIGN_ENDS.fullmatch(last))


def _with_letters(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """`14 a high street` -> `14a high street`; of ranges too."""
    found: list[str] = []
    for n, token in enumerate(tokens):
        single = len(token) == 1 and token.isalpha() and token.isascii()
        if single and found and found[-1].isdigit() and (n == 1 or n + 1 == len(tokens)):
            found[-1] += token
        else:
            found.append(token)
    return tuple(found)


_BEFORE_A_SAINT = frozenset({"great", "little", "old", "upper", "lower"})


def written_out(words: tuple[str, ...], speech: Dialect) -> tuple[str, ...]:
    found = []
    end = len(words) - 1
    if end > 1 and words[end] in DIRECTIONS:
        end -= 1  # in "high st north" the street's kind stands before
    for n, word in enumerate(words):
        if (
            word in speech.first
            and (n == 0 or speech.anywhere.get(words[n - 1], words[n - 1]) in _BEFORE_A_SAINT)
            and n < end
        ):
            found.append(speech.first[word])
        elif n == end and n > 0 and word in speech.last:
            found.append(speech.last[word])
        else:
            found.append(_ending(speech.anywhere.get(word, word), speech))
    return tuple(found)


def _ending(word: str, speech: Dialect) -> str:
    for short, long in speech.endings.items():
        if word.endswith(short) and len(word) > len(short):
            return word[: -len(short)] + long
    return word
