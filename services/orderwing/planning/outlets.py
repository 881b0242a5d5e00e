"""Sites as sourcing sees them: what each has of what is asked for, and how its parcel would travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def terms_of(prices: PriceList, parcels: Sequence[Parcel], due_ms: int) -> tuple[CostTerm, ...]:
    """The named terms of parcels, each name once: they sum to what the parcels are weighed by.

    That is what will be paid, and `steering`, which will not.
    """
    if len(parcels) == 1:
        (one,) = parcels
        terms = prices.terms(one.lane, one.load, one.arrival_ms, due_ms)
        return (*terms, (STEERING, one.steering_minor)) if one.steering_minor else terms
    sums: dict[str, int] = {}
    for parcel in parcels:
        for name, amount in prices.terms(parcel.lane, parcel.load, parcel.arrival_ms, due_ms):
            sums[name] = sums.get(name, 0) + amount
    if steering := sum([parcel.steering_minor for parcel in parcels]):
        sums[STEERING] = steering
    return tuple(sums.items())


class Outlet(NamedTuple):
    """A site that can deliver, (lane, arrival) of each lane's next departure, and what it has of the SKUs asked for.

    `earliest` and `latest` are of the arrivals.
    """

    site: Site
    runs: tuple[tuple[Lane, int], ...]
    stock: Mapping[str, int]
    earliest: int
    latest: int

    def until(self, by_ms: int) -> Outlet | None:
        """With the runs alone that arrive by then; None if none does."""
        if self.latest <= by_ms:
            return self
        runs = tuple([run for run in self.runs if run[1] <= by_ms])
        if not runs:
            return None
        return self._replace(runs=runs, latest=max([arrival for _, arrival in runs]))

    def parcel(self, prices: PriceList, load: Load, due_ms: int, steering_minor: int = 0) -> Parcel:
        """On its cheapest run, the first of equals."""
        lane, arrival, cost = prices.cheapest(self.runs, load, due_ms)
        return Parcel(self.site, lane, arrival, load, cost, steering_minor)
