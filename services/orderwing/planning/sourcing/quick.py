"""Which sites ship which lines: the quick, feasible choice made when stock is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple, Protocol

from orderwing.planning.calendar import MINUTE_MS, arrival_ms, earliest_departure, serving_lanes
from orderwing.planning.costs import Catalogue, weight_g
from orderwing.planning.outlets import Loser, Outlet, Parcel
from orderwing.planning.wishes import latest_ms, too_late
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Network, Site

EXACT_SITES = 10  # up to here all subsets are weighed (1,023 of them); beyond, sites are added greedily
LOSERS = 12  # that a choice tells of

Atp = Callable[[str, str], int]  # (site, SKU) -> units
Steering = Callable[[str, str], int]  # (site, SKU) -> minor units for a unit


class Line(Protocol):
    """Units of an order line."""

    @property
    def line_id(self) -> str: ...

    @property
    def sku(self) -> str: ...

    @property
    def quantity(self) -> int: ...


class Rest(NamedTuple):
    """What of an order line no site has."""

    line_id: str
    sku: str
    quantity: int


class Pick(NamedTuple):
    """Units of an order line from one site."""

    line_id: str
    sku: str
    site_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`held` and `short` together are the lines asked for.

    `cost_minor` is an estimate of what will be paid, on the next departures, before capacity, as `parcels` sum it up;
    their lateness is counted from `due_ms`. Steering prices are no part of it. `promise_at_ms` is None if nothing is
    held. `losers` could have held as much.
    """

    held: tuple[Pick, ...]
    short: tuple[Line, ...]
    cost_minor: int
    promise_at_ms: int | None
    due_ms: int = 0
    parcels: tuple[Parcel, ...] = ()
    losers: tuple[Loser, ...] = ()

    @property
    def weighed_minor(self) -> int:
        """What it was compared by: `cost_minor`, and the steering prices of what is held."""
        return sum([parcel.weighed_minor for parcel in self.parcels])

    @property
    def site_ids(self) -> tuple[str, ...]:
        return tuple(sorted({line.site_id for line in self.held}))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be sourced, and where to. `catalogue` and `atp` are looked up as needed.

    That a customer wants one box need not be told: the fewest sites always win. `steering` counts when ways are
    compared.
    """

    network: Network
    catalogue: Catalogue
    atp: Atp
    lines: Sequence[Line]
    zone: str
    service_level: ServiceLevel
    now_ms: int
    may_split: bool
    max_delay_minutes: int
    steering: Steering | None = None

    def steering_minor(self, site_id: str, units: Iterable[tuple[str, int]]) -> int:
        """The price of (SKU, quantity) pairs from a site's shelves."""
        price = self.steering
        return 0 if price is None else sum([quantity * price(site_id, sku) for sku, quantity in units])


def quick_choice(asked: Asked, sites: Sequence[Site]) -> Choice:
    """The fewest units short, then the fewest sites, then the least cost, steering included, then the earlier site.

    Without `may_split` one site serves what it can. What arrives later than the earliest possible by more than
    `max_delay_minutes` is left out. Within that, lateness is priced against the earliest arrival that any site of
    `sites` offers, so that a penny never buys a day.
    """
    units = sum(line.quantity for line in asked.lines)
    outlets = [outlet for site in sites if (outlet := _outlet(asked, site, units)) is not None]
    stocked = [outlet for outlet in outlets if any(outlet.stock.values())]
    if not stocked:
        return Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)
    due_ms = min(outlet.earliest for outlet in outlets)
    due_ms += asked.network.policies.promise_slack_minutes * MINUTE_MS
    in_time, losers = _in_time(asked, stocked, due_ms)
    choice = _weighed(asked, in_time, due_ms)
    return replace(choice, losers=(*choice.losers, *losers)[:LOSERS]) if losers else choice


def _weighed(asked: Asked, stocked: Sequence[Outlet], due_ms: int) -> Choice:
    needed = _needed(asked)
    whole = [outlet for outlet in stocked if all(outlet.stock[sku] >= units for sku, units in needed.items())]
    if whole:
        return _from_one(asked, whole, due_ms)
    if not asked.may_split or len(stocked) == 1:
        return _best(asked, ((outlet,) for outlet in stocked), due_ms)
    if len(stocked) > EXACT_SITES:
        return _greedily(asked, stocked, due_ms)
    least = _short_units(asked, stocked)
    for size in range(1, len(stocked) + 1):
        enough = [group for group in combinations(stocked, size) if _short_units(asked, group) == least]
        if enough:
            return _best(asked, enough, due_ms)
    raise AssertionError("all sites together are always enough")


