"""What other regions were last known to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.reservation.telling import most
from orderwing.reservation.told import Told, ToldBy
from orderwing_schemas.domain import Available
from orderwing_schemas.events.reservation import StockTold


def on_told(view: View, event: StockTold, now_ms: int) -> Decision:
    """What is older than what is known already changes nothing."""
    draft = Draft(view)
    by_sku: dict[str, dict[str, int]] = {}
    for site_id, sku, units in event.shelves:
        by_sku.setdefault(sku, {})[site_id] = units
    for sku, at_sites in by_sku.items():
        key = Told.key_of(event.from_region, sku)
        row = draft.get(Told, key) or Told(from_region=event.from_region, sku=sku)
        if event.number > row.number:
            told = {**row.units, **at_sites}
            draft.put(replace(row, number=event.number, as_of_ms=event.as_of_ms, units=told))
    known = draft.get(ToldBy, event.from_region) or ToldBy(from_region=event.from_region)
    if event.as_of_ms > known.as_of_ms or (event.complete and not known.complete):
        as_of_ms = max(known.as_of_ms, event.as_of_ms)
        draft.put(replace(known, as_of_ms=as_of_ms, complete=known.complete or event.complete))
    return draft.decision()


@dataclass(frozen=True, slots=True)
class Known:
    """What a region was last known to have of some SKUs at each of its sites; None where nobody has told.

    `as_of_ms` is that of the oldest word it rests on, None if there was none.
    """

    region: str
    units: Mapping[tuple[str, str], int | None]
    as_of_ms: int | None

    @property
    def total(self) -> int:
        return sum([units or 0 for units in self.units.values()])

    @property
    def is_unknown(self) -> bool:
        return any(units is None for units in self.units.values())

    def may_have_some(self) -> bool:
        return any(units is None or units > 0 for units in self.units.values())

    def may_have_all(self, needed: Mapping[str, int], site_ids: Iterable[str]) -> bool:
        """At one of the sites."""
        return any(all(self._may_have(site_id, sku, n) for sku, n in needed.items()) for site_id in site_ids)

    def told(self) -> tuple[Available, ...]:
        return tuple([(*place, units) for place, units in self.units.items() if units is not None])

    def _may_have(self, site_id: str, sku: str, needed: int) -> bool:
        units = self.units.get((site_id, sku))
        return units is None or most(units) >= needed


def known(draft: Draft, region: str, skus: Iterable[str]) -> Known:
    by = draft.get(ToldBy, region)
    missing = 0 if by is not None and by.complete else None
    units: dict[tuple[str, str], int | None] = {}
    ages: list[int] = []
    for sku in skus:
        row = draft.get(Told, Told.key_of(region, sku))
        for site in draft.network.sites_by_region.get(region, ()):
            units[site.site_id, sku] = missing if row is None else row.units.get(site.site_id, missing)
        if row is not None:
            ages.append(row.as_of_ms)
        elif missing is not None and by is not None:
            ages.append(by.as_of_ms)
    return Known(region, units, min(ages, default=None))
