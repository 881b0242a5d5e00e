"""The terms of what one site ships. The names are those of decision cards; each is a sum over parcels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from orderwing.planning.pricing.packing import Carton, Goods, pack
from orderwing.planning.pricing.tariffs import Tariff

HOUR_MS = 3_600_000

Term = tuple[str, int]
PARCEL, WEIGHT, LINE_HAUL, CARTONS = "parcel", "weight", "line_haul", "cartons"
HANDLING_LINES, HANDLING_PARCEL, LATENESS = "handling_lines", "handling_parcel", "lateness"
STEERING, TRANSFER, CROSS_DOCK, BACKORDER = "steering", "transfer", "cross_dock", "backorder"


class Handling(NamedTuple):
    """What a site's work costs: for each SKU picked, and for each parcel."""

    line_minor: int
    parcel_minor: int


class Shipping(NamedTuple):
    """How parcels travel, and what is due for arriving late (once a shipment, by the millisecond, rounded up)."""

    tariff: Tariff
    arrival_at_ms: int
    due_at_ms: int
    late_hour_minor: int


def lateness_minor(late_hour_minor: int, arrival_at_ms: int, due_at_ms: int) -> int:
    late_ms = arrival_at_ms - due_at_ms
    return 0 if late_ms <= 0 else -(-late_ms * late_hour_minor // HOUR_MS)


def freight_terms(cartons: Sequence[Carton], goods: Sequence[Goods], handling: Handling, via: Shipping) -> list[Term]:
    """What the parcels of a shipment cost, without the picking."""
    parcels = pack(cartons, goods)
    charges = [(via.tariff.charge(parcel.grams, parcel.cm3), parcel.times) for parcel in parcels]
    return [
        (PARCEL, sum([charge[0] * times for charge, times in charges])),
        (WEIGHT, sum([charge[1] * times for charge, times in charges])),
        (LINE_HAUL, sum([charge[2] * times for charge, times in charges])),
        (CARTONS, sum([parcel.minor * parcel.times for parcel in parcels])),
        (HANDLING_PARCEL, sum([parcel.times for parcel in parcels]) * handling.parcel_minor),
        (LATENESS, lateness_minor(via.late_hour_minor, via.arrival_at_ms, via.due_at_ms)),
    ]


def picking_terms(goods: Sequence[Goods], line_minor: int, steering: Mapping[str, int]) -> list[Term]:
    """What it costs to take goods from a site's shelves: work, and the steering price of what they are worth there."""
    return [
        (HANDLING_LINES, sum([1 for one in goods if one.units]) * line_minor),
        (STEERING, sum([one.units * steering.get(one.sku, 0) for one in goods])),
    ]


def shipment_terms(
    cartons: Sequence[Carton],
    goods: Sequence[Goods],
    handling: Handling,
    via: Shipping,
    steering: Mapping[str, int] | None = None,
) -> tuple[Term, ...]:
    """All of one site's shipment, terms of nought left out."""
    return add_terms(
        [*freight_terms(cartons, goods, handling, via), *picking_terms(goods, handling.line_minor, steering or {})]
    )


def add_terms(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Each name once, in the order of its first mention; sums of nought are left out."""
    sums: dict[str, int] = {}
    for name, amount in terms:
        sums[name] = sums.get(name, 0) + amount
    return tuple([(name, amount) for name, amount in sums.items() if amount])
