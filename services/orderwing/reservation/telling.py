"""A region tells others what its shelves have to give: only what has changed, in batches, at most every so often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from orderwing.kernel.decision import Decision
from orderwing.kernel.view import Draft, View
from orderwing.reservation.stock import Shelf
from orderwing.reservation.told import Telling
from orderwing_schemas.domain import Available
from orderwing_schemas.events.reservation import StockTold
from orderwing_schemas.network import Network
from orderwing_schemas.topics import RESERVATION_SLIPS

MINUTE_MS = 60_000
MUCH = 100  # shelves that have changed are told at once: the row that names them stays small
MESSAGE_SHELVES = 500  # some 20 KB
AT_ONCE_MS = 0
EXACT = 4  # from here on a level ends where it is twice what it began with


def level(units: int) -> int:
    """0, 1, 2, 3, 4, 8, 16, 32 … Within a level nothing is told.

    What is nearly gone is known to the unit; of a full shelf one change in many is worth a word.
    """
    if units < EXACT:
        return max(0, units)
    return 1 << units.bit_length() - 1


def most(units: int) -> int:
    """The most that a shelf may have of which `units` were told, if nothing is on its way."""
    return units if units < EXACT else (1 << units.bit_length()) - 1


def note(draft: Draft, region: str, changes: Iterable[tuple[Shelf, int]]) -> None:
    """`changes`: shelves after a decision, with their ATP before it."""
    crossed = {shelf.key: before for shelf, units in changes if (before := level(units)) != level(shelf.atp)}
    if not crossed or not is_heard(draft.network, region):
        return
    row = draft.get(Telling, region) or Telling(region=region)
    if crossed.keys() <= row.changed.keys():
        return
    changed = row.changed | crossed | row.changed  # what is believed stands; the order is that in which they changed
    draft.put(replace(row, changed=changed, wake_at_ms=AT_ONCE_MS if len(changed) >= MUCH else row.next_ms))


def on_due(view: View, row: Telling, now_ms: int) -> Decision:
    """What has changed goes to all listeners, one site's shelves to those who are new."""
    draft = Draft(view)
    network = draft.network
    everyone = listeners(network, row.region)
    mouth = _Mouth(draft, row.region, row.number, now_ms)
    mouth.tell(everyone, _changed(draft, row))
    row = replace(row, changed={}, listeners=tuple([region for region in row.listeners if region in everyone]))
    row = _welcome(draft, mouth, row, tuple([region for region in everyone if region not in row.listeners]))
    next_ms = now_ms + network.policies.atp_told_minutes * MINUTE_MS
    wake_at_ms = next_ms if row.newcomers else None
    draft.put(replace(row, number=mouth.number, next_ms=next_ms, wake_at_ms=wake_at_ms))
    return draft.decision()


def is_heard(network: Network, region_id: str) -> bool:
    return any(region_id in region.neighbours for region in network.regions)


def listeners(network: Network, region_id: str) -> tuple[str, ...]:
    """Who may ask the region for stock."""
    return tuple([region.region_id for region in network.regions if region_id in region.neighbours])


class _Mouth:
    """Numbers and sends messages of bounded size."""

    def __init__(self, draft: Draft, region: str, number: int, now_ms: int) -> None:
        self.number = number
        self._draft = draft
        self._region = region
        self._now_ms = now_ms

    def tell(self, to: Sequence[str], shelves: Sequence[Available], complete: bool = False) -> None:
        """Nothing where there is nothing to tell."""
        pages = list(_pages(shelves)) or ([()] if complete else [])
        for place, page in enumerate(pages):
            self.number += 1
            for region in to:
                event = StockTold(
                    region=region,
                    from_region=self._region,
                    number=self.number,
                    as_of_ms=self._now_ms,
                    shelves=tuple(page),
                    complete=complete and place == len(pages) - 1,
                )
                self._draft.emit(RESERVATION_SLIPS, event)


def _pages(shelves: Sequence[Available]) -> Iterator[Sequence[Available]]:
    for start in range(0, len(shelves), MESSAGE_SHELVES):
        yield shelves[start : start + MESSAGE_SHELVES]


def _changed(draft: Draft, row: Telling) -> list[Available]:
    """Without those that are again what others believe."""
    shelves = [(draft.get(Shelf, key), believed) for key, believed in row.changed.items()]
    return [_told(shelf) for shelf, believed in shelves if shelf is not None and level(shelf.atp) != believed]


def _welcome(draft: Draft, mouth: _Mouth, row: Telling, newcomers: tuple[str, ...]) -> Telling:
    """Tell them one more site whole; after the last they are listeners like others."""
    if not newcomers:
        return replace(row, newcomers=(), sites=())
    told = row.sites if newcomers == row.newcomers else ()
    sites = draft.network.sites_by_region.get(row.region, ())
    left = [site.site_id for site in sites if site.site_id not in told]
    here = left[:1]
    shelves = [_told(shelf) for site_id in here for shelf in draft.scan(Shelf, site_id)]
    mouth.tell(newcomers, shelves, complete=len(left) <= 1)
    if len(left) <= 1:
        return replace(row, listeners=(*row.listeners, *newcomers), newcomers=(), sites=())
    return replace(row, newcomers=newcomers, sites=(*told, *here))


def _told(shelf: Shelf) -> Available:
    return (shelf.site_id, shelf.sku, max(0, shelf.atp))
