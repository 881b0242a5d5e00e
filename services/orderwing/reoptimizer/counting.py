"""What counts beside the cost at one look: the strategies of parts in the policy in force, and steering prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from orderwing.planning.calendar import MINUTE_MS, picking_hours
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.counting import PLAIN, Counting, Goods, Sent, UnitPrice, named
from orderwing.reoptimizer.pool import Leg, Pool, PoolPart, Take
from orderwing.reoptimizer.room import Hour, booked_by
from orderwing_schemas.network import Lane, Network

Run = tuple[Lane, int]  # a lane and when its next departure arrives


@dataclass(frozen=True)
class Rules:
    """The policy in force, where it goes with the network, and the prices of units, where a list is in force."""

    policy: Compiled | None = None
    steering: UnitPrice | None = None


COST_ALONE = Rules()


def departure_ms(run: Run) -> int:
    lane, arrival_at_ms = run
    return arrival_at_ms - lane.transit_minutes * MINUTE_MS


class Parcels(NamedTuple):
    """What one site would send, and how."""

    site_id: str
    takes: Sequence[Take]
    departure_at_ms: int
    arrival_at_ms: int
    parcels: int

    @classmethod
    def by(cls, run: Run, takes: Sequence[Take], parcels: int) -> Parcels:
        lane, arrival_at_ms = run
        return cls(lane.site_id, takes, departure_ms(run), arrival_at_ms, parcels)


@dataclass(frozen=True)
class Counted:
    """Of one part. `percent` of Parcels: how full the fullest hour of their picking is without the part."""

    part: PoolPart
    counting: Counting
    percent: Callable[[Parcels], int]

    def beside_minor(self, way: Iterable[Parcels]) -> int:
        return self.counting.beside_minor(self._sent(way))

    def too_full(self, way: Iterable[Parcels]) -> str:
        """Why a way is left out for the hours in which it would be picked; "" where it is not."""
        return self.counting.too_full(self._sent(way)) if self.counting.needs_hours else ""

    def allowed(self, runs: tuple[Run, ...]) -> tuple[Run, ...]:
        """Without carriers that the strategy excludes, where others go."""
        avoided = self.counting.avoided
        return tuple([run for run in runs if run[0].carrier not in avoided]) or runs if avoided else runs

    def standing(self) -> list[Parcels]:
        """As planned. What an earlier version kept says nothing of departures: then all arrives with the last."""
        part = self.part
        legs = part.legs or tuple([Leg(site_id, 0, part.arrival_at_ms, 1) for site_id in _sites(part.takes)])
        return [
            Parcels(
                leg.site_id,
                [take for take in part.takes if take.site_id == leg.site_id],
                leg.departure_at_ms,
                leg.arrival_at_ms,
                leg.parcels,
            )
            for leg in legs
        ]

    def _sent(self, way: Iterable[Parcels]) -> list[Sent]:
        full = self.counting.needs_hours
        return [
            Sent(
                one.site_id,
                one.parcels,
                [(take.sku, take.quantity) for take in one.takes],
                one.arrival_at_ms,
                self.percent(one) if full else 0,
            )
            for one in way
        ]


class Counts:
    """By part. `hours`: (site, hour since 1970) -> units that the region's parts have booked; None: as plans say."""

    def __init__(
        self, rules: Rules, network: Network, ready_ms: int, pool: Pool, hours: Mapping[Hour, int] | None = None
    ) -> None:
        self._rules = rules
        self._network = network
        self._ready_ms = ready_ms
        self._pool = pool
        self._hours = hours
        self._known: dict[str, Counted | None] = {}

    def of(self, part: PoolPart) -> Counted | None:
        """None where cost alone counts."""
        if part.part_id not in self._known:
            self._known[part.part_id] = self._counted(part)
        return self._known[part.part_id]

    def hours_for(self, parts: Iterable[PoolPart]) -> tuple[tuple[str, int, int], ...] | None:
        """All that is booked, if it counts for one of the parts."""
        counted = [self.of(part) for part in parts]
        if not any(one is not None and one.counting.needs_hours for one in counted):
            return None
        return tuple([(*hour, units) for hour, units in sorted(self._booked.items())])

    def prices(self, places: Iterable[tuple[str, str]]) -> tuple[int, ...] | None:
        """Of units by (site, SKU); None where no list is in force."""
        price = self._rules.steering
        return None if price is None else tuple([price(site_id, sku) for site_id, sku in places])

    def policy_told(self, parts: Iterable[PoolPart]) -> dict[str, Any]:
        """The policy and its version, if a strategy of it counts for one of the parts."""
        policy = self._rules.policy
        if policy is None or all(named(policy, part.strategy) is PLAIN for part in parts):
            return {}
        return {"policy": policy.policy.policy, "policy_version": policy.policy.version}

    def _counted(self, part: PoolPart) -> Counted | None:
        rules = self._rules
        strategy = named(rules.policy, part.strategy)
        if strategy is PLAIN and rules.steering is None:
            return None
        units = sum([line.quantity for line in part.lines])
        goods = Goods(part.region, part.zone, part.service_level, units, part.promise_at_ms)
        counting = Counting(self._network, goods, self._ready_ms, strategy, rules.steering)
        own = booked_by(self._network, (part,)).hours if counting.needs_hours else {}

        def percent(one: Parcels) -> int:
            site = self._network.site_by_id.get(one.site_id)
            if site is None:
                return 0
            units = sum([take.quantity for take in one.takes])
            hours = [(one.site_id, hour) for hour, _ in picking_hours(site, one.departure_at_ms, units)]
            return 100 * max([self._booked.get(hour, 0) - own.get(hour, 0) for hour in hours]) // site.units_per_hour

        return Counted(part, counting, percent)

    @cached_property
    def _booked(self) -> Mapping[Hour, int]:
        return booked_by(self._network, self._pool.parts).hours if self._hours is None else self._hours


def _sites(takes: Iterable[Take]) -> list[str]:
    return sorted({take.site_id for take in takes})
