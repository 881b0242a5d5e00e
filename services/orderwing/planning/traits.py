"""What a site may not ship: of a SKU with such a trait it is as if its shelf were empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orderwing_schemas.network import Item, Site


def refused(site: Site, item: Item | None) -> tuple[str, ...]:
    """The traits of an item that the site may not ship; what nobody knows has none."""
    if item is None or not item.traits or site.capabilities is None:
        return ()
    return tuple([trait.value for trait in item.traits if trait not in site.capabilities])


def refusal(site: Site, skus: Iterable[str], catalogue: Callable[[str], Item | None]) -> str | None:
    """For a card: why the site may not ship one of these SKUs; None if it may ship all."""
    if site.capabilities is not None:
        for sku in skus:
            if traits := refused(site, catalogue(sku)):
                return f"may not ship {sku}: {' and '.join(traits)}"
    return None
