"""The auditor's own book of a shelf: what movements, counts, shipments and short picks leave there, by their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shelf = tuple[str, str]  # (site, SKU)
Movement = Mapping[str, Any]  # a stranger's word about a shelf, as gate accepted it

RECEIVED, ADJUSTED, COUNTED, EXPECTED = (f"stock.{word}.v1" for word in ("received", "adjusted", "counted", "expected"))


def shelf_of(movement: Movement) -> Shelf:
    return movement["site_id"], movement["sku"]


@dataclass
class ShelfBook:
    """Units of one SKU at one site. `reserved` and `safety` are as reservation told them last.

    `owed`: units held that a correction has taken away since. They were there when they were promised, so they are not
    oversold; the debt never grows but by another correction. `off`: by how much the levels told differ from `on_hand`.
    """

    on_hand: int = 0
    reserved: int = 0
    safety: int = 0
    owed: int = 0
    off: int = 0
    oversold: int = 0
    shipped: int = 0  # in all
    counted: int = 0  # sequence of the last count
    _included: int = 0  # movements up to this sequence are in it
    _moved: dict[int, int] = field(default_factory=dict)  # units by sequence
    _left: list[tuple[int, int]] = field(default_factory=list)  # (site's shipment number, units)

    @property
    def over(self) -> int:
        """Units that are promised or kept back and not there."""
        return max(0, self.reserved + self.safety - self.on_hand)

    def move(self, movement: Movement) -> None:
        """A receipt or an adjustment. Where a count has it already, only a count from before it takes note."""
        units = movement["quantity"] if movement["type"] == RECEIVED else movement["delta"]
        if movement["sequence"] <= self._included:
            self._moved[movement["sequence"]] = units
            return
        self._moved[movement["sequence"]] = max(units, -self.on_hand)
        self.on_hand = max(0, self.on_hand + units)

    def count(self, movement: Movement, shipment: int | None) -> None:
        """What was counted, with what came or left since. `shipment` is the number of the last that it includes.

        A count that names none includes all that have left.
        """
        since = sum(units for sequence, units in self._moved.items() if sequence > movement["includes_sequence"])
        if shipment is not None:
            since -= sum(units for number, units in self._left if number > shipment)
        self.on_hand = max(0, movement["on_hand"] + since)
        self.counted = movement["sequence"]
        self._included = min(movement["includes_sequence"], movement["sequence"] - 1)

    def ship(self, number: int, units: int) -> None:
        self.on_hand = max(0, self.on_hand - units)
        self.shipped += units
        self._left.append((number, units))

    def miss(self, units: int) -> None:
        """Units that were not found."""
        self.on_hand = max(0, self.on_hand - units)


@dataclass
class SiteBook:
    """What of a site's movements and shipments has come, and the movements that wait for the rest."""

    mark: int = 0  # all movements up to it have come, or are not waited for any more
    shipments: dict[str, int] = field(default_factory=dict)  # number by id, in the order in which they came
    waiting: list[Movement] = field(default_factory=list)
    _come: set[int] = field(default_factory=set)

    def note(self, sequence: int) -> bool:
        """Whether this movement comes for the first time."""
        if sequence in self._come:
            return False
        self._come.add(sequence)
        self._advance()
        return True

    def give_up(self, movement: Movement) -> None:
        """What this one builds on and has not come is not waited for any more."""
        self.mark = max(self.mark, self._builds_on(movement))
        self._advance()

    def complete(self, movement: Movement) -> bool:
        """Whether all has come that it builds on: what a count includes, what an adjustment may take."""
        reaches = self.mark >= self._builds_on(movement)
        named = movement.get("includes_shipment") if movement["type"] == COUNTED else None
        return reaches and (named is None or named in self.shipments)

    def last_of(self, movement: Movement) -> int | None:
        """The number of the shipment that a count names, None where it names none that has come."""
        return self.shipments.get(movement.get("includes_shipment") or "")

    def _builds_on(self, movement: Movement) -> int:
        before = int(movement["sequence"]) - 1
        return min(int(movement["includes_sequence"]), before) if movement["type"] == COUNTED else before

    def _advance(self) -> None:
        while self.mark + 1 in self._come:
            self.mark += 1
