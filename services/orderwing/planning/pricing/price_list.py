"""A network's prices, made ready once: what a load costs on a lane, and the named terms of it.

Nothing here fails in the middle of a decision: `unpriced` says what is wrong with a file before it is published. What
slipped through all the same is priced as it is: an item that nobody knows weighs nothing, one that fits no carton
travels bare, and a lane without prices costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from orderwing.planning.pricing.packing import Carton, Goods, Packed, fits, pack
from orderwing.planning.pricing.shipments import (
    CARTONS,
    HANDLING_LINES,
    HANDLING_PARCEL,
    LATENESS,
    LINE_HAUL,
    PARCEL,
    WEIGHT,
    Term,
    lateness_minor,
)
from orderwing.planning.pricing.tariffs import PricingError, Tariff, priced, tariff_of
from orderwing_schemas.network import Item, Lane, Network, Trait

Catalogue = Callable[[str], Item | None]
KEPT = 16  # networks whose lists are kept: one is in use, others are tried on
PACKINGS = 8_192  # that a list remembers


class Load(NamedTuple):
    """What one site ships: SKUs to pick, grams and cm³ in all, and its cartons if the network has any."""

    skus: int
    grams: int
    cm3: int
    packed: tuple[Packed, ...] = ()

    @property
    def parcels(self) -> int:
        """Handled, carried and charged one by one."""
        return sum([one.times for one in self.packed]) if self.packed else 1


class Rate(NamedTuple):
    """A lane's prices, with the work of the site that it leaves. `start_minor` and `kilogram_minor` if `is_plain`."""

    tariff: Tariff
    line_minor: int
    parcel_minor: int
    is_plain: bool  # a parcel costs `start_minor`, and so much for each started kilogram
    start_minor: int
    kilogram_minor: int


class PriceList:
    """Of one network; lanes are looked up as they are needed."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.cartons = cartons_of(network)
        self.late_hour_minor = network.policies.late_hour_minor
        self._rates: dict[str, Rate] = {}
        self._packings: dict[tuple[tuple[int, int, int], ...], tuple[Packed, ...]] = {}

    def load(self, catalogue: Catalogue, taken: Iterable[tuple[str, int]]) -> Load:
        """Of (SKU, units) pairs; a SKU that comes twice is picked once."""
        grams = cm3 = 0
        skus: set[str] = set()
        sizes: list[tuple[int, int, int]] = []
        for sku, units in taken:
            skus.add(sku)
            item = catalogue(sku)
            if item is not None:
                grams += item.weight_g * units
                cm3 += item.volume_cm3 * units
                sizes.append((units, item.weight_g, item.volume_cm3))
            else:
                sizes.append((units, 0, 0))
        return Load(len(skus), grams, cm3, self._pack(tuple(sizes)) if self.cartons else ())

    def rate(self, lane: Lane) -> Rate:
        rate = self._rates.get(lane.lane_id)
        if rate is None:
            rate = self._rates[lane.lane_id] = _rate(self.network, lane)
        return rate

    def freight_minor(self, lane: Lane, load: Load) -> int:
        """What a load costs on a lane, whenever it leaves: picking, packing, carriage."""
        rate = self.rate(lane)
        if rate.is_plain and not load.packed:
            return rate.start_minor - (-load.grams // 1000) * rate.kilogram_minor + load.skus * rate.line_minor
        charge, total = rate.tariff.charge, load.skus * rate.line_minor
        if not load.packed:
            return total + rate.parcel_minor + sum(charge(load.grams, load.cm3))
        for one in load.packed:
            parcel, weight, haul = charge(one.grams, one.cm3)
            total += (parcel + weight + haul + one.minor + rate.parcel_minor) * one.times
        return total

    def cheapest(self, runs: Sequence[tuple[Lane, int]], load: Load, due_ms: int) -> tuple[Lane, int, int]:
        """(lane, arrival, cost) of the cheapest of some (lane, arrival), lateness included; the first of equals."""
        lane, arrival = runs[0]
        cost = self._cost_minor(lane, arrival, load, due_ms)
        for other, at in runs[1:]:
            minor = self._cost_minor(other, at, load, due_ms)
            if minor < cost:
                lane, arrival, cost = other, at, minor
        return lane, arrival, cost

    def lateness_minor(self, arrival_at_ms: int, due_at_ms: int) -> int:
        """What arriving late costs, by the millisecond, rounded up."""
        return lateness_minor(self.late_hour_minor, arrival_at_ms, due_at_ms)

    def terms(self, lane: Lane, load: Load, arrival_at_ms: int, due_at_ms: int) -> tuple[Term, ...]:
        """The named terms of freight and lateness, which sum to them; those of nought are left out."""
        terms = _freight_terms(self.rate(lane), load)
        if arrival_at_ms > due_at_ms:
            terms.append((LATENESS, self.lateness_minor(arrival_at_ms, due_at_ms)))
        return tuple([term for term in terms if term[1]])

    def _cost_minor(self, lane: Lane, arrival_at_ms: int, load: Load, due_ms: int) -> int:
        freight = self.freight_minor(lane, load)
        return freight if arrival_at_ms <= due_ms else freight + self.lateness_minor(arrival_at_ms, due_ms)

    def _pack(self, sizes: tuple[tuple[int, int, int], ...]) -> tuple[Packed, ...]:
        """Of (units, grams, cm³): the same goods are packed over and over, from site to site."""
        known = self._packings.get(sizes)
        if known is None:
            goods = [Goods("", units, grams, cm3, oversize=True) for units, grams, cm3 in sizes]
            if len(self._packings) >= PACKINGS:
                self._packings.clear()
            known = self._packings[sizes] = pack(self.cartons, goods)
        return known


_lists: dict[int, PriceList] = {}  # by the identity of a network, which its list keeps alive


def price_list(network: Network) -> PriceList:
    """The network's prices, made at the first call."""
    found = _lists.get(id(network))
    if found is None:
        if len(_lists) >= KEPT:
            _lists.pop(next(iter(_lists)), None)
        found = _lists[id(network)] = PriceList(network)
    return found


