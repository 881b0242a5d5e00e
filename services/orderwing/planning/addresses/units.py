"""Flats: what leads to one door among several of a house."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orderwing.planning.addresses.dialects import PLACES, SHORT_UNITS, UNITS

_GLUED = re.compile(r"(flat|flt|apt|apartment|unit|suite|room)([0-9]+[a-z]?)")
_TWO = re.compile(r"([0-9]+[a-z]?)-([0-9]+[a-z]?)")
_IDS = frozenset(PLACES.values())
GROUPS = {"floor": "floor", "level": "floor", "block": "block"}

Tokens = tuple[str, ...]


def without_units(lines: Iterable[Tokens]) -> tuple[list[str], list[Tokens]]:
    """The flats named, and what is left of the lines."""
    units: list[str] = []
    left = []
    for line in lines:
        rest = _taken(line, units)
        if rest:
            left.append(rest)
    return units, left


def _taken(line: Tokens, units: list[str]) -> Tokens:
    """`line` without its flats, which are added to `units`."""
    tokens: list[str] = []
    for token in line:
        glued = _GLUED.fullmatch(token)
        tokens += glued.groups() if glued else [token]
    kept: list[str] = []
    place = 0
    while place < len(tokens):
        place, unit, rest = _flat_at(tokens, place)
        if unit:
            units.append(unit)
        kept += rest
    return tuple(kept)


def _flat_at(tokens: list[str], place: int) -> tuple[int, str, list[str]]:
    """(where to go on, the flat that begins at `place` or nothing, tokens that are none of it)."""
    token = tokens[place]
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if token in SHORT_UNITS:
        return place + 1, SHORT_UNITS[token], []
    if token in PLACES:
        end = place + 1
        while end < len(tokens) and tokens[end] in ("floor", *PLACES):
            end += 1
        if end < len(tokens) and (tokens[end] in UNITS or tokens[end] == "maisonette"):
            follows = tokens[end + 1] if end + 1 < len(tokens) else ""
            named = _is_id(follows) and len(tokens) == end + 2  # "first floor flat 2"
            return end + 1 + named, "".join([PLACES[token], follows]) if named else PLACES[token], []
        if tokens[end - 1] == "floor" or (end == len(tokens) and place == 0 and token != "the"):
            return end, PLACES[token], []
        end = tokens.index("floor", place, end) if "floor" in tokens[place:end] else end
        return end, "", tokens[place:end]  # none of them begins a flat
    if token in GROUPS and _is_id(after) and after not in _IDS:
        return place + 2, f"{GROUPS[token]}{after}", []
    if token not in UNITS or not after:
        return place + 1, "", [token]
    return _designated(tokens, place + 1)


def _designated(tokens: list[str], place: int) -> tuple[int, str, list[str]]:
    """The id behind `flat`, and a letter or a house number that belongs to it."""
    unit = tokens[place]
    if not _is_id(unit):
        return place, "", [tokens[place - 1]]
    rest = tokens[place + 1 :]
    two = _TWO.fullmatch(unit)
    if two and rest and not rest[0][0].isdigit():  # "flat 2 - 14 high street"
        return place + 1, two[1], [two[2]]
    if unit.isdigit() and rest and len(rest[0]) == 1 and rest[0].isalpha() and (not rest[1:] or rest[1][0].isdigit()):
        return place + 2, unit + rest[0], []
    return place + 1, unit, []


def _is_id(token: str) -> bool:
    return bool(token) and (
        any(c.isdigit() for c in token) or len(token) == 1 or token in _IDS or token[:5] in ("floor", "block")
    )
