"""Which sites ship which lines: the quick, feasible choice made when stock is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

from orderwing.planning.calendar import MINUTE_MS, next_runs
from orderwing.planning.outlets import Loser, Outlet, Parcel
from orderwing.planning.pricing import Catalogue, price_list
from orderwing.planning.sourcing.splits import Piece, Sharing, cost_of, sharings, units_of
from orderwing.planning.traits import refused
from orderwing.planning.wishes import latest_ms, too_late
from orderwing_schemas.domain import ServiceLevel
from orderwing_schemas.network import Network, Site

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


@dataclass(frozen=True)
class Asked:
    """What is to be sourced, and where to. `catalogue` and `atp` are looked up as needed.

    `one_box`: the customer wants it from one site, whatever is cheaper. `steering` counts when ways are compared.
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
    one_box: bool = False

    @cached_property
    def needed(self) -> dict[str, int]:
        """Units by SKU, in the lines' order."""
        needed: dict[str, int] = {}
        for line in self.lines:
            needed[line.sku] = needed.get(line.sku, 0) + line.quantity
        return needed

    @property
    def prefers_one_site(self) -> bool:
        """Whether a site that has all wins over any split."""
        return self.one_box or not self.may_split or self.network.policies.single_site == "always"

    def shelves(self, site: Site) -> dict[str, int]:
        """Units of each SKU that a site could ship: nothing of what it may not."""
        atp, site_id = self.atp, site.site_id
        stock = {sku: units if (units := atp(site_id, sku)) > 0 else 0 for sku in self.needed}
        if site.capabilities is not None:
            for sku in stock:
                if refused(site, self.catalogue(sku)):
                    stock[sku] = 0
        return stock

    def steering_minor(self, site_id: str, units: Iterable[tuple[str, int]]) -> int:
        """The price of (SKU, quantity) pairs from a site's shelves."""
        price = self.steering
        return 0 if price is None else sum([quantity * price(site_id, sku) for sku, quantity in units])

    def parcel(self, outlet: Outlet, units: Sequence[tuple[str, int]], due_ms: int) -> Parcel:
        """Of (SKU, quantity) pairs from one site."""
        prices = price_list(self.network)
        load = prices.load(self.catalogue, units)
        return outlet.parcel(prices, load, due_ms, self.steering_minor(outlet.site.site_id, units))


class Offers(NamedTuple):
    """The outlets in time, single sites that could not be, and the earliest that all could be promised for."""

    timely: Sequence[Outlet]
    losers: tuple[Loser, ...]
    due_ms: int


def quick_choice(asked: Asked, sites: Sequence[Site]) -> Choice:
    """The fewest units short, then one site where that is preferred, then the least cost, steering included.

    Of equal costs the fewest sites win, then the earlier. Without `may_split` one site serves what it can. What arrives
    later than the earliest possible by more than `max_delay_minutes` is left out. Within that, lateness is priced
    against the earliest arrival that any site of `sites` offers, so that a penny never buys a day.
    """
    found = offers(asked, sites)
    if found is None:
        return nothing(asked)
    choice = _weighed(asked, found.timely, found.due_ms)
    return replace(choice, losers=(*choice.losers, *found.losers)[:LOSERS]) if found.losers else choice


def nothing(asked: Asked) -> Choice:
    return Choice(held=(), short=tuple(asked.lines), cost_minor=0, promise_at_ms=None)


def offers(asked: Asked, sites: Sequence[Site]) -> Offers | None:
    """None where no site has any of it."""
    units = sum([line.quantity for line in asked.lines])
    outlets = [outlet for site in sites if (outlet := outlet_of(asked, site, units)) is not None]
    stocked = [outlet for outlet in outlets if any(outlet.stock.values())]
    if not stocked:
        return None
    due_ms = min([outlet.earliest for outlet in outlets])
    due_ms += asked.network.policies.promise_slack_minutes * MINUTE_MS
    return Offers(*in_time(asked, stocked, due_ms), due_ms)


def _weighed(asked: Asked, stocked: Sequence[Outlet], due_ms: int) -> Choice:
    needed = asked.needed
    whole = [outlet for outlet in stocked if all(outlet.stock[sku] >= units for sku, units in needed.items())]
    if whole and asked.prefers_one_site:
        return _from_one(asked, whole, due_ms)
    if not asked.may_split or len(stocked) == 1:
        ways = [_alone(asked, outlet, due_ms) for outlet in stocked]
        most = max(map(units_of, ways))
        return chosen_of(asked, sorted([way for way in ways if units_of(way) == most], key=cost_of), due_ms)
    return chosen_of(asked, sharings(asked, stocked, due_ms), due_ms)


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


def outlet_of(asked: Asked, site: Site, units: int) -> Outlet | None:
    found = next_runs(asked.network, site, asked.zone, asked.service_level, asked.now_ms, units)
    if found is None:
        return None
    return Outlet(site, found.runs, asked.shelves(site), found.earliest_ms, found.latest_ms)