def cartons_of(network: Network) -> tuple[Carton, ...]:
    return tuple([Carton(c.carton_id, c.max_weight_g, c.volume_cm3, c.tare_g, c.carton_minor) for c in network.cartons])


def unpriced(network: Network, items: Iterable[Item] = ()) -> Iterator[PricingError]:
    """What of a network and a catalogue cannot be priced, by field."""
    for lane in network.lanes:
        try:
            tariff_of(network, lane)
        except PricingError as error:
            yield error
    cartons = cartons_of(network)
    if cartons:
        largest = cartons[-1]
        for item in items:
            if not fits(largest, item.weight_g, item.volume_cm3) and Trait.OVERSIZE not in item.traits:
                yield PricingError(f"items[{item.sku}].traits", "fits no carton, and is not oversize")


def _rate(network: Network, lane: Lane) -> Rate:
    tariff = priced(network, lane)
    site = network.site_by_id[lane.site_id]
    return Rate(
        tariff,
        site.handling_line_minor,
        site.handling_parcel_minor,
        tariff.up_to_g == (0,) and not tariff.cm3_per_kg,
        tariff.minor[0] + tariff.line_haul_minor + site.handling_parcel_minor,
        tariff.kilogram_minor + tariff.line_haul_kilogram_minor,
    )


def _freight_terms(rate: Rate, load: Load) -> list[Term]:
    charge = rate.tariff.charge
    if not load.packed:
        parcel, weight, haul = charge(load.grams, load.cm3)
        boxes, count = 0, 1
    else:
        parcel = weight = haul = boxes = count = 0
        for one in load.packed:
            times = one.times
            first, more, hauled = charge(one.grams, one.cm3)
            parcel += first * times
            weight += more * times
            haul += hauled * times
            boxes += one.minor * times
            count += times
    return [
        (PARCEL, parcel),
        (WEIGHT, weight),
        (LINE_HAUL, haul),
        (CARTONS, boxes),
        (HANDLING_LINES, load.skus * rate.line_minor),
        (HANDLING_PARCEL, count * rate.parcel_minor),
    ]
