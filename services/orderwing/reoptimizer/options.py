"""Fewer than ten ways to ship a part: what stands, single sites, and the best splits over two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from orderwing.planning.calendar import arrival_ms, departures, earliest_departure, pick_ms, serving_lanes
from orderwing.planning.moving import compared
from orderwing.planning.policies.governing import LEFT_OUT
from orderwing.planning.pricing import Catalogue, Load, price_list
from orderwing.planning.traits import refusal
from orderwing.planning.wishes import latest_ms
from orderwing.reoptimizer.choice import Block, Option, never
from orderwing.reoptimizer.counting import Counted, Parcels, Run, departure_ms
from orderwing.reoptimizer.pool import Pool, PoolPart, Shelf, Take, liking, way_of
from orderwing.reoptimizer.room import NO_ROOM, NONE, Room, Spare
from orderwing.reoptimizer.ways import Stock, alone, splits, stocked
from orderwing_schemas.domain import CostTerm
from orderwing_schemas.network import Lane, Network, Site

MOST = 9  # options of a part, the standing one included
_CHEAPEST = 5  # of them whatever stock they need; the rest need only what is free or the part's own


def none(_part: PoolPart) -> None:
    """Nothing counts beside the cost."""


class Pricer:
    """Costs of parcels that start to be picked after `ready_ms`, by the one cost model; and what `counts` beside.

    Without `room` every departure takes all.
    """

    def __init__(
        self,
        network: Network,
        catalogue: Catalogue,
        ready_ms: int,
        counts: Callable[[PoolPart], Counted | None] = none,
        room: Room | None = None,
    ) -> None:
        self.network = network
        self._counts = counts
        self._room = room
        self._prices = price_list(network)
        self._catalogue = catalogue
        self._ready_ms = ready_ms
        self._runs: dict[tuple[str, str, str, int], tuple[tuple[Run, ...], Spare]] = {}
        self._loads: dict[tuple[tuple[str, int], ...], Load] = {}

    def refused(self, part: PoolPart, sites: Iterable[str]) -> dict[Shelf, str]:
        """The shelves of these sites that may not serve the part, and why."""
        picky = [site_id for site_id in sites if self.network.site_by_id[site_id].capabilities is not None]
        found = {}
        for shelf in [(site_id, line.sku) for site_id in picky for line in part.lines]:
            if why := refusal(self.network.site_by_id[shelf[0]], (shelf[1],), self._catalogue):
                found[shelf] = why
        return found

    def cost(self, part: PoolPart, takes: Sequence[Take]) -> int | None:
        """What the part costs from these sites; None if a parcel would come too late."""
        option = self.option(part, takes)
        return None if option is None else option.cost_minor

    def option(self, part: PoolPart, takes: Sequence[Take]) -> Option | None:
        """The part from these sites; None if a parcel would come too late, or the customer likes it less."""
        return self._option(part, takes, self._room)

    def lacks_room(self, part: PoolPart, takes: Sequence[Take]) -> bool:
        """Whether a way that is none would be one if every departure took all."""
        return self._room is not None and self._option(part, takes, None) is not None

    def _option(self, part: PoolPart, takes: Sequence[Take], room: Room | None) -> Option | None:
        total = arrival = 0
        counted, sent = self._counts(part), []
        for site, lines in self._parcels(takes):
            run = self._best(part, site, lines, _latest_ms(part, takes), room)
            if run is None:
                return None
            total += run[0]
            arrival = max(arrival, run[2][1])
            if counted is not None:
                sent.append(Parcels.by(run[2], lines, self._load(lines).parcels))
        liked = liking(part, way_of(takes, arrival))
        if liked < 0:
            return None
        if counted is None:
            return Option(_label(takes), tuple(takes), total, arrival, liked)
        beside, full = counted.beside_minor(sent), counted.too_full(sent)
        return Option(_label(takes), tuple(takes), total, arrival, liked, beside, full)

    def standing(self, part: PoolPart) -> Option:
        """As it was planned."""
        counted, beside, full = self._counts(part), 0, ""
        if counted is not None:
            sent = counted.standing()
            beside, full = counted.beside_minor(sent), counted.too_full(sent)
        takes = tuple(sorted(part.takes))
        return Option(_label(takes), takes, part.cost_minor, part.arrival_at_ms, 0, beside, full)

    def by_weight(self, part: PoolPart, other: Option, best: Option) -> str:
        """Why another option is not the best one, where its customer likes it as much."""
        more = other.weight.all_minor - best.weight.all_minor
        if more <= 0:
            return "its units serve other parts better, or are not there"
        if other.beside_minor == best.beside_minor:
            return f"costs {more} more"
        counted = self._counts(part)
        return compared(best.weight, other.weight, "" if counted is None else counted.counting.first_said)

    def is_allowed(self, part: PoolPart, takes: Iterable[Take]) -> bool:
        """Whether the part's strategy lets it ship from so many sites."""
        counted = self._counts(part)
        return counted is None or counted.counting.may_ship_from(len({t.site_id for t in takes}), part.way.parcels)

    def single_site(self, part: PoolPart) -> str:
        """Whether a site that has all wins `always`, or `when_cheapest`."""
        counted = self._counts(part)
        return self.network.policies.single_site if counted is None else counted.counting.single_site

    def terms(self, part: PoolPart, takes: Sequence[Take]) -> tuple[CostTerm, ...]:
        """The named terms of a cost that `cost` gave, summed over the parcels."""
        named: dict[str, int] = defaultdict(int)
        for site, lines in self._parcels(takes):
            best = self._best(part, site, lines, _latest_ms(part, takes), self._room)
            if best is not None:
                _, _, (lane, arrival) = best
                for name, amount in self._prices.terms(lane, self._load(lines), arrival, part.promise_at_ms):
                    named[name] += amount
        return tuple(named.items())

    def _parcels(self, takes: Iterable[Take]) -> list[tuple[Site, list[Take]]]:
        parcels: dict[str, list[Take]] = defaultdict(list)
        for take in takes:
            parcels[take.site_id].append(take)
        return [(self.network.site_by_id[site_id], lines) for site_id, lines in sorted(parcels.items())]

    def _best(
        self, part: PoolPart, site: Site, lines: Sequence[Take], by_ms: int, room: Room | None
    ) -> tuple[int, int, Run] | None:
        """(cost, place in the timetable, run) of the lightest run, which allocation takes; None if too late."""
        load, prices = self._load(lines), self._prices
        units = sum(take.quantity for take in lines)
        (runs, spare), weigh = self._runs_of(part, site, units), None
        if room is not None and not spare.takes(units, load.parcels):
            runs = tuple(_with_room(runs, site, partial(room.fits, part, site, units=units, parcels=load.parcels)))
        counted = self._counts(part)
        if counted is not None:
            runs, weigh = counted.allowed(runs), counted.counting.late
        priced = [
            (prices.freight_minor(run[0], load) + prices.lateness_minor(run[1], part.promise_at_ms), place, run)
            for place, run in enumerate(runs)
        ]
        if weigh is None:
            best = min(priced, key=lambda one: (one[0], one[2][1], one[1]), default=None)
        else:
            freight = prices.freight_minor
            best = min(
                priced,
                key=lambda one: (freight(one[2][0], load) + weigh.minor(one[2][1]), one[2][1], one[1]),
                default=None,
            )
        return None if best is None or best[2][1] > by_ms else best

    def _runs_of(self, part: PoolPart, site: Site, units: int) -> tuple[tuple[Run, ...], Spare]:
        key = (site.site_id, part.zone, part.service_level, pick_ms(site, units))
        if key not in self._runs:
            runs = tuple(
                (lane, arrival_ms(lane, departure))
                for lane in serving_lanes(self.network, site.site_id, part.zone, part.service_level)
                if (departure := earliest_departure(lane, site, self._ready_ms, units)) is not None
            )
            leaving = [(run[0], departure_ms(run)) for run in runs]
            self._runs[key] = runs, NONE if self._room is None else self._room.spare(site, leaving, units)
        return self._runs[key]

    def _load(self, lines: Iterable[Take]) -> Load:
        key = tuple([(take.sku, take.quantity) for take in lines])
        load = self._loads.get(key)
        if load is None:
            load = self._loads[key] = self._prices.load(self._catalogue, key)
        return load