def in_time(asked: Asked, stocked: Sequence[Outlet], due_ms: int) -> tuple[Sequence[Outlet], tuple[Loser, ...]]:
    """What is left of the outlets' runs within the delay that is acceptable; single sites that could not be in time.

    The earliest possible is that of the quickest sites that together are short of the fewest units.
    """
    earliest = min([outlet.earliest for outlet in stocked])
    last = max([outlet.latest for outlet in stocked])
    if last <= latest_ms(asked.max_delay_minutes, earliest):
        return stocked, ()
    quickest = sorted(stocked, key=lambda outlet: outlet.earliest)
    groups = [quickest[: n + 1] for n in range(len(quickest))] if asked.may_split else [[o] for o in quickest]
    least = min(short_units(asked, group) for group in groups)
    earliest = next(group[-1].earliest for group in groups if short_units(asked, group) == least)
    by_ms = latest_ms(asked.max_delay_minutes, earliest)
    kept: list[Outlet] = []
    losers: list[Loser] = []
    lines = [(line.sku, line.quantity) for line in asked.lines]
    for outlet in stocked:
        if (timely := outlet.until(by_ms)) is not None:
            kept.append(timely)
        elif not short_units(asked, (outlet,)):
            parcel = asked.parcel(outlet, lines, due_ms)
            losers.append(Loser((parcel,), too_late(asked.max_delay_minutes, parcel.arrival_ms, earliest)))
    return kept, tuple(losers)


def short_units(asked: Asked, group: Sequence[Outlet]) -> int:
    return sum(max(0, units - sum(o.stock[sku] for o in group)) for sku, units in asked.needed.items())


def _dearer(cost_minor: int, best_minor: int) -> str:
    """Why what could be had as well was not taken."""
    return f"dearer by {cost_minor - best_minor}" if cost_minor > best_minor else "no cheaper"


def _from_one(asked: Asked, whole: Sequence[Outlet], due_ms: int) -> Choice:
    """All lines from the cheapest, the first of equals."""
    policies = asked.network.policies
    lines = [(line.sku, line.quantity) for line in asked.lines]
    prices = price_list(asked.network)
    load = prices.load(asked.catalogue, lines)
    if asked.steering is None:
        parcels = [outlet.parcel(prices, load, due_ms) for outlet in whole]
    else:
        steering = [asked.steering_minor(outlet.site.site_id, lines) for outlet in whole]
        parcels = [o.parcel(prices, load, due_ms, minor) for o, minor in zip(whole, steering, strict=True)]
    costs = [parcel.weighed_minor for parcel in parcels]
    cost = min(costs)
    place = costs.index(cost)
    site_id = whole[place].site.site_id
    held = tuple([Pick(line.line_id, line.sku, site_id, line.quantity) for line in asked.lines])
    promise_at_ms = whole[place].earliest + policies.promise_slack_minutes * MINUTE_MS
    losers = [Loser((p,), _dearer(p.weighed_minor, cost)) for n, p in enumerate(parcels) if n != place]
    return Choice(held, (), parcels[place].cost_minor, promise_at_ms, due_ms, (parcels[place],), tuple(losers[:LOSERS]))


def _alone(asked: Asked, outlet: Outlet, due_ms: int) -> Sharing:
    """What one site has of it."""
    taken = [(sku, min(units, outlet.stock[sku])) for sku, units in asked.needed.items()]
    some = tuple([one for one in taken if one[1]])
    return (Piece(outlet, some, asked.parcel(outlet, some, due_ms)),)


def chosen_of(asked: Asked, ways: Iterable[Sharing], due_ms: int) -> Choice:
    """The first of some ways; of the others the cheapest of each group of sites lost to it."""
    best, *others = ways
    groups = {_sites(best)}
    losers: list[Loser] = []
    least = cost_of(best)
    for way in sorted(others, key=cost_of):
        if _sites(way) not in groups:
            groups.add(_sites(way))
            losers.append(Loser(tuple([piece.parcel for piece in way]), _dearer(cost_of(way), least)))
    held, short = _picks(asked, best)
    arrives = max([piece.outlet.earliest for piece in best])
    promise_at_ms = arrives + asked.network.policies.promise_slack_minutes * MINUTE_MS
    parcels = tuple([piece.parcel for piece in best])
    cost = sum([parcel.cost_minor for parcel in parcels])
    return Choice(held, short, cost, promise_at_ms, due_ms, parcels, tuple(losers[:LOSERS]))


def _sites(way: Sharing) -> frozenset[str]:
    return frozenset([piece.outlet.site.site_id for piece in way])


def _picks(asked: Asked, way: Sharing) -> tuple[tuple[Pick, ...], tuple[Line, ...]]:
    """Units of each line from each site, earlier lines first; and what is short."""
    left = {(piece.outlet.site.site_id, sku): units for piece in way for sku, units in piece.taken}
    held: list[Pick] = []
    short: list[Line] = []
    for line in asked.lines:
        rest = line.quantity
        for (site_id, sku), there in left.items():
            if sku == line.sku and rest and there:
                units = min(rest, there)
                left[site_id, sku] = there - units
                rest -= units
                held.append(Pick(line.line_id, sku, site_id, units))
        if rest:
            short.append(Rest(line.line_id, line.sku, rest))
    return tuple(held), tuple(short)
