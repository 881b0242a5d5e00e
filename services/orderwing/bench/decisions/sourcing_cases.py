"""Random sourcing problems, and the answer by enumerating every assignment and quantity split.

The enumeration prices each shipment with the cost model's own functions, one at a time, and shares nothing else with
the planner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from random import Random

from orderwing.planning.pricing import Carton, Goods, Handling, Shipping, Tariff, shipment_terms
from orderwing.planning.sourcing.problem import Hub, Inbound, Inflow, Problem, Rules, Run, Source, Want
from orderwing_schemas.network import Trait

HOUR_MS = 3_600_000
CARTONS = (
    Carton("small", 2_000, 4_000, 60, 20),
    Carton("middle", 6_000, 14_000, 150, 45),
    Carton("large", 12_000, 40_000, 300, 90),
)
Units = tuple[int, ...]
Cost = tuple[int, int]  # (units short, minor units)


def tariff(draw: Random, level: float = 1.0) -> Tariff:
    """Weight breaks at which the price per kilogram falls, and jumps."""
    ends = sorted(draw.sample([500, 1_000, 2_000, 3_000, 5_000, 8_000, 12_000], draw.randint(2, 5)))
    price, prices = draw.randint(250, 500) * level, []
    for _ in ends:
        prices.append(round(price))
        price *= draw.uniform(1.02, 1.6)
    return Tariff(tuple(ends), tuple(prices), draw.randint(20, 90), draw.choice([0, 4_000, 5_000, 6_000]))


def wants(draw: Random, count: int, most: int) -> tuple[Want, ...]:
    return tuple(
        Want(f"sku-{n}", draw.randint(1, most), draw.choice([150, 400, 900, 2_000, 4_500]), draw.randint(200, 16_000))
        for n in range(count)
    )


def speed_case(seed: int, lines: int = 5, sites: int = 10) -> Problem:
    """A basket of `lines` (units 1, 1, 1, 2 or 3 each), of which each site stocks about half; breaks and cartons."""
    draw = Random(f"speed-{seed}-{lines}-{sites}")
    wanted = tuple(want._replace(quantity=draw.choice([1, 1, 1, 2, 3])) for want in wants(draw, lines, 1))
    sources = tuple(
        Source(
            f"site-{n}",
            {want.sku: draw.choice([0, 0, 1, 2, 5]) for want in wanted},
            (Run(f"lane-{n}", tariff(draw), 0),),
            Handling(draw.randint(20, 60), draw.randint(20, 80)),
        )
        for n in range(sites)
    )
    return Problem(wanted, sources, CARTONS, rules=Rules(single_site="when_cheapest"))


def small_case(seed: int) -> Problem:
    """Everything that the model knows, small enough to enumerate."""
    draw = Random(f"small-{seed}")
    count, sites = draw.choice([(1, 4), (2, 4), (3, 3), (3, 4), (4, 3), (5, 3)])
    traits = [frozenset({trait}) for trait in (Trait.HAZARD, Trait.PERISHABLE)]
    wanted = tuple(
        want._replace(traits=draw.choice(traits) if draw.random() < 0.15 else frozenset())
        for want in wants(draw, count, {1: 6, 2: 4, 3: 2}.get(count, 1))
    )
    cartons = CARTONS if draw.random() < 0.6 else ()
    if cartons and draw.random() < 0.3:
        wanted = (wanted[0]._replace(cm3=50_000, traits=frozenset({Trait.OVERSIZE})), *wanted[1:])
    sources = tuple(_source(draw, f"s{n}", wanted) for n in range(sites))
    hubs = tuple(_hub(draw, source.site_id, sources) for source in sources if draw.random() < 0.5)
    rules = Rules(
        may_split=draw.random() < 0.9,
        single_site=draw.choice(["always", "when_cheapest", "when_cheapest"]),
        consolidates=draw.random() < 0.6,
        threshold_minor=draw.choice([0, 100]),
        acceptable_delay_minutes=draw.choice([0, 600, 6_000]),
        backorder_unit_minor=draw.choice([None, None, None, 150, 900]),
    )
    return Problem(
        wanted, sources, cartons, hubs, rules, due_at_ms=24 * HOUR_MS, late_hour_minor=20, latest_at_ms=90 * HOUR_MS
    )


def _run(draw: Random, site_id: str, soonest: int = 1) -> Run:
    room = draw.choice([None, None, None, 0, 2, 4])
    return Run(f"{site_id}-{draw.randint(0, 9)}", tariff(draw), draw.randint(soonest, 95) * HOUR_MS, room_units=room)


def _source(draw: Random, site_id: str, wanted: Sequence[Want]) -> Source:
    inbound = Inbound(
        {want.sku: draw.choice([0, 2, 4]) for want in wanted}, (_run(draw, site_id, 30),), draw.randint(0, 50)
    )
    return Source(
        site_id,
        {want.sku: draw.choice([0, 1, 1, 2, 4]) for want in wanted},
        tuple(_run(draw, site_id) for _ in range(draw.choice([0, 1, 1, 1, 2]))),
        Handling(draw.randint(0, 60), draw.randint(0, 80)),
        {want.sku: draw.randint(-20, 80) for want in wanted} if draw.random() < 0.3 else {},
        frozenset({Trait.HAZARD}) if draw.random() < 0.3 else frozenset(),
        (inbound,) if draw.random() < 0.3 else (),
    )


def _hub(draw: Random, site_id: str, sources: Sequence[Source]) -> Hub:
    inflows = tuple(
        Inflow(source.site_id, draw.randint(20, 300), draw.randint(0, 30))
        for source in sources
        if source.site_id != site_id and draw.random() < 0.8
    )
    return Hub(site_id, inflows, (_run(draw, site_id, 20),))


def best_direct(problem: Problem, most_sites: int | None = None) -> Cost | None:
    """The least (units short, cost) of all ways to ship straight from sites, at most so many of them.

    Where waiting has a price, units short count by it alone, and are nought here.
    """
    each = problem.rules.backorder_unit_minor
    choices = [list(_shares(want.quantity, [_most(s, want) for s in problem.sources])) for want in problem.wants]
    price = cache(lambda place, units: site_cost(problem, problem.sources[place], units))
    best: Cost | None = None
    for shares in product(*choices):
        loads = list(zip(*(share[:-1] for share in shares), strict=True))
        if most_sites is not None and sum(1 for load in loads if any(load)) > most_sites:
            continue
        costs = [price(place, load) for place, load in enumerate(loads) if any(load)]
        short = sum(share[-1] for share in shares)
        known = [cost for cost in costs if cost is not None]
        if len(known) == len(costs):
            found = (short, sum(known)) if each is None else (0, sum(known) + each * short)
            best = found if best is None else min(best, found)
    return best


def _most(source: Source, want: Want) -> int:
    if want.traits & source.refuses:
        return 0
    return source.stock[want.sku] + max([inbound.units[want.sku] for inbound in source.inbound], default=0)


def _shares(quantity: int, caps: Sequence[int]) -> Iterator[Units]:
    """Every way to take some of `quantity` from sites with so much each; the last is what is left."""
    if not caps:
        yield (quantity,)
        return
    for units in range(min(quantity, caps[0]) + 1):
        for rest in _shares(quantity - units, caps[1:]):
            yield (units, *rest)


def site_cost(problem: Problem, source: Source, units: Units) -> int | None:
    """One site's shipment on its cheapest run; None if none takes it."""
    wanted = [(want, unit) for want, unit in zip(problem.wants, units, strict=True) if unit]
    goods = [Goods(w.sku, unit, w.grams, w.cm3, Trait.OVERSIZE in w.traits) for w, unit in wanted]
    costs = []
    if all(source.stock[want.sku] >= unit for want, unit in wanted):
        costs += [_on(problem, source, run, goods) for run in source.runs]
    for inbound in source.inbound:
        beyond = [max(0, unit - source.stock[want.sku]) for want, unit in wanted]
        if all(more <= inbound.units[want.sku] for (want, _), more in zip(wanted, beyond, strict=True)):
            for run in inbound.runs:
                cost = _on(problem, source, run, goods)
                costs.append(None if cost is None else cost + sum(beyond) * inbound.unit_minor)
    return min([cost for cost in costs if cost is not None], default=None)


