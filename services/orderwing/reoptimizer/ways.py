"""Where stock could ship a part from: each site that has all, splits over two, or what is held without one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations

from orderwing.reoptimizer.pool import Line, PoolPart, Shelf, Take

SITES = 8  # that splits are made from

Stock = Callable[[Shelf], int]
Way = tuple[Take, ...]


def stocked(part: PoolPart, sites: Iterable[str], stock: Stock) -> list[str]:
    """The sites that have some of it, those with most of its lines whole first."""
    found = [site_id for site_id in sites if any(stock((site_id, line.sku)) > 0 for line in part.lines)]
    return sorted(found, key=lambda site_id: -sum(stock((site_id, x.sku)) >= x.quantity for x in part.lines))


def alone(part: PoolPart, sites: Iterable[str], stock: Stock) -> dict[str, Way]:
    """By site, all of it from there."""
    found = [(site_id, _fill(part.lines, (site_id,), stock)) for site_id in sites]
    return {site_id: takes for site_id, takes in found if takes}


def splits(part: PoolPart, sites: Sequence[str], stock: Stock, whole: Iterable[str], cheapest: bool) -> Iterator[Way]:
    """Of a part that is split already or may be, over a main site and another; and without one of its sites.

    A pair whose main site is `whole` is a single site with a second parcel, so it is left out. The other one may have
    all where a single site wins only if it is `cheapest`.
    """
    has_all = frozenset(whole)
    held = sorted({take.site_id for take in part.takes})
    if len(part.lines) > 1 and (len(held) > 1 or (part.may_split and not part.one_box)):
        for pair in permutations(sites[:SITES], 2):
            if has_all.intersection(pair[:1] if cheapest else pair):
                continue
            if takes := _fill(part.lines, pair, stock):
                yield takes
    if len(held) > 2:
        for left_out in held:
            if takes := _fill(part.lines, [site_id for site_id in held if site_id != left_out], stock):
                yield takes


def _fill(lines: Iterable[Line], sites: Sequence[str], stock: Stock) -> Way | None:
    """Each line whole from the first of `sites` that has it, in pieces only where none has; None if it is not there."""
    left: dict[Shelf, int] = {}
    takes = []
    for line in lines:
        for site_id in sites:
            if (site_id, line.sku) not in left:
                left[site_id, line.sku] = max(0, stock((site_id, line.sku)))
        having = [site_id for site_id in sites if left[site_id, line.sku] >= line.quantity]
        needed = line.quantity
        for site_id in having[:1] or sites:
            units = min(needed, left[site_id, line.sku])
            if units:
                takes.append(Take(site_id, line.line_id, line.sku, units))
                left[site_id, line.sku] -= units
                needed -= units
        if needed:
            return None
    return tuple(sorted(takes))
