"""What an order says, without the person: digests to tell duplicates from conflicts, and the door it goes to.

The key is no secret of a deployment: it keeps these from matching those of anybody else's data.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from orderwing.geography import DOMESTIC, Place
from orderwing.planning.addresses import Address, AddressError, Door, read
from orderwing.planning.stops import stop_id
from orderwing_schemas.codec import encode
from orderwing_schemas.events.public import OrderPlaced, Personal

_KEY = b"orderwing/intake/1"
_WIDTH = 8  # bytes for each field
_FIELDS = tuple(OrderPlaced.model_fields)
_hash = blake2b(digest_size=_WIDTH, key=_KEY)
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def digest(placed: OrderPlaced) -> bytes:
    """Eight bytes for every field of the order, in the order of the class."""
    fields = _decoder.decode(encode(placed))
    return b"".join([_hashed(fields[name]) for name in _FIELDS])


def differences(ours: bytes, theirs: bytes) -> tuple[str, ...]:
    """The names of the fields in which two digests differ."""
    return tuple(
        name
        for place, name in enumerate(_FIELDS)
        if ours[place * _WIDTH : (place + 1) * _WIDTH] != theirs[place * _WIDTH : (place + 1) * _WIDTH]
    )


def _hashed(field: msgspec.Raw) -> bytes:
    hashed = _hash.copy()  # half the cost of beginning with the key
    hashed.update(field)
    return hashed.digest()


def stop_of(personal: Personal, place: Place) -> str:
    """The same for every spelling of one door. An address that names none is told by its letters and digits alone."""
    city = place.name if place.country == DOMESTIC else personal.city  # abroad a place is the whole country
    try:
        door = read(Address(personal.address, city, personal.postcode, personal.country))
    except AddressError:
        spelled = "".join(filter(str.isalnum, personal.address.casefold()))
        door = Door(personal.country, personal.postcode, city, "", spelled, "")
    return stop_id(door, _KEY)
