"""An address as written, and the door it leads to."""

from __future__ import annotations

from typing import NamedTuple

from orderwing.planning.addresses.dialects import BRITISH


class AddressError(ValueError):
    """An address that leads to no door. `field` is the one to mend; the message never repeats what it holds."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class Address(NamedTuple):
    """As a stranger wrote it; `text` may have several lines. `country` is the two letters of ISO 3166."""

    text: str
    city: str = ""
    postcode: str = ""
    country: str = "GB"


class Door(NamedTuple):
    """An address in one form. `house` is a number, a range or a name, `unit` a flat; all may be empty but not together.

    `name` is that of the building where `house` is its number. `postcode` is in capitals; of a British one that is not
    known in full the sector (`LS6 3`) may stand there.
    """

    country: str
    postcode: str
    city: str
    street: str
    house: str
    unit: str
    name: str = ""

    @property
    def area(self) -> str:
        """A British postcode or what is known of it, a few houses; else postcode and city."""
        if self.postcode and self.country in BRITISH:
            return self.postcode
        return f"{self.postcode} {self.city}".strip()

    @property
    def district(self) -> str:
        """A British postcode's sector, a thousand houses or two; else postcode and city."""
        return sector(self.postcode) if self.postcode and self.country in BRITISH else self.area

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Equal for all spellings of one door."""
        return (self.country, self.area, self.street, self.house, self.unit)

    @property
    def number(self) -> int | None:
        """The first number of the house; None if it has but a name."""
        digits = self.house[: len(self.house) - len(self.house.lstrip("0123456789"))]
        return int(digits) if digits and len(digits) < 7 else None

    def address(self) -> Address:
        """Written out. Read again, it is the same door."""
        units = [f"flat {unit}" for unit in self.unit.split()]
        house = [f"{self.house} {self.street}"] if self.house[:1].isdigit() else [self.house, self.street]
        text = ", ".join(part.strip() for part in (*units, self.name, *house) if part.strip())
        return Address(text, self.city, self.postcode, self.country)


def sector(postcode: str) -> str:
    """`LS6 3AB` -> `LS6 3`."""
    outward, _, inward = postcode.partition(" ")
    return f"{outward} {inward[:1]}"
