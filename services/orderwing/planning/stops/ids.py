"""Ids that name a door without telling it, and still say which deliveries could share a stop.

`street.house.flat`: equal ids are one door, ids that share street and house one building. A house's number stands in
the clear where neighbours are told by their numbers, which is within one postcode; all else is a keyed hash.
"""

from __future__ import annotations

from hashlib import blake2b

from orderwing.planning.addresses import Door

_STREET, _PART = 8, 5  # bytes of hash
_HASHED = "h"  # before each hash, so that none of them is taken for a number


def stop_id(door: Door, key: bytes) -> str:
    """The same for every spelling of one door. `key`, at most 64 bytes, parts these ids from anybody else's."""
    street = _hash((door.country, door.area, door.street), _STREET, key)
    told = door.postcode and door.house.isdigit() and door.number is not None
    house = door.house if told else _hash((door.house,), _PART, key)
    return f"{street}.{house}.{_hash((door.unit,), _PART, key) if door.unit else ''}"


def door_of(stop_id: str) -> Door:
    """A door as good as that of the id for joining deliveries. An id without parts is a house of its own."""
    street, _, rest = stop_id.partition(".")
    house, _, unit = rest.partition(".")
    return Door("", street, "", street, house or _HASHED, unit)


def _hash(parts: tuple[str, ...], width: int, key: bytes) -> str:
    return _HASHED + blake2b("\n".join(parts).encode(), digest_size=width, key=key).hexdigest()
