"""From an address as written to the door it leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from orderwing.planning.addresses.dialects import BRITISH, HOMELANDS, LETTER_IS_FLAT, dialect
from orderwing.planning.addresses.door import Address, AddressError, Door
from orderwing.planning.addresses.pieces import STREET_ENDS, Piece, is_building, parted, piece, street_name
from orderwing.planning.addresses.plain import plainly
from orderwing.planning.addresses.postcodes import postcode, postcode_taken
from orderwing.planning.addresses.text import joined, segments
from orderwing.planning.addresses.units import without_units

_COUNTRY = re.compile("[A-Z]{2}")
MOST_CHARACTERS = {"text": 1_000, "city": 200, "postcode": 50}
MOST_ROUNDS = 20
_HOMELANDS = tuple(tuple(name.split()) for name in HOMELANDS)
_CARE = ("careof", "attn", "fao")
_CARE_OF = re.compile(r"\bc\s*/\s*o\b|\bcare\s+of\b|\battn\b|\bf\.?a\.?o\b", re.IGNORECASE)

Tokens = tuple[str, ...]


def read(address: Address) -> Door:
    """The door. The same for every way to write it that is known here; read again, a door stays what it is.

    British addresses first: elsewhere general rules apply. Raises AddressError.
    """
    if not _COUNTRY.fullmatch(address.country):
        raise AddressError("country", "is not two capital letters")
    _check_lengths(address)
    if (door := plainly(address)) is not None:
        return door  # it would stay what it is
    seen = [by_all_rules(address)]
    while (again := _bounded(seen[-1].address())) not in seen:
        if len(seen) == MOST_ROUNDS:
            raise AddressError("text", "names too many numbers to tell the house")
        seen.append(again)
    return min(seen[seen.index(again) :])  # odd texts may need a round or two, or go in a circle


def _bounded(address: Address) -> Door:
    _check_lengths(address)
    return plainly(address) or by_all_rules(address)


def _check_lengths(address: Address) -> None:
    for length, (field, most) in zip(map(len, address), MOST_CHARACTERS.items(), strict=False):
        if length > most:
            raise AddressError(field, f"is longer than {most} characters")


def by_all_rules(address: Address) -> Door:
    country, city = address.country, joined(address.city)
    text, code = address.text, postcode(address.postcode, country)
    if country in BRITISH:
        text, told = postcode_taken(text)
        code = code or told
    found = _street_lines(_CARE_OF.sub(" careof ", text), country, city)
    units, lines = without_units(found)
    pieces = _attached([piece(part, country) for line in lines for part in parted(line)], country)
    number, name, street, more = _told(pieces, country)
    units = [*units, *more]
    if country in LETTER_IS_FLAT and not units and number and number[-1].isalpha() and number[:-1].isdigit():
        number, units = number[:-1], [number[-1]]
    if not (number or name or street):
        raise AddressError("text", "names no street and no house")
    return Door(country, code, city, street, number or name, " ".join(sorted(units)), name if number else "")


def _street_lines(text: str, country: str, city: str) -> list[Tokens]:
    """Without whom it is in care of, and without the city and the country."""
    kept = []
    towns = [tuple(city.split()), *(_HOMELANDS if country in BRITISH else ())]
    for tokens in segments(text):
        line = _without_care(tokens)
        for town in towns:
            # In "london road" the city is part of a name; after a street it is none.
            if town and line[-len(town) :] == town and (len(line) == len(town) or line[-len(town) - 1] in STREET_ENDS):
                line = line[: -len(town)]
        if line:
            kept.append(line)
    return kept


def _without_care(tokens: Tokens) -> Tokens:
    if tokens[0] not in _CARE:
        return tokens
    return next((tokens[n:] for n, token in enumerate(tokens) if token[0].isdigit()), ())


def _attached(pieces: Iterable[Piece], country: str) -> list[Piece]:
    """A number on a line of its own belongs to the street before or after it, where that has none."""
    found: list[Piece] = []
    for one in pieces:
        last = found[-1] if found else None
        if last and not last.words and one.words and not one.number:
            found[-1] = one._replace(number=last.number, extra=(*last.extra, *one.extra))
        elif last and last.words and not last.number and not one.words and dialect(country).number_last:
            found[-1] = last._replace(number=one.number, extra=(*last.extra, *one.extra))
        else:
            found.append(one)
    return found


def _told(pieces: Sequence[Piece], country: str) -> tuple[str, str, str, list[str]]:
    """(number, name, street, units) of the house. Lines after the street name a part of the city: they do not count.

    Except abroad, where a floor and a door may stand there.
    """
    if not pieces:
        return "", "", "", []
    place = _street_place(pieces)
    here, before = pieces[place], pieces[:place]
    units: list[str] = []
    number, name = here.number, ""
    houses = [one for one in before if is_building(one.words)]
    if not houses and not number:
        houses = [one for one in before if one.words]
    if houses:
        name = street_name(houses[-1].words)
    for one in before:
        units += [*one.extra, one.number] if one.number and (one in houses or not one.words) else one.extra
    if country not in BRITISH:
        units += [one.number + "".join(one.words) for one in pieces[place + 1 :] if one.number and not one.words[1:]]
    return number, name, street_name(here.words), [*units, *here.extra]


def _street_place(pieces: Sequence[Piece]) -> int:
    """Of the lines the one that names the street."""

    def rank(place: int) -> tuple[bool, bool, int]:
        one = pieces[place]
        return (one.is_street, bool(one.words) and bool(one.number), place if one.is_street else -place)

    streets = [place for place, one in enumerate(pieces) if one.words]
    if not streets:
        return len(pieces) - 1
    best = max(streets, key=rank)
    if pieces[best].is_street or pieces[best].number:
        return best
    return streets[-1]
