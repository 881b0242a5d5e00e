"""The addresses that most people write, a number and a street, perhaps a flat before them: no rule is needed but one.

A tenth of the work of `reading`, and the same door: where a word could mean more than itself, nothing is said.
"""

from __future__ import annotations

import re
from functools import lru_cache

from orderwing.planning.addresses.dialects import HOMELANDS, PLACES, SHORT_UNITS, UNITS, dialect
from orderwing.planning.addresses.door import Address, Door
from orderwing.planning.addresses.pieces import NUMBERED, PARTING, street_name, written_out
from orderwing.planning.addresses.postcodes import postcode
from orderwing.planning.addresses.text import folded, joined
from orderwing.planning.addresses.units import GROUPS

_PLAIN = re.compile(
    rf"(?:(?:{'|'.join(sorted(UNITS))}) ([0-9]{{1,4}}[a-z]?|[a-z])(?:, ?|\n))?"
    r"([0-9]{1,6})(?:, ?|\n| )([a-z]{2,}(?:\.? [a-z]{2,})*)\.?"
)
_CARE = {"care", "careof", "attn", "fao"}
_AMBIGUOUS = frozenset({*UNITS, *PLACES, *SHORT_UNITS, *GROUPS, *NUMBERED, *_CARE})
_HOMELANDS_END = {name.split()[-1] for name in HOMELANDS}


def plainly(address: Address) -> Door | None:
    """The door of a plain address; None for every other."""
    if not address.text.isascii():
        return None
    found = _PLAIN.fullmatch(folded(address.text).strip())
    if found is None:
        return None
    unit, number, words = found.groups("")
    street, last = _street(words, address.country)
    city = joined(address.city)
    if not street or city.endswith(last):  # a city's name may stand behind the street's
        return None
    return Door(address.country, postcode(address.postcode, address.country), city, street, number, unit)


@lru_cache(maxsize=4096)
def _street(text: str, country: str) -> tuple[str, str]:
    """(its name written out, the last word as it is written); the name is empty if a word may mean something else."""
    words = tuple(text.replace(".", "").split(" "))
    if not _AMBIGUOUS.isdisjoint(words) or not PARTING.isdisjoint(words[:-1]) or words[-1] in _HOMELANDS_END:
        return "", words[-1]
    return street_name(written_out(words, dialect(country))), words[-1]