def _with_room(runs: Iterable[Run], site: Site, fits: Callable[[Lane, int], bool]) -> Iterator[Run]:
    """Of each lane the first departure that fits, from its next on."""
    for run in runs:
        lane, next_ms = run[0], departure_ms(run)
        if fits(lane, next_ms):
            yield run
            continue
        later = departures(lane, site, next_ms + 1)
        if (departure := next((at_ms for at_ms in later if fits(lane, at_ms)), None)) is not None:
            yield lane, arrival_ms(lane, departure)


def _latest_ms(part: PoolPart, takes: Iterable[Take]) -> int:
    """The promise is kept, or what stands is not made later; only one box, if wished for, may take longer."""
    if part.one_box and part.way.parcels > 1 and len({take.site_id for take in takes}) == 1:
        return latest_ms(part.max_delay_minutes, part.arrival_at_ms, part.promise_at_ms)
    return max(part.promise_at_ms, part.arrival_at_ms)


def blocks(pool: Pool, pricer: Pricer, out_of_time: Callable[[], bool] = never) -> list[Block]:
    """Each part with its options, in the order of the pool; the standing one keeps the cost it was planned at.

    Those that freeze first are priced first; once `out_of_time`, the others are left out.
    """
    pooled: dict[Shelf, int] = defaultdict(int)
    for part in pool.parts:
        for take in part.takes:
            pooled[take.site_id, take.sku] += take.quantity
    sites = [site.site_id for site in pricer.network.sites_by_region.get(pool.region, ())]
    found: dict[str, Block] = {}
    for part in sorted(pool.parts, key=lambda part: part.freeze_at_ms):
        if out_of_time():
            break
        found[part.part_id] = _block(part, sites, pool.free, pooled, pricer)
    return [found[part.part_id] for part in pool.parts if part.part_id in found]


