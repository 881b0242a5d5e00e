"""Orders too large for tables, within a millisecond or few: subset tables over straight prices, then single moves.

Every tariff gives way to a straight line below it, so that costs add up and every subset of sites has an exact answer.
The best one, priced truly, is improved: a site's load goes to the others, or what one site ships of a SKU to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations

import numpy as np

from orderwing.planning.sourcing import subsets
from orderwing.planning.sourcing.bounding import straight
from orderwing.planning.sourcing.drafts import Units
from orderwing.planning.sourcing.splitting import Field, Loaded

SHARE = 0.5  # of an order at one site, for which the lines are highest
WORK = 1_000  # SKUs of all loads that are priced
Price = Callable[[int, Units], int]
Loads = tuple[Units, ...]  # of every site


def shared(field: Field, price: Price) -> Loaded:
    """How many units of each want each site ships, (place of the way, units): all that stock allows."""
    fixed, line, unit = straight(field.problem, field.ways, field.wanted, SHARE)
    stock = np.array([way.cap for way in field.ways], np.int64).T
    found = subsets.cheapest(fixed, line, unit, stock, np.array(field.wanted, np.int64))
    loads = _improved(field, tuple([tuple(load) for load in found.units.T.tolist()]), price)
    return tuple([(place, units) for place, units in enumerate(loads) if any(units)])


def _improved(field: Field, loads: Loads, price: Price) -> Loads:
    """Until no move of a pass saves anything, or WORK is done."""
    known: dict[tuple[int, Units], int] = {}

    def cost(place: int, units: Units) -> int:
        key = (place, units)
        if key not in known:
            known[key] = price(place, units) if any(units) else 0
        return known[key]

    most = max(3 * len(loads), WORK // len(field.wanted))
    saved = True
    while saved and len(known) < most:
        saved = False
        for move in _moves(field, loads):
            after = move(loads)
            if after is None:
                continue
            changed = [n for n, (old, new) in enumerate(zip(loads, after, strict=True)) if old != new]
            if sum([cost(n, after[n]) - cost(n, loads[n]) for n in changed]) < 0:
                loads, saved = after, True
            if len(known) >= most:
                break
    return loads


Move = Callable[[Loads], Loads | None]


def _moves(field: Field, loads: Loads) -> Iterator[Move]:
    used = [place for place, units in enumerate(loads) if any(units)]
    for giver in used:
        yield partial(_emptied, field, giver)
    for want in range(len(field.wanted)):
        for giver, taker in permutations(used, 2):
            yield partial(_moved, field, want, giver, taker)


def _emptied(field: Field, giver: int, loads: Loads) -> Loads | None:
    """All that a site ships from the others in use; None where they have too little."""
    after = [list(units) for units in loads]
    given = after[giver]
    for want, units in enumerate(loads[giver]):
        for taker, load in enumerate(after):
            if units and taker != giver and any(loads[taker]):
                some = min(given[want], field.ways[taker].cap[want] - load[want])
                load[want] += some
                given[want] -= some
        if given[want]:
            return None
    return tuple([tuple(units) for units in after])


def _moved(field: Field, want: int, giver: int, taker: int, loads: Loads) -> Loads | None:
    units = min(loads[giver][want], field.ways[taker].cap[want] - loads[taker][want])
    if not units:
        return None
    after = list(loads)
    after[giver] = (*loads[giver][:want], loads[giver][want] - units, *loads[giver][want + 1 :])
    after[taker] = (*loads[taker][:want], loads[taker][want] + units, *loads[taker][want + 1 :])
    return tuple(after)
