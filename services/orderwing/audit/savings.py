"""What the re-optimizer saved, recomputed: every plan priced anew by the one cost model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orderwing.audit.facts import History, Violation
from orderwing.planning.pricing import Load, price_list
from orderwing_schemas.network import Item, Network


@dataclass
class Savings:
    """`saved_minor` is net of churn, over accepted proposals."""

    windows: int = 0
    proposed: int = 0
    accepted: int = 0
    refused: int = 0
    refusals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    saved_minor: int = 0
    looks_per_order: float = 0.0


@dataclass(frozen=True)
class Pricer:
    """Prices plans from the network and the catalogue alone; what a plan says it costs does not count."""

    network: Network
    items: Mapping[str, Item]

    @classmethod
    def of(cls, network: Network, items: Sequence[Item]) -> Pricer:
        return cls(network, {item.sku: item for item in items})

    def price(self, plan: Mapping[str, Any]) -> int:
        """Minor units of all shipments of a `part.allocated.v1`."""
        return sum(
            self._transfer(one) if one.get("to_site_id") else self._shipment(plan, one) for one in plan["shipments"]
        )

    def load(self, *shipments: Mapping[str, Any]) -> Load:
        """Packed together, by order line."""
        units: Counter[tuple[str, str]] = Counter()
        for shipment in shipments:
            for line in shipment["lines"]:
                units[line["line_id"], line["sku"]] += line["quantity"]
        taken = sorted(units.items()) if len(shipments) > 1 else units.items()
        return price_list(self.network).load(self.items.get, [(sku, quantity) for (_, sku), quantity in taken])

    def packed(self, plan: Mapping[str, Any], shipment: Mapping[str, Any]) -> Load:
        """What leaves in a shipment's parcels: its own lines, and those moved to its site first."""
        moved = [one for one in plan["shipments"] if one.get("to_site_id") == shipment["site_id"]]
        return self.load(shipment, *moved)

    def _transfer(self, shipment: Mapping[str, Any]) -> int:
        """The road, and picking: each SKU at the site that it is taken from."""
        ends = (shipment["site_id"], shipment["to_site_id"])
        road = next(one for one in self.network.transfers if (one.from_site, one.to_site) == ends)
        load = self.load(shipment)
        picking = load.skus * self.network.site_by_id[shipment["site_id"]].handling_line_minor
        return road.transfer_minor + -(-load.grams // 1000) * road.kilogram_minor + picking

    def _shipment(self, plan: Mapping[str, Any], shipment: Mapping[str, Any]) -> int:
        prices, lane = price_list(self.network), self.network.lane_by_id[shipment["lane_id"]]
        picked = self.load(shipment).skus
        freight = prices.freight_minor(lane, self.packed(plan, shipment)._replace(skus=picked))
        return freight + prices.lateness_minor(shipment["arrival_at_ms"], plan["promise_at_ms"])


def measure_savings(history: History, pricer: Pricer) -> Savings:
    windows = {value["window_id"]: value for value in history.of("window.closed.v1")}
    found = Savings(windows=len(windows))
    found.proposed = len({value["proposal_id"] for value in history.of("proposal.made.v1")})
    for value in {value["proposal_id"]: value for value in history.of("proposal.answered.v1")}.values():
        if value["accepted"]:
            found.accepted += 1
        else:
            found.refused += 1
            found.refusals[value["reason"]] += 1
    found.saved_minor = sum(_gains(history, pricer))
    found.looks_per_order = _looks_per_order(list(windows.values()))
    return found


def _gains(history: History, pricer: Pricer) -> Iterator[int]:
    """What each plan that a proposal brought costs less than the one before it, less churn."""
    plans = {(value["part_id"], value["version"]): value for value in history.of("part.allocated.v1")}
    for (part_id, version), plan in plans.items():
        if plan["cause"] == "proposal" and (before := plans.get((part_id, version - 1))) is not None:
            yield pricer.price(before) - pricer.price(plan) - pricer.network.policies.churn_minor


def _looks_per_order(windows: Sequence[Mapping[str, Any]]) -> float:
    """How many windows an order met that met any."""
    looks: dict[str, set[str]] = defaultdict(set)
    for value in windows:
        for part_id in value["part_ids"]:
            looks[part_id.partition("/")[0]].add(value["window_id"])
    return sum(map(len, looks.values())) / len(looks) if looks else 0.0


def check_costs(history: History, pricer: Pricer) -> Iterator[Violation]:
    for plan in history.of("part.allocated.v1"):
        told, price = plan["cost_minor"], pricer.price(plan)
        terms = sum(int(amount) for shipment in plan["shipments"] for _, amount in shipment["terms"])
        subject = f"{plan['part_id']} v{plan['version']}"
        for shipment in plan["shipments"]:
            if shipment.get("to_site_id"):
                continue
            parcels = pricer.packed(plan, shipment).parcels
            if shipment.get("parcels", 1) != parcels:
                yield Violation(
                    "cost", subject, f"told {shipment.get('parcels', 1)} parcels, the cartons are {parcels}"
                )
        if not told == price == terms:
            yield Violation("cost", subject, f"told {told}, its terms are {terms}, the cost model says {price}")
