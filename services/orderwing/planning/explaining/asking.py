"""What if: a change of what a decision saw, as somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orderwing.planning.explaining.facts import Facts
from orderwing_schemas.network import Network


class AskedError(ValueError):
    """What is asked makes no sense: a sentence."""


@dataclass(frozen=True)
class Stocked:
    """As if a site had so many units to give."""

    sku: str
    site_id: str
    units: int


@dataclass(frozen=True)
class WhatIf:
    """`without`: sites that are not there. `now_ms`: when it is decided instead."""

    without: tuple[str, ...] = ()
    stock: tuple[Stocked, ...] = ()
    now_ms: int | None = None

    def __bool__(self) -> bool:
        return bool(self.without or self.stock) or self.now_ms is not None

    def check(self, network: Network, skus: set[str]) -> None:
        """Raises AskedError for sites that the network, and SKUs that the order does not have."""
        for site_id in [*self.without, *[one.site_id for one in self.stock]]:
            if site_id not in network.site_by_id:
                raise AskedError(f"The network has no site {site_id}: its sites are {_some(network.site_by_id)}.")
        for one in self.stock:
            if one.sku not in skus:
                raise AskedError(f"The order has no {one.sku}: it is of {_some(sorted(skus))}.")

    def concerns(self, facts: Facts) -> bool:
        """Whether it changes anything that the decision could see."""
        here = {site.site_id for site in facts.sites}
        return self.now_ms is not None or bool(here & {*self.without, *[one.site_id for one in self.stock]})

    def apply(self, facts: Facts) -> Facts:
        for site_id in self.without:
            facts = facts.without(site_id)
        for one in self.stock:
            facts = facts.with_stock(one.site_id, one.sku, one.units)
        return facts if self.now_ms is None else facts.at(self.now_ms)


def _some(names: Iterable[str], most: int = 12) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
