"""Sites as sourcing sees them: what each has of what is asked for, and how its parcel would travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orderwing.planning.pricing import Load, PriceList
from orderwing.planning.pricing.shipments import STEERING
from orderwing_schemas.domain import CostTerm
from orderwing_schemas.network import Lane, Site


class Parcel(NamedTuple):
    """What one site would ship, in however many cartons, on the next departure of its best lane.

    `cost_minor` will be paid. `steering_minor` will not: it is what the units used are worth to orders still to come.
    """

    site: Site
    lane: Lane
    arrival_ms: int
    load: Load
    cost_minor: int
    steering_minor: int = 0

    @property
    def weighed_minor(self) -> int:
        """What ways are compared by: what will be paid, and the steering price of what is used."""
        return self.cost_minor + self.steering_minor


class Loser(NamedTuple):
    """Parcels that together were weighed, and why they lost."""

    parcels: tuple[Parcel, ...]
    why: str

    @property
    def weighed_minor(self) -> int:
        return sum([parcel.weighed_minor for parcel in self.parcels])


def terms_of(prices: PriceList, parcels: Iterable[Parcel], due_ms: int) -> tuple[CostTerm, ...]:
    """The named terms of parcels, each name once: they sum to what the parcels are weighed by.

    That is what will be paid, and `steering`, which will not.
    """
    parcels = tuple(parcels)
    sums: dict[str, int] = {}
    for parcel in parcels:
        for name, amount in prices.terms(parcel.lane, parcel.load, parcel.arrival_ms, due_ms):
            sums[name] = sums.get(name, 0) + amount
    if steering := sum([parcel.steering_minor for parcel in parcels]):
        sums[STEERING] = steering
    return tuple(sums.items())


@dataclass(frozen=True, slots=True)
class Outlet:
    """A site that can deliver, (lane, arrival) of each lane's next departure, and what it has of the SKUs asked for."""

    site: Site
    runs: tuple[tuple[Lane, int], ...]
    stock: Mapping[str, int]

    @property
    def earliest(self) -> int:
        return min([arrival for _, arrival in self.runs])

    def parcel(self, prices: PriceList, load: Load, due_ms: int, steering_minor: int = 0) -> Parcel:
        """On its cheapest run, the first of equals."""
        costs = [
            prices.freight_minor(lane, load) + prices.lateness_minor(arrival, due_ms) for lane, arrival in self.runs
        ]
        cost = min(costs)
        lane, arrival = self.runs[costs.index(cost)]
        return Parcel(self.site, lane, arrival, load, cost, steering_minor)