def verify(asked: Asked, choice: Choice) -> list[str]:
    """What is wrong with a choice, in words; nothing if it is sound. Shares no code with the search."""
    wrong = []
    for line in asked.lines:
        told = [h.quantity for h in choice.held if h.line_id == line.line_id]
        told += [s.quantity for s in choice.short if s.line_id == line.line_id]
        if sum(told) != line.quantity:
            wrong.append(f"line {line.line_id}: {sum(told)} units answered for {line.quantity}")
    for site_id, sku in sorted({(h.site_id, h.sku) for h in choice.held}):
        taken = sum(h.quantity for h in choice.held if (h.site_id, h.sku) == (site_id, sku))
        if taken > asked.atp(site_id, sku):
            wrong.append(f"site {site_id}: {taken} units of {sku} held, {asked.atp(site_id, sku)} available")
    if not asked.may_split and len(choice.site_ids) > 1:
        wrong.append("split though the order may not be")
    if sum(parcel.cost_minor for parcel in choice.parcels) != choice.cost_minor:
        wrong.append("the parcels do not sum up to the cost")
    return wrong


def _outlet(asked: Asked, site: Site, units: int) -> Outlet | None:
    runs = []
    for lane in serving_lanes(asked.network, site.site_id, asked.zone, asked.service_level):
        departure = earliest_departure(lane, site, asked.now_ms, units)
        if departure is not None:
            runs.append((lane, arrival_ms(lane, departure)))
    if not runs:
        return None
    return Outlet(site, tuple(runs), {line.sku: max(0, asked.atp(site.site_id, line.sku)) for line in asked.lines})


def _in_time(asked: Asked, stocked: Sequence[Outlet], due_ms: int) -> tuple[Sequence[Outlet], tuple[Loser, ...]]:
    """What is left of the outlets' runs within the delay that is acceptable; single sites that could not be in time.

    The earliest possible is that of the quickest sites that together are short of the fewest units.
    """
    earliest = min([outlet.earliest for outlet in stocked])
    last = max([arrival for outlet in stocked for _, arrival in outlet.runs])
    if last <= latest_ms(asked.max_delay_minutes, earliest):
        return stocked, ()
    quickest = sorted(stocked, key=lambda outlet: outlet.earliest)
    groups = [quickest[: n + 1] for n in range(len(quickest))] if asked.may_split else [[o] for o in quickest]
    least = min(_short_units(asked, group) for group in groups)
    earliest = next(group[-1].earliest for group in groups if _short_units(asked, group) == least)
    by_ms = latest_ms(asked.max_delay_minutes, earliest)
    kept: list[Outlet] = []
    losers: list[Loser] = []
    lines = [(line.sku, line.quantity) for line in asked.lines]
    for outlet in stocked:
        runs = tuple([run for run in outlet.runs if run[1] <= by_ms])
        if runs:
            kept.append(outlet if len(runs) == len(outlet.runs) else replace(outlet, runs=runs))
        elif not _short_units(asked, (outlet,)):
            grams, steering = weight_g(asked.catalogue, lines), asked.steering_minor(outlet.site.site_id, lines)
            parcel = outlet.parcel(asked.network.policies, len(lines), grams, due_ms, steering)
            losers.append(Loser((parcel,), too_late(asked.max_delay_minutes, parcel.arrival_ms, earliest)))
    return kept, tuple(losers)


def _needed(asked: Asked) -> dict[str, int]:
    """Units by SKU."""
    needed: dict[str, int] = {}
    for line in asked.lines:
        needed[line.sku] = needed.get(line.sku, 0) + line.quantity
    return needed


def _short_units(asked: Asked, group: Sequence[Outlet]) -> int:
    return sum(max(0, units - sum(o.stock[sku] for o in group)) for sku, units in _needed(asked).items())


def _best(asked: Asked, groups: Iterable[Sequence[Outlet]], due_ms: int) -> Choice:
    """The first of the best: least short, then least cost."""
    choices = [(_units(choice.short), choice) for choice in (_fill(asked, group, due_ms) for group in groups)]
    short, best = min(choices, key=lambda one: (one[0], one[1].weighed_minor))
    rivals = [choice for units, choice in choices if units == short and choice is not best]
    rivals.sort(key=lambda choice: choice.weighed_minor)
    least_minor = best.weighed_minor
    losers = tuple([Loser(choice.parcels, _dearer(choice.weighed_minor, least_minor)) for choice in rivals[:LOSERS]])
    return replace(best, losers=losers) if losers else best


def _units(lines: Iterable[Line]) -> int:
    return sum([line.quantity for line in lines])


