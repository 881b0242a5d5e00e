"""Which sites of a region hold which lines, when the goods can be there, and the card that says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orderwing.kernel.view import Draft
from orderwing.planning import calendar
from orderwing.planning.outlets import Parcel, terms_of
from orderwing.planning.sourcing import Asked, Choice, quick_choice
from orderwing.reservation.rows import Held, Units
from orderwing.reservation.shelves import Shelves
from orderwing_schemas.domain import Available, Candidate, Order
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Network, Site
from orderwing_schemas.topics import RESERVATION_CARDS

CARD_CANDIDATES = 12
CARD_SHELVES = 40
MINUTE_MS = 60_000


class Search(NamedTuple):
    """What is sought in a region. `whole`: all of it at one site; with `by_ms`, one it can arrive from by then."""

    order: Order
    region: str
    lines: Sequence[Units]
    now_ms: int
    without_site: str | None = None
    whole: bool = False
    by_ms: int | None = None

    def arrival_ms(self, network: Network, site: Site) -> int | None:
        """The earliest of all lines from one site."""
        return earliest_ms(network, site, self.order, sum(line.quantity for line in self.lines), self.now_ms)

    def is_too_late(self, network: Network, site: Site) -> bool:
        return self.by_ms is not None and ((at := self.arrival_ms(network, site)) is None or at > self.by_ms)


def choose(draft: Draft, shelves: Shelves, search: Search) -> Choice:
    """What the region can hold of what is sought; of an order that may not be split all from one site, or nothing."""
    order, whole = search.order, search.whole or not search.order.may_split
    asked = Asked(
        network=draft.network,
        catalogue=draft.reference.item,
        atp=shelves.atp,
        lines=search.lines,
        zone=order.zone,
        service_level=order.service_level,
        now_ms=search.now_ms,
        may_split=not whole,
        max_delay_minutes=order.max_delay_minutes,
    )
    sites = draft.network.sites_by_region.get(search.region, ())
    choice = quick_choice(
        asked, [s for s in sites if s.site_id != search.without_site and not search.is_too_late(draft.network, s)]
    )
    if choice.short and whole:
        choice = Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)
    return choice


def earliest_ms(network: Network, site: Site, order: Order, units: int, now_ms: int) -> int | None:
    return calendar.earliest_arrival(network, site, order.zone, order.service_level, now_ms, units)


def promise_ms(draft: Draft, order: Order, held: Sequence[Held], now_ms: int) -> int:
    """The latest of the sites' earliest arrivals, plus the slack."""
    by_site: dict[str, int] = {}
    for line in held:
        by_site[line.site_id] = by_site.get(line.site_id, 0) + line.quantity
    return calendar.promise(draft.network, by_site.items(), order.zone, order.service_level, now_ms)


def put_card(draft: Draft, shelves: Shelves, search: Search, choice: Choice) -> None:
    """Before the choice is held: the stock that the decision saw."""
    wanted: dict[str, int] = {}
    for line in search.lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    seen = shelves.seen(wanted)
    chosen = "+".join(choice.site_ids) or "nothing"
    candidates = [_candidate(draft, parcels, choice.due_ms, why) for parcels, why in _weighed(choice)]
    told = {candidate.label for candidate in candidates}
    for site in draft.network.sites_by_region.get(search.region, ()):
        if site.site_id not in told:
            why = _not_weighed(draft, site, search, wanted, seen)
            candidates.append(Candidate(label=site.site_id, lost_because=why))
    cut = len(candidates) > CARD_CANDIDATES or len(seen) > CARD_SHELVES or len(choice.short) > CARD_CANDIDATES
    card = DecisionCard(
        order_id=search.order.order_id,
        part_id=None,
        stage="reservation",
        decision=f"hold in {search.region}",
        at_ms=search.now_ms,
        chosen=chosen,
        candidates=tuple(candidates[:CARD_CANDIDATES]),
        seen=seen[:CARD_SHELVES],
        notes=_missing(search, choice),
        truncated=cut,
    )
    draft.emit(RESERVATION_CARDS, card)


def _missing(search: Search, choice: Choice) -> tuple[str, ...]:
    if choice.short and search.whole:
        return (f"all units were sought at one site of {search.region}",)
    return tuple(
        f"{line.quantity} of {line.sku} not found in {search.region}" for line in choice.short[:CARD_CANDIDATES]
    )


def _weighed(choice: Choice) -> Iterator[tuple[tuple[Parcel, ...], str | None]]:
    if choice.parcels:
        yield choice.parcels, None
    yield from choice.losers


def _candidate(draft: Draft, parcels: tuple[Parcel, ...], due_ms: int, why: str | None) -> Candidate:
    return Candidate(
        label="+".join(sorted([parcel.site.site_id for parcel in parcels])),
        cost_minor=sum([parcel.cost_minor for parcel in parcels]),
        terms=terms_of(draft.network.policies, parcels, due_ms),
        lost_because=why,
    )


def _not_weighed(draft: Draft, site: Site, search: Search, wanted: Mapping[str, int], seen: Sequence[Available]) -> str:
    """Why a site alone was no candidate: nothing to price."""
    if site.site_id == search.without_site:
        return "units of the order were not found there"
    atp = {sku: units for site_id, sku, units in seen if site_id == site.site_id}
    lacking = sum([max(0, units - max(0, atp.get(sku, 0))) for sku, units in wanted.items()])
    if lacking:
        return f"lacks {lacking} of {sum(wanted.values())} units"
    if not calendar.serving_lanes(draft.network, site.site_id, search.order.zone, search.order.service_level):
        return "no lane from here serves the zone"
    if search.is_too_late(draft.network, site):
        return f"arrives later than several boxes by more than {search.order.max_delay_minutes} minutes"
    return f"cannot be picked within {calendar.HORIZON_DAYS} days, or lost to many others"
