"""How street names are shortened, and what flats are called, by language: data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Dialect(NamedTuple):
    """`last`, `first` and `anywhere` write out a word of a street name in that place, `endings` the end of its words.

    `number_last`: the house number follows the street.
    """

    last: Mapping[str, str]
    first: Mapping[str, str]
    anywhere: Mapping[str, str]
    endings: Mapping[str, str]
    number_last: bool


BRITISH = frozenset({"GB", "GG", "IM", "JE"})  # they share the form of postcodes
LETTER_IS_FLAT = BRITISH | {"IE"}  # 14A is flat A of number 14 as often as not; both are one building

_ENGLISH = Dialect(
    last={
        "av": "avenue", "ave": "avenue", "blvd": "boulevard", "bldg": "building", "bldgs": "buildings",
        "cir": "circle", "circ": "circus", "cl": "close", "clo": "close", "cotts": "cottages", "cr": "crescent",
        "cres": "crescent", "crescnt": "crescent", "crt": "court", "ct": "court", "ctr": "centre", "dr": "drive",
        "drv": "drive", "est": "estate", "gdn": "garden", "gdns": "gardens", "gr": "grove", "gro": "grove",
        "grn": "green", "grv": "grove", "hl": "hill", "ho": "house", "hse": "house", "hts": "heights",
        "hwy": "highway", "ln": "lane", "mans": "mansions", "pde": "parade", "pk": "park", "pkwy": "parkway",
        "pl": "place", "plc": "place", "rd": "road", "ri": "rise", "rw": "row", "sq": "square", "st": "street",
        "str": "street", "strt": "street", "tce": "terrace", "ter": "terrace", "terr": "terrace", "twr": "tower",
        "vw": "view", "wlk": "walk", "wy": "way", "yd": "yard",
    },
    first={"st": "saint", "mt": "mount"},
    anywhere={"gt": "great", "lwr": "lower", "upr": "upper", "nth": "north", "sth": "south"},
    endings={},
    number_last=False,
)  # fmt: skip
_GERMAN = Dialect(
    last={"str": "strasse", "pl": "platz"},
    first={"st": "sankt"},
    anywhere={},
    endings={"str": "strasse"},
    number_last=True,
)
_FRENCH = Dialect(
    last={},
    first={"av": "avenue", "ave": "avenue", "bd": "boulevard", "bld": "boulevard", "blvd": "boulevard", "ch": "chemin",
           "imp": "impasse", "pl": "place", "r": "rue", "rte": "route", "all": "allee"},
    anywhere={"st": "saint", "ste": "sainte"},
    endings={},
    number_last=False,
)  # fmt: skip
_SPANISH = Dialect(
    last={},
    first={"c": "calle", "cl": "calle", "av": "avenida", "avd": "avenida", "avda": "avenida", "pza": "plaza",
           "pl": "plaza", "ctra": "carretera", "po": "paseo"},
    anywhere={"sta": "santa"},
    endings={},
    number_last=True,
)  # fmt: skip
_ITALIAN = Dialect(
    last={},
    first={"v": "via", "vle": "viale", "pza": "piazza", "pzza": "piazza", "cso": "corso"},
    anywhere={},
    endings={},
    number_last=True,
)
_GENERAL = Dialect(last={}, first={}, anywhere={}, endings={}, number_last=True)
_BY_COUNTRY = {
    **dict.fromkeys((*BRITISH, "IE", "US", "CA", "AU", "NZ"), _ENGLISH),
    **dict.fromkeys(("DE", "AT", "CH", "LI"), _GERMAN),
    **dict.fromkeys(("FR", "MC"), _FRENCH),
    "ES": _SPANISH,
    "IT": _ITALIAN,
}

STREETS = frozenset({
    *_ENGLISH.last.values(), "approach", "bank", "brae", "bridge", "broadway", "bypass", "chase", "common", "cross",
    "croft", "dene", "drove", "embankment", "end", "esplanade", "field", "fields", "fold", "gate", "grange", "hollow",
    "loan", "meadow", "meadows", "mews", "mount", "passage", "path", "promenade", "quay", "ride", "ridge", "side",
    "strand", "vale", "village", "wood", "wynd",
}) - {"building", "buildings", "centre", "cottages", "heights", "house", "mansions", "tower"}  # fmt: skip
BUILDINGS = frozenset({
    "apartments", "arcade", "barn", "block", "building", "buildings", "centre", "chambers", "cottage", "cottages",
    "court", "farm", "hall", "heights", "house", "lodge", "manor", "mansions", "mill", "plaza", "point", "tower",
    "towers", "villas", "wharf", "works",
})  # fmt: skip
DIRECTIONS = frozenset({"north", "south", "east", "west"})
UNITS = frozenset({
    "apartment", "appartement", "appt", "apt", "flat", "flt", "rm", "room", "ste", "studio", "suite", "unit",
    "wohnung", "whg",
})  # fmt: skip
# Flats that have no number are called by their place.
PLACES = {
    "ground": "ground", "basement": "basement", "top": "top", "garden": "garden", "first": "1st", "1st": "1st",
    "second": "2nd", "2nd": "2nd", "third": "3rd", "3rd": "3rd", "fourth": "4th", "4th": "4th", "upper": "upper",
    "lower": "lower", "front": "front", "rear": "rear", "left": "left", "right": "right", "the": "the",
    "penthouse": "penthouse", "annexe": "annexe", "annex": "annexe", "maisonette": "maisonette",
}  # fmt: skip
SHORT_UNITS = {"gff": "ground", "bff": "basement", "tff": "top", "fff": "1st", "sff": "2nd"}
HOMELANDS = ("uk", "united kingdom", "great britain", "england", "scotland", "wales", "gb")


def dialect(country: str) -> Dialect:
    return _BY_COUNTRY.get(country, _GENERAL)