def _dearer(cost_minor: int, best_minor: int) -> str:
    """Why what could be had as well was not taken."""
    return f"dearer by {cost_minor - best_minor}" if cost_minor > best_minor else "no cheaper, and later in the network"


def _greedily(asked: Asked, stocked: Sequence[Outlet], due_ms: int) -> Choice:
    group: list[Outlet] = []
    rest, short = list(stocked), sum(line.quantity for line in asked.lines) + 1
    while rest:
        best = min(rest, key=lambda outlet: _short_units(asked, [*group, outlet]))
        now_short = _short_units(asked, [*group, best])
        if now_short >= short:
            break
        group, short = [*group, best], now_short
        rest.remove(best)
    return _fill(asked, group, due_ms)


def _from_one(asked: Asked, whole: Sequence[Outlet], due_ms: int) -> Choice:
    """All lines from the cheapest, the first of equals."""
    policies = asked.network.policies
    lines = [(line.sku, line.quantity) for line in asked.lines]
    grams = weight_g(asked.catalogue, lines)
    parcels = [
        outlet.parcel(policies, len(lines), grams, due_ms, asked.steering_minor(outlet.site.site_id, lines))
        for outlet in whole
    ]
    costs = [parcel.weighed_minor for parcel in parcels]
    cost = min(costs)
    place = costs.index(cost)
    site_id = whole[place].site.site_id
    held = tuple([Pick(line.line_id, line.sku, site_id, line.quantity) for line in asked.lines])
    promise_at_ms = whole[place].earliest + policies.promise_slack_minutes * MINUTE_MS
    losers = [Loser((p,), _dearer(p.weighed_minor, cost)) for n, p in enumerate(parcels) if n != place]
    return Choice(held, (), parcels[place].cost_minor, promise_at_ms, due_ms, (parcels[place],), tuple(losers[:LOSERS]))


def _fill(asked: Asked, group: Sequence[Outlet], due_ms: int) -> Choice:
    """Each line whole from the cheapest site of the group that has it whole, split only where none has."""
    left: dict[tuple[str, str], int] = {}
    held: list[Pick] = []
    short: list[Line] = []
    for line in asked.lines:
        for outlet in group:
            place = (outlet.site.site_id, line.sku)
            left.setdefault(place, outlet.stock[line.sku])
        open_units = line.quantity
        for outlet in _in_turn(asked, group, line, left):
            taken = min(open_units, left[outlet.site.site_id, line.sku])
            if taken:
                left[outlet.site.site_id, line.sku] -= taken
                open_units -= taken
                held.append(Pick(line.line_id, line.sku, outlet.site.site_id, taken))
        if open_units:
            short.append(Rest(line.line_id, line.sku, open_units))
    parcels, arrives = _parcels(asked, group, held, due_ms)
    slack_ms = asked.network.policies.promise_slack_minutes * MINUTE_MS
    cost = sum([parcel.cost_minor for parcel in parcels])
    return Choice(tuple(held), tuple(short), cost, arrives + slack_ms if held else None, due_ms, parcels)


def _in_turn(asked: Asked, group: Sequence[Outlet], line: Line, left: dict[tuple[str, str], int]) -> Sequence[Outlet]:
    if len(group) == 1:
        return group
    grams = weight_g(asked.catalogue, ((line.sku, line.quantity),))

    def turn(outlet: Outlet) -> tuple[bool, int, int]:
        available = left[outlet.site.site_id, line.sku]
        per_kilogram = min(lane.kilogram_minor for lane, _ in outlet.runs)
        steering = asked.steering_minor(outlet.site.site_id, ((line.sku, line.quantity),))
        dear = (outlet.site.handling_line_minor + steering) * 1000 + per_kilogram * grams
        return (available < line.quantity, dear if available >= line.quantity else -available, dear)

    return sorted(group, key=turn)


def _parcels(
    asked: Asked, group: Sequence[Outlet], held: Sequence[Pick], due_ms: int
) -> tuple[tuple[Parcel, ...], int]:
    """The parcels on the next departures, and when the last of them can be there."""
    parcels: list[Parcel] = []
    arrives = 0
    for outlet in group:
        lines = [(line.sku, line.quantity) for line in held if line.site_id == outlet.site.site_id]
        if lines:
            grams, steering = weight_g(asked.catalogue, lines), asked.steering_minor(outlet.site.site_id, lines)
            parcels.append(outlet.parcel(asked.network.policies, len(lines), grams, due_ms, steering))
            arrives = max(arrives, outlet.earliest)
    return tuple(parcels), arrives
