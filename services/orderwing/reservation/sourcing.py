"""Which sites of a region hold which lines, when the goods can be there, and the card that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from orderwing.kernel.view import Draft
from orderwing.planning import calendar
from orderwing.planning.holding import Sought, hold, weighed
from orderwing.planning.policies.governing import Governed, barred, hold_by
from orderwing.planning.policies.governing import means_whole_order as policies_mean
from orderwing.planning.policies.in_force import in_force
from orderwing.planning.sourcing import Asked, Choice, Steering
from orderwing.reservation import units
from orderwing.reservation.rows import Held, Units
from orderwing.reservation.shelves import Shelves
from orderwing_schemas.domain import Candidate, Order
from orderwing_schemas.events.reservation import CardFacts, DecisionCard
from orderwing_schemas.network import Network, Site
from orderwing_schemas.topics import RESERVATION_CARDS

CARD_CANDIDATES = 12
CARD_SHELVES = 40
CARD_UNITS = 2_000  # beyond that many shelves a decision cannot be made again from its card
MINUTE_MS = 60_000


class Search(NamedTuple):
    """What is sought in a region. `whole`: all of it at one site; with `by_ms`, one it can arrive from by then.

    `used`: sites that send something of the order in any case.
    """

    order: Order
    region: str
    lines: Sequence[Units]
    now_ms: int
    without_site: str | None = None
    whole: bool = False
    by_ms: int | None = None
    used: tuple[str, ...] = ()

    def sought(self, draft: Draft, shelves: Shelves) -> Sought:
        order = self.order
        asked = Asked(
            network=draft.network,
            catalogue=draft.reference.item,
            atp=shelves.atp,
            lines=self.lines,
            zone=order.zone,
            service_level=order.service_level,
            now_ms=self.now_ms,
            may_split=order.may_split and not self.whole,
            max_delay_minutes=order.max_delay_minutes,
            one_box=order.one_box,
            steering=steering(draft, self.now_ms),
        )
        return Sought(asked, self.region, self.without_site, self.by_ms, used=frozenset(self.used))


class Found(NamedTuple):
    """What the region can hold, of what was `sought` there."""

    sought: Sought
    choice: Choice


def choose(draft: Draft, shelves: Shelves, search: Search) -> Found:
    sought = search.sought(draft, shelves)
    return Found(sought, decide(draft, sought, search.order))


def decide(draft: Draft, sought: Sought, order: Order) -> Choice:
    """By the policy in force. Of an order that may not be split all from one site, or nothing."""
    policy = in_force(draft.reference).policy
    return hold(sought) if policy is None else hold_by(policy, sought, order)


def barred_for(draft: Draft, order: Order, region: str) -> tuple[str, ...]:
    """Sites of the region to which the policy lets nothing of the order be moved."""
    policy = in_force(draft.reference).policy
    if policy is None:
        return ()
    return barred(policy, order, draft.reference.item, draft.network.sites_by_region.get(region, ()))


def is_governed(draft: Draft) -> bool:
    """By a policy."""
    return in_force(draft.reference).policy is not None


def means_whole_order(draft: Draft, order: Order) -> bool:
    """Whether the policy in force wants all regions weighed at once for it."""
    policy = in_force(draft.reference).policy
    return policy is not None and policies_mean(policy, order, draft.reference.item)


def candidates_of(sought: Sought, choice: Choice) -> list[Candidate]:
    """What was weighed, the chosen one first."""
    return choice.told() if isinstance(choice, Governed) else weighed(sought, choice)


def steering(draft: Draft, now_ms: int) -> Steering | None:
    """The prices of a list in force; None costs nothing."""
    reference = draft.reference
    if not reference.steers(now_ms):
        return None
    return lambda site_id, sku: reference.steering_minor(site_id, sku, now_ms)


def earliest_ms(network: Network, site: Site, order: Order, units: int, now_ms: int) -> int | None:
    return calendar.earliest_arrival(network, site, order.zone, order.service_level, now_ms, units)


def promise_ms(draft: Draft, order: Order, held: Sequence[Held], now_ms: int) -> int:
    """The latest of the sites' earliest arrivals, plus the slack."""
    by_site: dict[str, int] = {}
    for line in held:
        by_site[line.site_id] = by_site.get(line.site_id, 0) + line.quantity
    return calendar.promise(draft.network, by_site.items(), order.zone, order.service_level, now_ms)


def put_card(draft: Draft, shelves: Shelves, search: Search, found: Found) -> None:
    """Before the choice is held: the stock that the decision saw, and what else it takes to make it again."""
    sought, choice = found
    wanted = tuple(sought.asked.needed)
    seen = shelves.seen(wanted)
    candidates = candidates_of(sought, choice)
    cut = len(candidates) > CARD_CANDIDATES or len(choice.short) > CARD_CANDIDATES or len(seen) > CARD_SHELVES
    card = DecisionCard(
        order_id=search.order.order_id,
        part_id=None,
        stage="reservation",
        decision=f"hold in {search.region}",
        at_ms=search.now_ms,
        chosen="+".join(choice.site_ids) or "nothing",
        candidates=tuple(candidates[:CARD_CANDIDATES]),
        seen=seen[:CARD_SHELVES],
        notes=notes(draft, search, choice),
        truncated=cut,
        facts=card_facts(draft, search, sought, shelves.atp, wanted, len(seen) > CARD_SHELVES),
    )
    draft.emit(RESERVATION_CARDS, card)


def card_facts(
    draft: Draft, search: Search, sought: Sought, atp: Callable[[str, str], int], skus: Sequence[str], cut: bool
) -> CardFacts | None:
    """What a card keeps of `sought` at its sites. None where it is too much to keep."""
    price = sought.asked.steering
    lines, stock, prices = None, None, None
    if not _all_of(search.order, search.lines):
        if len(search.lines) > CARD_SHELVES:
            return None
        lines = units.told(search.lines)
    if cut or price is not None:
        sites = sought.sites
        if len(sites) * len(skus) > CARD_UNITS:
            return None
        if cut:
            stock = tuple([atp(site.site_id, sku) for sku in skus for site in sites])
        if price is not None:
            prices = tuple([price(site.site_id, sku) for sku in skus for site in sites])
    policy = in_force(draft.reference).policy
    return CardFacts(
        region=search.region,
        network_version=draft.network.version,
        lines=lines,
        whole=search.whole,
        without_site=search.without_site,
        by_ms=search.by_ms,
        atp=stock,
        policy=None if policy is None else policy.policy.policy,
        policy_version=None if policy is None else policy.policy.version,
        steering=prices,
        used=() if policy is None else search.used,
    )


def _all_of(order: Order, lines: Sequence[Units]) -> bool:
    if len(lines) != len(order.lines):
        return False
    for line, ordered in zip(lines, order.lines, strict=True):  # a loop is half of what `all` takes
        if line.quantity != ordered.quantity or line.line_id != ordered.line_id:
            return False
    return True


def notes(draft: Draft, search: Search, choice: Choice) -> tuple[str, ...]:
    """Whose rules decided, where not simply the network's; and what is missing."""
    if isinstance(choice, Governed):
        return (choice.note, *_missing(search, choice))
    unusable = in_force(draft.reference).unusable
    return (
        (f"the network's rules decided: {unusable}", *_missing(search, choice))
        if unusable
        else _missing(search, choice)
    )


def _missing(search: Search, choice: Choice) -> tuple[str, ...]:
    if choice.short and search.whole:
        return (f"all units were sought at one site of {search.region}",)
    return tuple(
        [f"{line.quantity} of {line.sku} not found in {search.region}" for line in choice.short[:CARD_CANDIDATES]]
    )
