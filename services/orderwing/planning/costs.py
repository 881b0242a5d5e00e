"""The cost model of a lane's own prices. Every plan's cost is the sum of its printed terms, in minor units.

The same as `pricing` without rate cards, cartons and line-haul, for whom each microsecond counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orderwing_schemas.domain import CostTerm
from orderwing_schemas.network import Item, Lane, Policies, Site

HOUR_MS = 3_600_000

Catalogue = Callable[[str], Item | None]


def weight_g(catalogue: Catalogue, lines: Iterable[tuple[str, int]]) -> int:
    """Grams of (SKU, quantity) pairs; what the catalogue does not know weighs nothing."""
    total = 0
    for sku, quantity in lines:
        item = catalogue(sku)
        if item is not None:
            total += item.weight_g * quantity
    return total


def lateness_minor(policies: Policies, arrival_at_ms: int, promise_at_ms: int) -> int:
    """Price of arriving after the promise, by the millisecond, rounded up."""
    late_ms = arrival_at_ms - promise_at_ms
    return 0 if late_ms <= 0 else -(-late_ms * policies.late_hour_minor // HOUR_MS)


def freight_minor(site: Site, lane: Lane, line_count: int, grams: int) -> int:
    """What a parcel of `line_count` lines costs on a lane, whenever it leaves."""
    return (
        lane.parcel_minor
        + -(-grams // 1000) * lane.kilogram_minor
        + line_count * site.handling_line_minor
        + site.handling_parcel_minor
    )


def named_terms(
    site: Site, lane: Lane, policies: Policies, *, line_count: int, grams: int, arrival_at_ms: int, promise_at_ms: int
) -> tuple[tuple[str, int], ...]:
    """The terms of one parcel's cost, in minor units; those of nought are left out.

    `parcel` and `weight` (per started kilogram) go to the carrier, `handling_lines` and `handling_parcel` to the
    site, `lateness` counts against the promise.
    """
    terms = (
        ("parcel", lane.parcel_minor),
        ("weight", -(-grams // 1000) * lane.kilogram_minor),
        ("handling_lines", line_count * site.handling_line_minor),
        ("handling_parcel", site.handling_parcel_minor),
        ("lateness", lateness_minor(policies, arrival_at_ms, promise_at_ms)),
    )
    return tuple(term for term in terms if term[1])


def price_shipment(
    site: Site, lane: Lane, policies: Policies, *, line_count: int, grams: int, arrival_at_ms: int, promise_at_ms: int
) -> tuple[int, tuple[CostTerm, ...]]:
    """Cost of one parcel and its named terms, which sum to it."""
    named = named_terms(
        site,
        lane,
        policies,
        line_count=line_count,
        grams=grams,
        arrival_at_ms=arrival_at_ms,
        promise_at_ms=promise_at_ms,
    )
    return sum(amount for _, amount in named), named
