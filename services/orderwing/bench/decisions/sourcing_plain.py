"""The plain rule that sourcing began with: the fewest units short, the fewest sites, then the least cost.

Each line comes whole from the cheapest site of a group that has it whole, and is split only where none has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from orderwing.planning.outlets import Outlet
from orderwing.planning.pricing import price_list
from orderwing.planning.sourcing.quick import Asked, Choice, Line, chosen_of, nothing, offers, short_units
from orderwing.planning.sourcing.splits import Piece, Sharing, cost_of, units_of
from orderwing_schemas.network import Site

EXACT_SITES = 10  # beyond, sites are added greedily
Shelf = tuple[str, str]  # (site, SKU)


def plain_choice(asked: Asked, sites: Sequence[Site]) -> Choice:
    """What the plain rule holds, at the arrivals and prices of `quick_choice`. Of equal lanes the first in the file."""
    found = offers(asked, sites)
    if found is None:
        return nothing(asked)
    ways = [_filled(asked, group, found.due_ms) for group in _groups(asked, found.timely)]
    most = max(map(units_of, ways))
    return chosen_of(asked, sorted([way for way in ways if units_of(way) == most], key=cost_of), found.due_ms)


def _groups(asked: Asked, stocked: Sequence[Outlet]) -> Iterator[Sequence[Outlet]]:
    """Of the fewest sites that together are short of the fewest units."""
    if not asked.may_split:
        yield from ([outlet] for outlet in stocked)
    elif len(stocked) > EXACT_SITES:
        yield _greedily(asked, stocked)
    else:
        least = short_units(asked, stocked)
        for size in range(1, len(stocked) + 1):
            enough = [group for group in combinations(stocked, size) if short_units(asked, group) == least]
            if enough:
                yield from enough
                return


def _greedily(asked: Asked, stocked: Sequence[Outlet]) -> Sequence[Outlet]:
    group: list[Outlet] = []
    rest, short = list(stocked), sum(asked.needed.values()) + 1
    while rest:
        best = min(rest, key=lambda outlet: short_units(asked, [*group, outlet]))
        if (now_short := short_units(asked, [*group, best])) >= short:
            break
        group, short = [*group, best], now_short
        rest.remove(best)
    return group


def _filled(asked: Asked, group: Sequence[Outlet], due_ms: int) -> Sharing:
    left = {(outlet.site.site_id, sku): outlet.stock[sku] for outlet in group for sku in asked.needed}
    taken: dict[Shelf, int] = {}
    for line in asked.lines:
        open_units = line.quantity
        for outlet in _in_turn(asked, group, line, left):
            shelf = (outlet.site.site_id, line.sku)
            if units := min(open_units, left[shelf]):
                left[shelf] -= units
                open_units -= units
                taken[shelf] = taken.get(shelf, 0) + units
    pieces = []
    for outlet in group:
        some = tuple([(sku, n) for (site_id, sku), n in taken.items() if site_id == outlet.site.site_id])
        if some:
            pieces.append(Piece(outlet, some, asked.parcel(outlet, some, due_ms)))
    return tuple(pieces)


def _in_turn(asked: Asked, group: Sequence[Outlet], line: Line, left: dict[Shelf, int]) -> Sequence[Outlet]:
    if len(group) == 1:
        return group
    grams = price_list(asked.network).load(asked.catalogue, ((line.sku, line.quantity),)).grams

    def turn(outlet: Outlet) -> tuple[bool, int, int]:
        available = left[outlet.site.site_id, line.sku]
        per_kilogram = min([lane.kilogram_minor for lane, _ in outlet.runs])
        dear = outlet.site.handling_line_minor * 1000 + per_kilogram * grams
        return (available < line.quantity, dear if available >= line.quantity else -available, dear)

    return sorted(group, key=turn)
