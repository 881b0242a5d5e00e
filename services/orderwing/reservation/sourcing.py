"""Which sites of a region hold which lines, when the goods can be there, and the card that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orderwing.kernel.view import Draft
from orderwing.planning import calendar, costs
from orderwing.planning.sourcing import Asked, Choice, quick_choice
from orderwing.reservation.rows import Held, Units
from orderwing.reservation.shelves import Shelves
from orderwing_schemas.domain import Candidate, Order
from orderwing_schemas.events.reservation import DecisionCard
from orderwing_schemas.network import Site
from orderwing_schemas.topics import RESERVATION_CARDS

CARD_CANDIDATES = 12
CARD_SHELVES = 40
MINUTE_MS = 60_000


def choose(
    draft: Draft,
    shelves: Shelves,
    order: Order,
    region: str,
    lines: Sequence[Units],
    now_ms: int,
    without_site: str | None = None,
) -> Choice:
    """What the region can hold of `lines`; of an order that may not be split all from one site, or nothing."""
    sites = draft.network.sites_by_region.get(region, ())
    if without_site is not None:
        sites = tuple(site for site in sites if site.site_id != without_site)
    asked = Asked(
        network=draft.network,
        catalogue=draft.reference.item,
        atp=shelves.atp,
        lines=lines,
        zone=order.zone,
        service_level=order.service_level,
        now_ms=now_ms,
        may_split=order.may_split,
    )
    choice = quick_choice(asked, sites)
    if choice.short and not order.may_split:
        choice = Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)
    return choice


def promise_ms(draft: Draft, order: Order, held: Sequence[Held], now_ms: int) -> int:
    """The latest of the sites' earliest arrivals, plus the slack."""
    by_site: dict[str, int] = {}
    for line in held:
        by_site[line.site_id] = by_site.get(line.site_id, 0) + line.quantity
    return calendar.promise(draft.network, by_site.items(), order.zone, order.service_level, now_ms)


def put_card(
    draft: Draft, shelves: Shelves, order: Order, region: str, lines: Sequence[Units], choice: Choice, now_ms: int
) -> None:
    """Before the choice is held: the stock that the decision saw."""
    sites = draft.network.sites_by_region.get(region, ())
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    seen = shelves.seen(wanted)
    atp = {(site_id, sku): units for site_id, sku, units in seen}
    candidates = [_candidate(draft, order, site, wanted, atp, len(lines), choice) for site in sites]
    candidates.sort(key=lambda candidate: candidate.lost_because is not None)
    if len(choice.site_ids) > 1:
        candidates.insert(0, Candidate(label="+".join(choice.site_ids), cost_minor=choice.cost_minor))
    missing = tuple(f"{line.quantity} of {line.sku} not found in {region}" for line in choice.short[:CARD_CANDIDATES])
    cut = len(candidates) > CARD_CANDIDATES or len(seen) > CARD_SHELVES or len(choice.short) > CARD_CANDIDATES
    card = DecisionCard(
        order_id=order.order_id,
        part_id=None,
        stage="reservation",
        decision=f"hold in {region}",
        at_ms=now_ms,
        chosen="+".join(choice.site_ids) or "nothing",
        candidates=tuple(candidates[:CARD_CANDIDATES]),
        seen=seen[:CARD_SHELVES],
        notes=missing,
        truncated=cut,
    )
    draft.emit(RESERVATION_CARDS, card)


def _candidate(
    draft: Draft,
    order: Order,
    site: Site,
    wanted: Mapping[str, int],
    atp: Mapping[tuple[str, str], int],
    line_count: int,
    choice: Choice,
) -> Candidate:
    """One site alone, and why it is not the whole answer. A loser's cost is that of its cheapest freight."""
    if choice.site_ids == (site.site_id,):
        return Candidate(label=site.site_id, cost_minor=choice.cost_minor)
    lacking = sum(max(0, units - max(0, atp.get((site.site_id, sku), 0))) for sku, units in wanted.items())
    if lacking:
        return Candidate(label=site.site_id, lost_because=f"lacks {lacking} of {sum(wanted.values())} units")
    lanes = calendar.serving_lanes(draft.network, site.site_id, order.zone, order.service_level)
    if not lanes:
        return Candidate(label=site.site_id, lost_because="no lane from here serves the zone")
    grams = costs.weight_g(draft.reference.item, wanted.items())
    cost_minor = min(costs.freight_minor(site, lane, line_count, grams) for lane in lanes)
    why = "costs no less" if cost_minor >= choice.cost_minor else "arrives later than its saving is worth"
    return Candidate(label=site.site_id, cost_minor=cost_minor, lost_because=why)
