"""Steering prices: what a decision adds to its cost for each unit that it takes from a shelf."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from orderwing_schemas.base import CurrencyCode, EpochMs, Id, Minor, Model

MAX_PRICES = 2_000  # in one record


class ShelfPrice(Model):
    """`price_minor` is what the shelf's last unit is worth to the orders still expected, in the network's currency."""

    site_id: Id
    sku: Id
    price_minor: Minor


class PriceList(Model):
    """The file of a whole list, and all of it. A shelf that it does not name has no price.

    It steers from `valid_from_ms` until before `valid_until_ms`: a list that nobody renews must not steer for ever.
    """

    version: Annotated[int, Field(ge=1)]
    currency: CurrencyCode
    valid_from_ms: EpochMs
    valid_until_ms: EpochMs
    prices: tuple[ShelfPrice, ...]

    @field_validator("valid_until_ms")
    @classmethod
    def _ends_after_its_begin(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("valid_from_ms", value - 1):
            raise ValueError("must be after valid_from_ms")
        return value

    @field_validator("prices")
    @classmethod
    def _are_one_each(cls, value: tuple[ShelfPrice, ...]) -> tuple[ShelfPrice, ...]:
        seen: set[tuple[str, str]] = set()
        for price in value:
            if (price.site_id, price.sku) in seen:
                raise ValueError(f"site {price.site_id} has two for SKU {price.sku}")
            seen.add((price.site_id, price.sku))
        return value
