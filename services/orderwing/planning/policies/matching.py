"""Which strategy an order is for, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from orderwing.planning.pricing import Catalogue
from orderwing_schemas.domain import Order, Payer, Point, ServiceLevel
from orderwing_schemas.network import Trait
from orderwing_schemas.policy import Range, When


class Facts(NamedTuple):
    """What conditions ask of an order. `value_minor` is what the customer pays."""

    service_level: ServiceLevel
    zone: str
    home_region: str
    value_minor: int
    units: int
    traits: frozenset[Trait]
    door: Point
    shipping_paid_by: Payer
    one_box: bool


def facts_of(order: Order, catalogue: Catalogue) -> Facts:
    """An item that the catalogue does not know has no traits."""
    items = [catalogue(line.sku) for line in order.lines]
    return Facts(
        order.service_level,
        order.zone,
        order.home_region,
        order.total_minor,
        sum([line.quantity for line in order.lines]),
        frozenset([trait for item in items if item is not None for trait in item.traits]),
        order.delivery_point,
        order.shipping_paid_by,
        order.one_box,
    )


def mismatch(when: When, facts: Facts) -> str:
    """The first condition that does not hold; "" if all do."""
    return next((said for said, holds in _conditions(when, facts) if not holds), "")


def because(when: When, facts: Facts) -> str:
    """The conditions that hold."""
    return ", ".join(said for said, _ in _conditions(when, facts)) or "it takes every order"


def _conditions(when: When, facts: Facts) -> Iterator[tuple[str, bool]]:
    if when.service_levels is not None:
        yield f"service level {facts.service_level}", facts.service_level in when.service_levels
    if when.zones is not None:
        yield f"zone {facts.zone}", facts.zone in when.zones
    if when.home_regions is not None:
        yield f"home region {facts.home_region}", facts.home_region in when.home_regions
    if when.value_minor is not None:
        yield f"value {facts.value_minor}", _within(when.value_minor, facts.value_minor)
    if when.units is not None:
        yield f"{facts.units} units", _within(when.units, facts.units)
    if when.traits is not None:
        yield f"traits {', '.join(sorted(facts.traits)) or 'none'}", not facts.traits.isdisjoint(when.traits)
    if when.shipping_paid_by is not None:
        yield f"shipping paid by {facts.shipping_paid_by}", facts.shipping_paid_by is when.shipping_paid_by
    if when.one_box is not None:
        yield f"{'one box' if facts.one_box else 'any boxes'} wished", facts.one_box is when.one_box


def _within(bounds: Range, value: int) -> bool:
    return bounds.at_least <= value and (bounds.below is None or value < bounds.below)


def takes_all_of(wide: When, narrow: When) -> bool:
    """Whether every order of `narrow` is one of `wide`, by the conditions alone."""
    for name in ("service_levels", "zones", "home_regions", "traits"):
        ours, theirs = getattr(wide, name), getattr(narrow, name)
        if ours is not None and (theirs is None or not set(theirs) <= set(ours)):
            return False
    for name in ("value_minor", "units"):
        if not _covers(getattr(wide, name), getattr(narrow, name)):
            return False
    return wide.shipping_paid_by in (None, narrow.shipping_paid_by) and wide.one_box in (None, narrow.one_box)


def _covers(wide: Range | None, narrow: Range | None) -> bool:
    if wide is None:
        return True
    narrow = narrow or Range()
    above = wide.below is None or (narrow.below is not None and narrow.below <= wide.below)
    return wide.at_least <= narrow.at_least and above
