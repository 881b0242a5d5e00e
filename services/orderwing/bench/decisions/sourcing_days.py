"""The demo's market, day after day: the same orders and stock, sourced by the plain rule and by the one in use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from orderwing.bench.decisions.main import Options
from orderwing.bench.decisions.sourcing_plain import plain_choice
from orderwing.bench.report import Sheet
from orderwing.commands.policy_orders import made_up
from orderwing.planning.calendar import HOUR_MS
from orderwing.planning.outlets import terms_of
from orderwing.planning.policies.replay import Moment
from orderwing.planning.pricing import price_list
from orderwing.planning.sourcing import Asked, Choice, Line, quick_choice
from orderwing_schemas.network import Item, Network, Site

SEEDS, ORDERS = 10, 600
Rule = Callable[[Asked, Sequence[Site]], Choice]
RULES: dict[str, Rule] = {"plain rule": plain_choice, "in use": quick_choice}


@dataclass
class Day:
    """Sums over a day's orders. `hours`: until the last parcel is there. `kept`: orders in time, of those `shipped`."""

    cost_minor: int = 0
    orders: int = 0
    shipments: int = 0
    parcels: int = 0
    short: int = 0
    shipped: int = 0
    kept: int = 0
    hours: float = 0.0


class Shelves:
    """Free units as stock systems book them: a share of what came is for safety."""

    def __init__(self, network: Network) -> None:
        self._share = {site.site_id: site.safety_share_percent for site in network.sites}
        self._came: Counter[tuple[str, str]] = Counter()
        self._gone: Counter[tuple[str, str]] = Counter()

    def atp(self, site_id: str, sku: str) -> int:
        came = self._came[site_id, sku]
        return came - came * self._share[site_id] // 100 - self._gone[site_id, sku]

    def receive(self, received: Iterable[tuple[str, str, int]]) -> None:
        for site_id, sku, units in received:
            self._came[site_id, sku] += units

    def take(self, choice: Choice) -> None:
        for pick in choice.held:
            self._gone[pick.site_id, pick.sku] += pick.quantity


def sheet(options: Options) -> Sheet:
    seeds, orders = (2, 60) if options.quick else (SEEDS, ORDERS)
    days: dict[str, list[Day]] = {name: [] for name in RULES}
    for seed in range(seeds):
        options.progress("the demo's market by both rules", seed, seeds)
        market = made_up(orders, seed)
        items = {item.sku: item for item in market.items}
        for name, rule in RULES.items():
            days[name].append(_day(market.network, items, market.moments, rule))
    plain, ours = days.values()
    cheaper = sum(b.cost_minor * a.orders < a.cost_minor * b.orders for a, b in zip(plain, ours, strict=True))
    columns = ("", "cost an order", "shipments", "parcels", "units short", "promise kept", "hours", "cheaper on")
    rows = [
        (*_row("plain rule", plain), ""),
        (*_row("in use", ours), f"{cheaper} of {seeds} seeds"),
    ]
    title = f"The demo's market, {seeds} seeds of {orders} orders, pence"
    return Sheet(title, columns, rows)


def _row(name: str, days: Sequence[Day]) -> tuple[str, ...]:
    def each(value: Callable[[Day], float]) -> float:
        return fmean([value(day) for day in days])

    return (
        name,
        f"{each(lambda day: day.cost_minor / day.orders):.1f}",
        f"{each(lambda day: day.shipments / day.orders):.3f}",
        f"{each(lambda day: day.parcels / day.orders):.3f}",
        f"{sum(day.short for day in days):,}",
        f"{each(lambda day: day.kept / day.shipped):.1%}",
        f"{each(lambda day: day.hours / day.shipped):.2f}",
    )


def _day(network: Network, items: dict[str, Item], moments: Iterable[Moment], rule: Rule) -> Day:
    day, shelves = Day(), Shelves(network)
    for moment in moments:
        shelves.receive(moment.received)
        choices = _sourced(network, items, moment, shelves, rule)
        order = moment.order
        parcels = [parcel for choice in choices for parcel in choice.parcels]
        day.orders += 1
        day.cost_minor += sum([choice.cost_minor for choice in choices])
        day.shipments += len(parcels)
        day.parcels += sum([parcel.load.parcels for parcel in parcels])
        day.short += sum([line.quantity for line in order.lines]) - _held(choices)
        if parcels:
            arrival_ms = max([parcel.arrival_ms for parcel in parcels])
            day.shipped += 1
            day.kept += arrival_ms <= max([choice.promise_at_ms or 0 for choice in choices])
            day.hours += (arrival_ms - moment.at_ms) / HOUR_MS
    return day


def _held(choices: Iterable[Choice]) -> int:
    return sum([pick.quantity for choice in choices for pick in choice.held])


def _sourced(network: Network, items: dict[str, Item], moment: Moment, shelves: Shelves, rule: Rule) -> list[Choice]:
    """At home, then what is short in each neighbouring region in turn, as a slip does."""
    order = moment.order
    lines: Sequence[Line] = order.lines
    choices = []
    for region in (order.home_region, *network.region_by_id[order.home_region].neighbours):
        asked = Asked(
            network=network,
            catalogue=items.get,
            atp=shelves.atp,
            lines=lines,
            zone=order.zone,
            service_level=order.service_level,
            now_ms=moment.at_ms,
            may_split=order.may_split,
            max_delay_minutes=order.max_delay_minutes,
            one_box=order.one_box,
        )
        choice = rule(asked, network.sites_by_region[region])
        if not choice.held or (choice.short and not order.may_split):
            continue
        _check(asked, choice)
        shelves.take(choice)
        choices.append(choice)
        lines = choice.short
        if not lines:
            break
    return choices


def _check(asked: Asked, choice: Choice) -> None:
    """Raises AssertionError where a cost is not the sum of its terms."""
    terms = terms_of(price_list(asked.network), choice.parcels, choice.due_ms)
    assert sum([amount for _, amount in terms]) == choice.weighed_minor == choice.cost_minor
