"""Whom a slip asks, in which order: as stock last told says they can serve, never trusted; the owner's word decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orderwing.kernel.view import Draft
from orderwing.planning.holding import Sought
from orderwing.planning.sourcing import Asked, Choice
from orderwing.reservation import units
from orderwing.reservation.hearing import Known, known
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import CARD_CANDIDATES, CARD_SHELVES, Search, candidates_of, card_facts, decide
from orderwing_schemas.domain import Backorder, Candidate, HeldLine, Order
from orderwing_schemas.events.reservation import DecisionCard, SlipReturned
from orderwing_schemas.network import Network
from orderwing_schemas.topics import RESERVATION_CARDS

ROUTE, TO_ONE_BOX, STALE = "route", "route to one box", "route was stale"
NOBODY = "nobody"
UNKNOWN = -1
HAS_NONE, TOO_LATE = "it was last known to have nothing of use", "no site of it can deliver in time"


@dataclass(frozen=True, slots=True)
class Route:
    """`regions`: `choice`'s, most units first, then those that may have some. `last`: those known to have nothing."""

    search: Search
    sought: Sought
    knowns: tuple[Known, ...]
    choice: Choice
    first: tuple[str, ...]
    then: tuple[str, ...]
    last: tuple[tuple[str, str], ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """Who has nothing is asked last by an order that would be declined, and not at all by one that can wait.

        That one leaves a want everywhere, and is offered what they have after all.
        """
        declined = self.search.order.backorder is Backorder.NONE and self.search.by_ms is None
        return (*self.first, *self.then, *[region for region, _ in self.last if declined])

    def told_or_unknown(self, site_id: str, sku: str) -> int:
        """Units last told of a shelf; UNKNOWN where nobody has told."""
        told = next(one.units[site_id, sku] for one in self.knowns if (site_id, sku) in one.units)
        return UNKNOWN if told is None else told

    def expected(self, network: Network) -> tuple[HeldLine, ...]:
        """As the slip meets them."""
        turn = {region: place for place, region in enumerate(self.first)}
        held = sorted(self.choice.held, key=lambda pick: turn[network.site_by_id[pick.site_id].region_id])
        return units.held_told(units.held_of_told(held))


def plan(draft: Draft, search: Search) -> Route:
    """For the lines of `search` that its region does not have, among the region's neighbours."""
    network = draft.network
    skus = dict.fromkeys([line.sku for line in search.lines])
    knowns = tuple([known(draft, region, skus) for region in network.region_by_id[search.region].neighbours])
    told = {place: units for one in knowns for place, units in one.units.items()}
    sought = search.sought(draft, Shelves(draft, search.region))
    asked = replace(sought.asked, atp=lambda site_id, sku: told.get((site_id, sku)) or 0)
    everywhere = tuple([site for one in knowns for site in network.sites_by_region.get(one.region, ())])
    sought = sought._replace(asked=asked, among=everywhere)
    return arranged(network, search, sought, knowns, decide(draft, sought, search.order))


def arranged(network: Network, search: Search, sought: Sought, knowns: tuple[Known, ...], choice: Choice) -> Route:
    """Whom to ask for a choice among all sites of those `knowns`."""
    serving: dict[str, list[str]] = {}
    for site in sought.may_serve():
        serving.setdefault(site.region_id, []).append(site.site_id)
    held: dict[str, int] = {}
    for pick in choice.held:
        region = network.site_by_id[pick.site_id].region_id
        held[region] = held.get(region, 0) + pick.quantity
    first = tuple(sorted([one.region for one in knowns if one.region in held], key=lambda region: -held[region]))
    rest = [one for one in knowns if one.region not in held]
    maybe = [one for one in rest if _may_serve(one, sought.asked, serving.get(one.region, ()))]
    last = [(one.region, HAS_NONE if one.region in serving else TOO_LATE) for one in rest if one not in maybe]
    return Route(search, sought, knowns, choice, first, tuple([one.region for one in maybe]), tuple(last))


def _may_serve(one: Known, asked: Asked, site_ids: Sequence[str]) -> bool:
    """Unless it is known that a slip would come back from there as it went."""
    return one.may_have_some() if asked.may_split else one.may_have_all(asked.needed, site_ids)


def put_card(draft: Draft, route: Route) -> None:
    """Whom it asks and why: what each was last known to have, how old that was, and what the ways would cost."""
    search = route.search
    seen = tuple([shelf for one in route.knowns for shelf in one.told()])
    candidates = list(candidates_told(route))
    skus = tuple(dict.fromkeys([line.sku for line in search.lines]))
    card = DecisionCard(
        order_id=search.order.order_id,
        part_id=None,
        stage="reservation",
        decision=ROUTE if search.by_ms is None else TO_ONE_BOX,
        at_ms=search.now_ms,
        chosen=", ".join(route.regions) or NOBODY,
        candidates=tuple(candidates[:CARD_CANDIDATES]),
        seen=seen[:CARD_SHELVES],
        notes=tuple([_note(one, search) for one in route.knowns][:CARD_CANDIDATES]),
        truncated=len(candidates) > CARD_CANDIDATES or len(seen) > CARD_SHELVES,
        facts=card_facts(draft, search, route.sought, route.told_or_unknown, skus, len(seen) > CARD_SHELVES),
    )
    draft.emit(RESERVATION_CARDS, card)


def put_stale(draft: Draft, order: Order, event: SlipReturned, now_ms: int) -> None:
    """Nothing where every region on the way held what was expected of it."""
    refused = _refused(draft, event)
    if not refused:
        return
    card = DecisionCard(
        order_id=order.order_id,
        part_id=None,
        stage="reservation",
        decision=STALE,
        at_ms=now_ms,
        chosen=", ".join(dict.fromkeys(_region_of(draft, line.site_id) for line in event.held)) or NOBODY,
        candidates=tuple([Candidate(label=region, lost_because=_lacked(lines)) for region, lines in refused.items()])[
            :CARD_CANDIDATES
        ],
        notes=("the stock last told of them had changed meanwhile",),
    )
    draft.emit(RESERVATION_CARDS, card)


def _refused(draft: Draft, event: SlipReturned) -> dict[str, list[tuple[str, int]]]:
    """(SKU, units) by region that it was expected to hold and did not, nor had a region before it taken them over."""
    held: dict[tuple[str, str], int] = {}
    for line in event.held:
        place = (_region_of(draft, line.site_id), line.line_id)
        held[place] = held.get(place, 0) + line.quantity
    expected: dict[str, dict[tuple[str, str], int]] = {}
    for line in event.expected:
        here = expected.setdefault(_region_of(draft, line.site_id), {})
        here[line.line_id, line.sku] = here.get((line.line_id, line.sku), 0) + line.quantity
    refused: dict[str, list[tuple[str, int]]] = {}
    beyond: dict[str, int] = {}
    for region, lines in expected.items():
        for (line_id, sku), quantity in lines.items():
            lacking = quantity - held.get((region, line_id), 0)
            if lacking <= 0:
                beyond[line_id] = beyond.get(line_id, 0) - lacking
            elif lacking > beyond.get(line_id, 0):
                refused.setdefault(region, []).append((sku, lacking - beyond.get(line_id, 0)))
    return refused


def _lacked(lines: Sequence[tuple[str, int]]) -> str:
    return "refused " + ", ".join([f"{quantity} of {sku}" for sku, quantity in lines[:CARD_CANDIDATES]])


def _region_of(draft: Draft, site_id: str) -> str:
    """For a site that the network has not any more, its own id."""
    site = draft.network.site_by_id.get(site_id)
    return site_id if site is None else site.region_id


def candidates_told(route: Route) -> Iterator[Candidate]:
    """The route at the price of what is expected of it, who else is asked or not, and each other way."""
    weighed = candidates_of(route.sought, route.choice)
    chosen = weighed[0] if route.first else None
    label = ", ".join(route.regions) or NOBODY
    yield Candidate(label=label) if chosen is None else chosen.model_copy(update={"label": label})
    for region in route.then:
        yield Candidate(label=region, lost_because="may have some, and is asked if any is open then")
    for region, why in route.last:
        turn = "asked last" if region in route.regions else "not asked"
        yield Candidate(label=region, lost_because=f"{turn}: {why}")
    yield from weighed[1:] if chosen is not None else weighed


def _note(one: Known, search: Search) -> str:
    wanted = sum([line.quantity for line in search.lines])
    if one.as_of_ms is None:
        return f"{one.region}: it has told nothing of what is sought"
    age_s = max(0, search.now_ms - one.as_of_ms) // 1000
    rest = ", and not all of its shelves are known" if one.is_unknown else ""
    return f"{one.region}: {one.total} units told {age_s} s ago, {wanted} are sought{rest}"
