"""Gathering: goods that several sites hold for a part are moved to one of them first, and leave it in one parcel.

Decided with a part's first plan, over the sites of its hold that transfers join: by what it saves against what is asked
for, and by the delay that the order accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from orderwing.allocation.comparing import Weighed
from orderwing.allocation.plans import Holding, Planner, label, parcel_from, way_of
from orderwing.allocation.rows import TRANSFER, Shipment, Shipments, Taken
from orderwing.allocation.scales import Scales
from orderwing.planning.calendar import HOUR_MS, MINUTE_MS, open_times, pick_ms, picking_hours
from orderwing.planning.moving import FIRST_MINOR, compared
from orderwing.planning.policies.compiling import gathering_of
from orderwing.planning.policies.counting import PLAIN
from orderwing.planning.pricing import shipments as terms_of
from orderwing.planning.traits import refusal
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Site, Trait
from orderwing_schemas.network import Transfer as Road
from orderwing_schemas.policy import Strategy

FAST = frozenset({ServiceLevel.TWO_HOURS, ServiceLevel.SAME_DAY})
FRAGILE = frozenset({Trait.PERISHABLE, Trait.MEDICAL})
EVERY_MINUTES = 15  # a transfer leaves on the quarter of an hour, while its site is open
WITHIN_MS = 24 * HOUR_MS  # or not at all


class Gathered(NamedTuple):
    """The plan to stand, and the others, each with why it does not."""

    shipments: Shipments
    others: tuple[Weighed, ...] = ()


class _Rule(NamedTuple):
    threshold_minor: int
    most_minutes: int
    never: str = ""


class _Worth:
    """Weighs gathered plans against the direct one, by the part's scales."""

    def __init__(self, rule: _Rule, scales: Scales, direct: Shipments) -> None:
        self._rule = rule
        self._scales = scales
        self._direct = direct
        self._weight = scales.weight(direct)

    def place(self, plan: Shipments) -> tuple[int, int]:
        """The least is best."""
        return self._scales.weight(plan).all_minor, way_of(plan).arrival_ms

    def refused(self, plan: Shipments) -> str | None:
        """Why a gathered plan is not taken; None if it is worth it."""
        rule, scales = self._rule, self._scales
        if rule.never:
            return rule.never
        if (full := scales.too_full(plan)) and not scales.too_full(self._direct):
            return full
        if self._weight.all_minor - scales.weight(plan).all_minor <= rule.threshold_minor:
            return f"{self._saves(plan)}, and more than {rule.threshold_minor} is asked for"
        minutes = _later_minutes(self._direct, plan)
        return f"{minutes} minutes later, {rule.most_minutes} are acceptable" if minutes > rule.most_minutes else None

    def saved(self, plan: Shipments) -> str:
        rule, minutes = self._rule, _later_minutes(self._direct, plan)
        return (
            f"gathered first {self._saves(plan)}, more than the {rule.threshold_minor} asked for, "
            f"{minutes} minutes later of {rule.most_minutes} acceptable"
        )

    def beaten(self, plan: Shipments, best: Shipments) -> str:
        scales = self._scales
        return compared(scales.weight(best), scales.weight(plan), scales.first)

    def _saves(self, plan: Shipments) -> str:
        was, now, first = self._weight, self._scales.weight(plan), self._scales.first
        saves = was.all_minor - now.all_minor
        if was.beside_minor == now.beside_minor:
            return f"saves {saves}"
        said = f"is {compared(was, now, first)}"
        return said if first and abs(saves) >= FIRST_MINOR else f"{said}: saves {saves} in all"


def gather(planner: Planner, holding: Holding, direct: Shipments, strategy: Strategy | None) -> Gathered:
    """The direct plan, or a gathered one that is worth it. Nothing is weighed where no transfers join the sites.

    `strategy`: by which the goods are held, where a policy is in force.
    """
    network = planner.draft.network
    if len(direct) < 2 or not network.transfers:
        return Gathered(direct)
    roads = {(road.from_site, road.to_site): road for road in network.transfers}
    if not any((one, other) in roads for one in holding for other in holding):
        return Gathered(direct)
    worth = _Worth(
        _rule(planner, PLAIN if strategy is None else strategy), Scales(planner.draft, planner.counting, {}), direct
    )
    ways = [_through(planner, hub, holding, roads) for hub in holding]
    ways = [one if one.shipments is None else one._replace(why=worth.refused(one.shipments)) for one in ways]
    taken = [one.shipments for one in ways if one.shipments and one.why is None]
    best = min(taken, key=worth.place, default=None)
    if best is None:
        return Gathered(direct, tuple(ways))
    others = [Weighed(label(direct), direct, worth.saved(best))]
    for one in ways:
        if one.shipments is None or one.why is not None:
            others.append(one)
        elif one.shipments is not best:
            others.append(one._replace(why=worth.beaten(one.shipments, best)))
    return Gathered(best, tuple(others))


