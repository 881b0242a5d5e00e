"""What a carrier takes for a parcel: weight breaks, or a price and so much for each started kilogram."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from orderwing_schemas.network import Lane, Network


class PricingError(ValueError):
    """A price cannot be had. `field` names what of the network or catalogue has to be given."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of a parcel of b billable grams: `minor[n]` for the first n with b <= `up_to_g[n]`, both ascending.

    Beyond the last break, its price and `kilogram_minor` for each started kilogram more. Billable is the greater of
    actual and volumetric weight, cm³ × 1000 / `cm3_per_kg` grams rounded up; 0 bills actual weight alone. Line-haul is
    for each parcel and for each started kilogram of its actual weight.
    """

    up_to_g: tuple[int, ...]
    minor: tuple[int, ...]
    kilogram_minor: int = 0
    cm3_per_kg: int = 0
    line_haul_minor: int = 0
    line_haul_kilogram_minor: int = 0

    def __post_init__(self) -> None:
        """Raises PricingError."""
        if not self.minor or len(self.minor) != len(self.up_to_g):
            raise PricingError("tariff.minor", f"has {len(self.minor)} prices for {len(self.up_to_g)} weight breaks")
        if any(low >= high for low, high in pairwise(self.up_to_g)) or any(a > b for a, b in pairwise(self.minor)):
            raise PricingError("tariff.up_to_g", "must ascend, and prices never fall")

    def billable_g(self, grams: int, cm3: int) -> int:
        return max(grams, -(-cm3 * 1000 // self.cm3_per_kg)) if self.cm3_per_kg else grams

    def charge(self, grams: int, cm3: int) -> tuple[int, int, int]:
        """(parcel, weight, line_haul) of one parcel of `grams` actual weight and `cm3` outer volume."""
        billable = self.billable_g(grams, cm3) if self.cm3_per_kg else grams
        place = bisect_left(self.up_to_g, billable)
        haul = self.line_haul_minor + -(-grams // 1000) * self.line_haul_kilogram_minor
        if place < len(self.minor):
            return self.minor[place], 0, haul
        return self.minor[-1], -(-(billable - self.up_to_g[-1]) // 1000) * self.kilogram_minor, haul


def flat(parcel_minor: int, kilogram_minor: int = 0) -> Tariff:
    """A price for the parcel and one for each started kilogram."""
    return Tariff((0,), (parcel_minor,), kilogram_minor)


def tariff_of(network: Network, lane: Lane) -> Tariff:
    """The lane's prices. Raises PricingError if all are nought."""
    tariff = priced(network, lane)
    if not any(tariff.minor) and not tariff.kilogram_minor:
        raise PricingError(
            f"lanes[{lane.lane_id}].parcel_minor",
            f"is 0, kilogram_minor too, and no rate card is for carrier {lane.carrier}, zone "
            f"{lane.rate_zone or lane.zone}: give one of them",
        )
    return tariff


def priced(network: Network, lane: Lane) -> Tariff:
    """The rate card of the lane's carrier and zone, or the lane's own prices, be they nought."""
    card = network.rate_card_by_zone.get((lane.carrier, lane.rate_zone or lane.zone))
    if card is not None:
        return Tariff(
            tuple(entry.up_to_g for entry in card.breaks),
            tuple(entry.parcel_minor for entry in card.breaks),
            card.kilogram_minor,
            card.volumetric_cm3_per_kg or 0,
            lane.line_haul_minor,
            lane.line_haul_kilogram_minor,
        )
    return Tariff(
        (0,), (lane.parcel_minor,), lane.kilogram_minor, 0, lane.line_haul_minor, lane.line_haul_kilogram_minor
    )