def _block(
    part: PoolPart, sites: Sequence[str], free: Mapping[Shelf, int], pooled: Mapping[Shelf, int], pricer: Pricer
) -> Block:
    own: dict[Shelf, int] = defaultdict(int)
    for take in part.takes:
        own[take.site_id, take.sku] += take.quantity
    standing = pricer.standing(part)
    options: dict[tuple[Take, ...], Option] = {}
    full: dict[str, str] = {}
    at_once: set[tuple[Take, ...]] = set()
    singles: set[tuple[Take, ...]] = set()

    may_not = _barred(part, sites) | pricer.refused(part, sites)

    def without_others(shelf: Shelf) -> int:
        return 0 if shelf in may_not else free.get(shelf, 0) + own.get(shelf, 0)

    def with_others(shelf: Shelf) -> int:
        return 0 if shelf in may_not else free.get(shelf, 0) + pooled.get(shelf, 0)

    def consider(takes: tuple[Take, ...], stock: Stock) -> Option | None:
        """As an option, unless the strategy leaves it out."""
        if stock is without_others:
            at_once.add(takes)
        if takes == standing.takes or takes in options:
            return options.get(takes, standing)
        option = pricer.option(part, takes) if pricer.is_allowed(part, takes) else None
        if option is not None and option.too_full and not standing.too_full:
            full[option.label] = option.too_full
        elif option is not None:
            options[takes] = option
        elif takes in singles and pricer.lacks_room(part, takes):
            full[_label(takes)] = NO_ROOM
        return option

    cheapest = pricer.single_site(part) == "when_cheapest"
    one_will_do = False
    for stock in (without_others, with_others):
        some = stocked(part, sites, stock)
        whole = alone(part, some, stock)
        singles.update(whole.values())
        single = [option for takes in whole.values() if (option := consider(takes, stock)) is not None]
        if stock is without_others and not cheapest:
            one_will_do = _one_will_do(part, [standing, *single])
        if not one_will_do:
            for takes in splits(part, some, stock, whole, cheapest):
                consider(takes, stock)
    ranked = sorted(options.values(), key=lambda one: (-one.liking, one.weight.all_minor, one.takes))
    kept = ranked[:_CHEAPEST]
    kept += [option for option in ranked[_CHEAPEST:] if option.takes in at_once][: MOST - 1 - len(kept)]
    refused = {shelf[0]: why for shelf, why in may_not.items() if free.get(shelf, 0) + pooled.get(shelf, 0) > 0}
    return Block(part, (standing, *kept), tuple((refused | full).items()))


def _barred(part: PoolPart, sites: Iterable[str]) -> dict[Shelf, str]:
    """The shelves of sites to which reservation moves nothing of the part."""
    own = {take.site_id for take in part.takes}
    barred = [site_id for site_id in sites if site_id in part.barred and site_id not in own]
    return {(site_id, line.sku): LEFT_OUT for site_id in barred for line in part.lines}


def _one_will_do(part: PoolPart, options: Iterable[Option]) -> bool:
    """Whether one site could send all of it by the promise, so that it wins over any split."""
    return any(
        option.arrival_ms <= part.promise_at_ms and len({t.site_id for t in option.takes}) == 1 for option in options
    )


def _label(takes: Iterable[Take]) -> str:
    return " + ".join(sorted({take.site_id for take in takes}))
