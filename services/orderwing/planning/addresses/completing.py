"""What some leave out of an address, their neighbours tell."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from orderwing.planning.addresses.door import Door


def completed(doors: Sequence[Door]) -> list[Door]:
    """Some write the name of a block, some its number, some both: the number for all, where those who tell it agree.

    A missing postcode is not guessed from others of that street: cities have several streets of one name.
    """
    numbers: dict[Hashable, set[str]] = {}
    for door in doors:
        if door.name:
            numbers.setdefault(_block(door, door.name), set()).add(door.house)
    found = []
    for door in doors:
        known = numbers.get(_block(door, door.house), ())
        found.append(door._replace(house=min(known), name=door.house) if len(known) == 1 else door)
    return found


def _block(door: Door, name: str) -> Hashable:
    return (door.country, door.area, door.street, name)
