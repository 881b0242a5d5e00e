"""What decides about a part beside its customer's wishes: true cost, and what a strategy and steering prices count."""

from __future__ import annotations

from functools import partial

from orderwing.allocation.capacity import Needs, Room
from orderwing.allocation.plans import cost_of
from orderwing.allocation.rows import Part, Shipments
from orderwing.kernel.view import Draft
from orderwing.planning.moving import Weight
from orderwing.planning.policies.compiling import Compiled
from orderwing.planning.policies.counting import PLAIN, Counting, Goods, Sent, named
from orderwing.planning.policies.in_force import in_force


def policy_of(draft: Draft) -> Compiled | None:
    """The policy in force, where it goes with the network."""
    return in_force(draft.reference).policy


def counting_of(draft: Draft, part: Part, now_ms: int, policy: Compiled | None) -> Counting | None:
    """None where cost alone counts: no price list is in force, and no strategy says anything."""
    reference = draft.reference
    strategy = named(policy, part.strategy)
    steers = reference.steers(now_ms)
    if strategy is PLAIN and not steers:
        return None
    goods = Goods(
        part.region, part.zone, part.service_level, sum([line.quantity for line in part.lines]), part.promise_at_ms
    )
    price = partial(_price, draft, now_ms) if steers else None
    return Counting(draft.network, goods, now_ms, strategy, price)


def _price(draft: Draft, now_ms: int, site_id: str, sku: str) -> int:
    return draft.reference.steering_minor(site_id, sku, now_ms)


class Scales:
    """Weighs plans of one part, of which `own` is booked and counts for nothing where hours fill."""

    def __init__(self, draft: Draft, counting: Counting | None, own: Needs) -> None:
        self.counting = counting
        self._draft = draft
        self._room = Room(draft, own)

    @property
    def first(self) -> str:
        """Says what counts before the cost; "" for nothing."""
        return "" if self.counting is None else self.counting.first_said

    def weight(self, shipments: Shipments) -> Weight:
        if self.counting is None:
            return Weight(cost_of(shipments))
        return Weight(cost_of(shipments), self.counting.beside_minor(self._sent(shipments)))

    def too_full(self, shipments: Shipments) -> str:
        """Why a plan is left out for the hours in which it would be picked; "" where it is not."""
        if self.counting is None or not self.counting.needs_hours:
            return ""
        return self.counting.too_full(self._sent(shipments))

    def _sent(self, shipments: Shipments) -> list[Sent]:
        full = self.counting is not None and self.counting.needs_hours
        sites = self._draft.network.site_by_id
        return [
            Sent(
                one.site_id,
                0 if one.is_transfer else one.parcels,
                [(line.sku, line.quantity) for line in one.lines],
                None if one.is_transfer else one.arrival_at_ms,
                self._room.percent(sites[one.site_id], one.hours) if full and one.site_id in sites else 0,
            )
            for one in shipments
        ]
