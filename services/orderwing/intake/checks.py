"""The checks of an order, each a list of (reason, detail); details name fields, never a stranger's words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orderwing.geography import Destination
from orderwing.kernel.view import Reference
from orderwing_schemas.domain import OrderLine
from orderwing_schemas.events.public import OrderPlaced, PlacedLine
from orderwing_schemas.network import Network

Problem = tuple[str, str]

_TOKEN = re.compile(r"tok_[A-Za-z0-9_-]{1,190}")
_MOST_MINOR = 10**12
_MOST_CAPACITY = 1_000_000


def problems(placed: OrderPlaced, to: Destination | None, reference: Reference) -> Iterator[Problem]:
    network = reference.network
    if unknown := [line.line_id for line in placed.lines if reference.item(line.sku) is None]:
        yield "unknown_sku", f"lines {' '.join(unknown[:10])}: not in the catalogue"
    if to is None:
        yield "bad_address", "personal.city, personal.country: no such place"
    elif placed.service_level not in network.services_by_zone.get(to.zone, ()):
        yield "not_deliverable", "service_level: no lane serves it at this address"
    if not _TOKEN.fullmatch(placed.payment_token):
        yield "bad_payment_method", "payment_token: not a token"
    if placed.currency != network.currency:
        yield "wrong_currency", f"currency: this market sells in {network.currency}"
    if placed.placed_at.year < 1971:
        yield "bad_time", "placed_at: before 1971"
    yield from _money(placed, network)


def _money(placed: OrderPlaced, network: Network) -> Iterator[Problem]:
    promoted = promoted_discounts(placed, network)
    if promoted is None:
        yield "promotion_misapplied", "promotion_codes: unknown, repeated, or below their minimum"
    elif wrong := [
        line.line_id for line, due in zip(placed.lines, promoted, strict=True) if line.discount_minor != due
    ]:
        yield "promotion_misapplied", f"lines {' '.join(wrong[:10])}: discount_minor is not what the codes give"
    amounts = [amount_minor(line) for line in placed.lines]
    if any(amount < line.tax_minor for amount, line in zip(amounts, placed.lines, strict=True)):
        yield "bad_amount", "lines: a discount exceeds its line"
    elif sum(amounts) == 0:
        yield "bad_amount", "lines: nothing to pay"
    elif sum(amounts) > _MOST_MINOR:
        yield "bad_amount", "lines: the total is beyond any order"


def promoted_discounts(placed: OrderPlaced, network: Network) -> list[int] | None:
    """What the codes take off each line, in minor units; None if a code may not be used.

    Each code takes its percentage of the line's goods value, rounded down; several codes add up.
    """
    promotions = [network.promotion_by_code.get(code) for code in placed.promotion_codes]
    goods = [line.quantity * line.unit_price_minor for line in placed.lines]
    if len(set(placed.promotion_codes)) != len(promotions):
        return None
    discounts = [0] * len(goods)
    for promotion in promotions:
        if promotion is None or sum(goods) < promotion.minimum_minor:
            return None
        discounts = [taken + value * promotion.percent // 100 for taken, value in zip(discounts, goods, strict=True)]
    return discounts


def amount_minor(line: PlacedLine) -> int:
    """The whole line: after discount, with tax."""
    return line.quantity * line.unit_price_minor - line.discount_minor + line.tax_minor


def accepted_line(line: PlacedLine, reference: Reference) -> OrderLine:
    """`line` as a fact; the catalogue knows its load where the shop did not say."""
    item = reference.item(line.sku)
    load = line.capacity or (item.capacity * line.quantity if item else 0)
    return OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        quantity=line.quantity,
        amount_minor=amount_minor(line),
        capacity=min(load, _MOST_CAPACITY),
    )