def _rule(planner: Planner, strategy: Strategy) -> _Rule:
    """By the strategy, else the network's rules."""
    part = planner.part
    if part.service_level in FAST:
        return _Rule(0, 0, f"{part.service_level} is never gathered first")
    if fragile := _fragile(planner):
        return _Rule(0, 0, f"{fragile} never wait for other goods")
    for rule in gathering_of(planner.draft.network, strategy):
        if rule.service is part.service_level:
            return _Rule(rule.threshold_minor, min(rule.max_delay_minutes, part.max_delay_minutes))
    return _Rule(0, 0, "the rules gather no such order")


def _fragile(planner: Planner) -> str:
    items = [planner.draft.reference.item(line.sku) for line in planner.part.lines]
    found = {trait.value for item in items if item is not None for trait in item.traits if trait in FRAGILE}
    return f"{' and '.join(sorted(found))} goods" if found else ""


def _later_minutes(direct: Shipments, plan: Shipments) -> int:
    return max(0, -(-(way_of(plan).arrival_ms - way_of(direct).arrival_ms) // MINUTE_MS))


def _through(planner: Planner, hub: str, holding: Holding, roads: dict[tuple[str, str], Road]) -> Weighed:
    """All that is held, by way of one of the sites."""
    network = planner.draft.network
    site = network.site_by_id[hub]
    name = " + ".join([*(f"{one} to {hub}" for one in holding if one != hub), hub])
    moved = {site_id: taken for site_id, taken in holding.items() if site_id != hub}
    missing = [site_id for site_id in moved if (site_id, hub) not in roads]
    if missing:
        return Weighed(name, None, f"no transfer from {' and '.join(missing)} to {hub}")
    skus = [line.sku for taken in moved.values() for line in taken]
    if why := refusal(site, skus, planner.draft.reference.item):
        return Weighed(name, None, f"{hub} {why}")
    sent = [_moved(planner, network.site_by_id[one], taken, roads[one, hub]) for one, taken in moved.items()]
    left = [one for one in sent if one is not None]
    if len(left) < len(sent):
        return Weighed(name, None, "no hour within a day has room for picking what is to be moved")
    from_ms = max(one.arrival_at_ms for one in left)
    parcel = parcel_from(planner, site, holding[hub], [line for one in left for line in one.lines], from_ms)
    return Weighed(name, None if parcel is None else _in_order(holding, [*left, parcel]))


def _in_order(holding: Holding, shipments: Sequence[Shipment]) -> Shipments:
    """As they are held: a plan names its sites in one order, however it ships."""
    by_site = {one.site_id: one for one in shipments}
    return tuple([by_site[site_id] for site_id in holding])


def _moved(planner: Planner, site: Site, taken: tuple[Taken, ...], road: Road) -> Shipment | None:
    """The first transfer that can be picked for; None where none has room within a day."""
    load, units, room = planner.load(taken), sum([line.quantity for line in taken]), planner.room({})
    for leaves_ms in _times(planner, site, units):
        if room.can_pick(site, leaves_ms, units):
            terms = terms_of.add_terms(
                [
                    (terms_of.TRANSFER, road.transfer_minor - (-load.grams // 1000) * road.kilogram_minor),
                    (terms_of.HANDLING_LINES, load.skus * site.handling_line_minor),
                ]
            )
            return Shipment(
                site_id=site.site_id,
                lane_id="",
                carrier=TRANSFER,
                departure_at_ms=leaves_ms,
                arrival_at_ms=leaves_ms + road.minutes * MINUTE_MS,
                lines=taken,
                cost_minor=sum([amount for _, amount in terms]),
                terms=terms,
                hours=picking_hours(site, leaves_ms, units),
            )
    return None


def _times(planner: Planner, site: Site, units: int) -> Iterator[int]:
    first_ms = planner.now_ms + pick_ms(site, units)
    return takewhile(lambda at_ms: at_ms < first_ms + WITHIN_MS, open_times(site, first_ms, EVERY_MINUTES))