def _on(problem: Problem, source: Source, run: Run, goods: Sequence[Goods]) -> int | None:
    if run.room_units is not None and run.room_units < sum(one.units for one in goods):
        return None
    if problem.latest_at_ms is not None and run.arrival_at_ms > problem.latest_at_ms:
        return None
    via = Shipping(run.tariff, run.arrival_at_ms, problem.due_at_ms, problem.late_hour_minor)
    terms = shipment_terms(problem.cartons, goods, source.handling, via, source.steering_minor)
    return sum(amount for _, amount in terms)


def best_gathered(problem: Problem, hub: Hub) -> tuple[int, bool] | None:
    """The least cost of all ways to fill a whole order of sturdy goods through a hub; whether all such move goods."""
    home = problem.source_by_id[hub.site_id]
    if any(want.traits & home.refuses for want in problem.wants):
        return None
    goods = [want.goods(want.quantity) for want in problem.wants]
    bare = Source(home.site_id, {}, (), Handling(0, home.handling.parcel_minor))
    leaving = [cost for run in hub.runs if (cost := _on(problem, bare, run, goods)) is not None]
    if not leaving:
        return None
    rates = {one.site_id: one for one in hub.inflows}
    givers = [source for source in problem.sources if source.site_id in rates or source is home]
    choices = [
        [s for s in _shares(want.quantity, [_shelf(giver, want) for giver in givers]) if not s[-1]]
        for want in problem.wants
    ]
    best: tuple[int, bool] | None = None
    for shares in product(*choices):
        loads = list(zip(*(share[:-1] for share in shares), strict=True))
        cost = min(leaving)
        for giver, load in zip(givers, loads, strict=True):
            cost += _brought(problem, giver, load, None if giver is home else rates[giver.site_id])
        moved = any(any(load) for giver, load in zip(givers, loads, strict=True) if giver is not home)
        best = (cost, moved) if best is None else min(best, (cost, moved))
    return best


def _shelf(source: Source, want: Want) -> int:
    return 0 if want.traits & source.refuses else source.stock[want.sku]


def _brought(problem: Problem, giver: Source, load: Units, rate: Inflow | None) -> int:
    cost = 0
    for want, unit in zip(problem.wants, load, strict=True):
        if unit:
            cost += giver.handling.line_minor + unit * giver.steering_minor.get(want.sku, 0)
    if rate is not None and any(load):
        grams = sum(want.grams * unit for want, unit in zip(problem.wants, load, strict=True))
        cost += rate.transfer_minor + -(-grams // 1000) * rate.kilogram_minor
    return cost
