"""An order that home has in part, sourced from home and its neighbours as from one region, where that costs less.

Home first, then others for the rest, often sends two boxes where one would do. What others told is never trusted: home
keeps what it holds until the slip is back, and gives up only what they hold instead. Where they hold less than was
counted on, those that hold nothing but what home has, too, get it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from msgspec import structs

from orderwing.kernel.view import Draft
from orderwing.planning.holding import Sought
from orderwing.planning.outlets import terms_of
from orderwing.planning.pricing import add_terms
from orderwing.planning.pricing.price_list import price_list
from orderwing.planning.sourcing import Choice
from orderwing.reservation import everywhere, units
from orderwing.reservation.answers import settle
from orderwing.reservation.everywhere import KEEPS
from orderwing.reservation.hearing import Known
from orderwing.reservation.route import Route
from orderwing.reservation.rows import Held, Hold, Remote, Units
from orderwing.reservation.shelves import Shelves
from orderwing.reservation.sourcing import Search, candidates_of, decide
from orderwing_schemas.domain import Candidate, CostTerm, HeldLine

HOME_FIRST = "home first"


@dataclass(frozen=True)
class Ways:
    """All `together`, or home first: home holding `here`, and `others` the rest.

    Compared by the parcels that the quick choice priced, and of both ways lateness counts from the same moment: that of
    all sites together. A strategy that needs the exact engine has none: it is decided
    `everywhere`, or region by region.
    """

    sought: Sought
    together: Choice
    here: Choice
    others: Choice

    @cached_property
    def apart_terms(self) -> tuple[CostTerm, ...]:
        return add_terms([*self._terms(self.here), *self._terms(self.others)])

    @cached_property
    def apart_minor(self) -> int:
        return sum([minor for _, minor in self.apart_terms])

    @property
    def is_better(self) -> bool:
        """Together than home first."""
        if not (self.together.parcels and self.here.parcels and self.others.parcels):
            return False
        return (_short(self.together), _minor(self.together)) < (_short(self.others), self.apart_minor)

    def told(self) -> list[Candidate]:
        """The better of the two first."""
        candidates = candidates_of(self.sought, self.together)
        why = self._why_apart_lost() if self.is_better else None
        apart = Candidate(label=HOME_FIRST, cost_minor=self.apart_minor, terms=self.apart_terms, lost_because=why)
        if self.is_better:
            return [candidates[0], apart, *candidates[1:]]
        return [apart, *[one if one.lost_because else self._lost(one) for one in candidates]]

    def _why_apart_lost(self) -> str:
        if more := _short(self.others) - _short(self.together):
            return f"short of {more} more units"
        return f"dearer by {self.apart_minor - _minor(self.together)}"

    def _terms(self, choice: Choice) -> tuple[CostTerm, ...]:
        if choice.parcels:
            return terms_of(price_list(self.sought.asked.network), choice.parcels, self.together.due_ms)
        return candidates_of(self.sought, choice)[0].terms if choice.held else ()

    def _lost(self, one: Candidate) -> Candidate:
        more = _minor(self.together) - self.apart_minor
        return one.model_copy(update={"lost_because": f"dearer by {more}" if more > 0 else "no better than home first"})


class Together(NamedTuple):
    """`regions`: whom a slip asks, most units first. `expected`: what for, in their order."""

    search: Search
    regions: tuple[str, ...]
    expected: tuple[HeldLine, ...]


def plan(draft: Draft, hold: Hold, search: Search, here: Choice, others: Route | None) -> Together | None:
    """None where home first is as good: home holding `here`, and `others` the rest. Once for an order.

    Before home holds any: the card tells the stock that was seen.
    """
    if others is None or hold.boxed or hold.held or hold.remote or hold.part_count:
        return None
    if not (here.parcels and others.choice.parcels):
        return None
    sought, knowns = everywhere.among_all(draft, search)
    ways = Ways(sought, decide(draft, sought, search.order), here, others.choice)
    if not ways.is_better:
        return None
    away = everywhere.away_of(draft, search.region, ways.together)
    if not away:
        return None
    regions = everywhere.most_first(away)
    expected = tuple([line for region in regions for line in away[region]])
    _put_card(draft, search, sought, knowns, ways, regions)
    return Together(search, regions, expected)


def _put_card(
    draft: Draft, search: Search, sought: Sought, knowns: tuple[Known, ...], ways: Ways, regions: Sequence[str]
) -> None:
    """What each way would cost, by the stock last told."""
    said = (f"asked: {', '.join(regions)}; {KEEPS}",)
    everywhere.put_card_of(draft, search, sought, knowns, ways.told(), said)


def needed(draft: Draft, hold: Hold, found: tuple[Remote, ...], expected: Sequence[HeldLine]) -> tuple[Remote, ...]:
    """Of what a slip found: without the regions that hold nothing but what home holds, where it found too little.

    Then the way that was counted on is none, and home comes first again. Those are told to give it back.
    """
    if not units.less(units.held_of_told(expected), [line for remote in found for line in remote.held]):
        return found
    kept: list[Remote] = []
    for remote in found:
        if units.less(remote.held, hold.open) == units.add(remote.held):
            settle(draft, hold, remote.region, remote.slip)
        else:
            kept.append(remote)
    return tuple(kept)


def give_up(draft: Draft, hold: Hold, lines: Sequence[Units]) -> Hold:
    """Home holds so much less, since others hold it: of what it can spare, first of sites that would send the least."""
    if not lines:
        return hold
    spare = hold.held if hold.spare is None else hold.spare
    by_site: dict[str, int] = {}
    for one in spare:
        by_site[one.site_id] = by_site.get(one.site_id, 0) + one.quantity
    left = {(line.line_id, line.sku): line.quantity for line in lines}
    kept: list[Held] = []
    gone: list[Held] = []
    for one in sorted(spare, key=lambda one: (by_site[one.site_id], one.site_id)):
        some = min(one.quantity, left.get((one.line_id, one.sku), 0))
        if some:
            left[one.line_id, one.sku] -= some
            gone.append(structs.replace(one, quantity=some))
        if some < one.quantity:
            kept.append(structs.replace(one, quantity=one.quantity - some))
    shelves = Shelves(draft, hold.home)
    shelves.release(gone)
    shelves.publish("released", hold.order_id)
    return structs.replace(hold, held=(*units.minus(hold.held, spare), *kept))


def _short(choice: Choice) -> int:
    return sum([line.quantity for line in choice.short])


def _minor(choice: Choice) -> int:
    """Without steering prices where the exact engine chose."""
    return choice.weighed_minor if choice.parcels else choice.cost_minor
