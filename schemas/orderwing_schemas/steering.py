"""Steering prices: what a decision adds to its cost for each unit that it takes from a shelf."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

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

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.valid_until_ms <= self.valid_from_ms:
            raise ValueError("valid_until_ms must be after valid_from_ms")
        seen: set[tuple[str, str]] = set()
        for price in self.prices:
            if (price.site_id, price.sku) in seen:
                raise ValueError(f"prices: site {price.site_id} has two for SKU {price.sku}")
            seen.add((price.site_id, price.sku))
        return self
