"""Which sites ship which lines: the quick, feasible choice made when stock is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, Protocol

from orderwing.planning.calendar import MINUTE_MS, arrival_ms, earliest_departure, serving_lanes
from orderwing.planning.costs import Catalogue, freight_minor, lateness_minor, weight_g
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Lane, Network, Site

EXACT_SITES = 10  # up to here all subsets are weighed (1,023 of them); beyond, sites are added greedily

Atp = Callable[[str, str], int]  # (site, SKU) -> units


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

    `cost_minor` is an estimate on the next departures, before capacity. `promise_at_ms` is None if nothing is held.
    """

    held: tuple[Pick, ...]
    short: tuple[Line, ...]
    cost_minor: int
    promise_at_ms: int | None

    @property
    def site_ids(self) -> tuple[str, ...]:
        return tuple(sorted({line.site_id for line in self.held}))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be sourced, and where to. `catalogue` and `atp` are looked up as needed."""

    network: Network
    catalogue: Catalogue
    atp: Atp
    lines: Sequence[Line]
    zone: str
    service_level: ServiceLevel
    now_ms: int
    may_split: bool


@dataclass(frozen=True, slots=True)
class _Outlet:
    """A site that can deliver, (lane, arrival) of each lane's next departure, and what it has of the SKUs asked for."""

    site: Site
    runs: tuple[tuple[Lane, int], ...]
    stock: Mapping[str, int]

    @property
    def earliest(self) -> int:
        return min(arrival for _, arrival in self.runs)

    def cost(self, asked: Asked, line_count: int, grams: int, due_ms: int) -> int:
        """On its cheapest run."""
        policies = asked.network.policies
        return min(
            freight_minor(self.site, lane, line_count, grams) + lateness_minor(policies, arrival, due_ms)
            for lane, arrival in self.runs
        )


def quick_choice(asked: Asked, sites: Sequence[Site]) -> Choice:
    """The fewest units short, then the fewest sites, then the least cost, then the earlier site in `sites`.

    Without `may_split` one site serves what it can. Lateness is priced against the earliest arrival that any site of
    `sites` offers, so that a penny never buys a day.
    """
    units = sum(line.quantity for line in asked.lines)
    outlets = [outlet for site in sites if (outlet := _outlet(asked, site, units)) is not None]
    stocked = [outlet for outlet in outlets if any(outlet.stock.values())]
    if not stocked:
        return Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)
    due_ms = min(outlet.earliest for outlet in outlets)
    due_ms += asked.network.policies.promise_slack_minutes * MINUTE_MS
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
    return wrong


def _outlet(asked: Asked, site: Site, units: int) -> _Outlet | None:
    runs = []
    for lane in serving_lanes(asked.network, site.site_id, asked.zone, asked.service_level):
        departure = earliest_departure(lane, site, asked.now_ms, units)
        if departure is not None:
            runs.append((lane, arrival_ms(lane, departure)))
    if not runs:
        return None
    return _Outlet(site, tuple(runs), {line.sku: max(0, asked.atp(site.site_id, line.sku)) for line in asked.lines})


def _needed(asked: Asked) -> dict[str, int]:
    """Units by SKU."""
    needed: dict[str, int] = {}
    for line in asked.lines:
        needed[line.sku] = needed.get(line.sku, 0) + line.quantity
    return needed


def _short_units(asked: Asked, group: Sequence[_Outlet]) -> int:
    return sum(max(0, units - sum(o.stock[sku] for o in group)) for sku, units in _needed(asked).items())


def _best(asked: Asked, groups: Iterable[Sequence[_Outlet]], due_ms: int) -> Choice:
    """The first of the best: least short, then least cost."""
    choices = (_fill(asked, group, due_ms) for group in groups)
    return min(choices, key=lambda choice: (sum(line.quantity for line in choice.short), choice.cost_minor))


def _greedily(asked: Asked, stocked: Sequence[_Outlet], due_ms: int) -> Choice:
    group: list[_Outlet] = []
    rest, short = list(stocked), sum(line.quantity for line in asked.lines) + 1
    while rest:
        best = min(rest, key=lambda outlet: _short_units(asked, [*group, outlet]))
        now_short = _short_units(asked, [*group, best])
        if now_short >= short:
            break
        group, short = [*group, best], now_short
        rest.remove(best)
    return _fill(asked, group, due_ms)


def _from_one(asked: Asked, whole: Sequence[_Outlet], due_ms: int) -> Choice:
    """All lines from the cheapest, the first of equals."""
    grams = weight_g(asked.catalogue, [(line.sku, line.quantity) for line in asked.lines])
    costs = [outlet.cost(asked, len(asked.lines), grams, due_ms) for outlet in whole]
    outlet = whole[costs.index(min(costs))]
    site_id = outlet.site.site_id
    held = tuple([Pick(line.line_id, line.sku, site_id, line.quantity) for line in asked.lines])
    slack_ms = asked.network.policies.promise_slack_minutes * MINUTE_MS
    return Choice(held, (), min(costs), outlet.earliest + slack_ms)


def _fill(asked: Asked, group: Sequence[_Outlet], due_ms: int) -> Choice:
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
    cost, arrives = _estimate(asked, group, held, due_ms)
    slack_ms = asked.network.policies.promise_slack_minutes * MINUTE_MS
    return Choice(tuple(held), tuple(short), cost, arrives + slack_ms if held else None)


def _in_turn(asked: Asked, group: Sequence[_Outlet], line: Line, left: dict[tuple[str, str], int]) -> Sequence[_Outlet]:
    if len(group) == 1:
        return group
    grams = weight_g(asked.catalogue, ((line.sku, line.quantity),))

    def turn(outlet: _Outlet) -> tuple[bool, int, int]:
        available = left[outlet.site.site_id, line.sku]
        per_kilogram = min(lane.kilogram_minor for lane, _ in outlet.runs)
        dear = outlet.site.handling_line_minor * 1000 + per_kilogram * grams
        return (available < line.quantity, dear if available >= line.quantity else -available, dear)

    return sorted(group, key=turn)


def _estimate(asked: Asked, group: Sequence[_Outlet], held: Sequence[Pick], due_ms: int) -> tuple[int, int]:
    """Cost of the parcels on the next departures, and when the last of them can be there."""
    cost, arrives = 0, 0
    for outlet in group:
        lines = [line for line in held if line.site_id == outlet.site.site_id]
        if lines:
            grams = weight_g(asked.catalogue, ((line.sku, line.quantity) for line in lines))
            cost += outlet.cost(asked, len(lines), grams, due_ms)
            arrives = max(arrives, outlet.earliest)
    return cost, arrives
