"""The auditor's verdict on a run, and the figures that its report states."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orderwing.audit.capacity import check_plans, standing_plans
from orderwing.audit.exactly_once import check_exactly_once
from orderwing.audit.facts import Fact, History, Violation
from orderwing.audit.foreign import MISREAD, without_foreign
from orderwing.audit.holds import check_soft_holds
from orderwing.audit.ledgers import check_warehouse, oversold_units
from orderwing.audit.lifecycle import ENDED, OrderTrace, check_orders, trace_orders
from orderwing.audit.money import check_money
from orderwing.audit.pace import Pace, measure_pace
from orderwing.audit.promises import missed_promises
from orderwing.audit.rules import check_rules
from orderwing.audit.savings import Pricer, Savings, check_costs, measure_savings
from orderwing.audit.stock import check_stock
from orderwing.audit.stock_books import StockBooks
from orderwing_schemas.network import Item, Network

TOLERANCE_MINUTES = 30  # of domain time: how long a stage may have been away


@dataclass(frozen=True)
class Verdict:
    """Counts of violations by kind are derived; an empty `violations` is a clean run. `inbound`: orders sent.

    `planned_orders` are those over which parcels and cost are counted; `planned_units` each unit of them once. Of
    `gathered_orders` goods are moved to another site first, to leave in one parcel.
    """

    violations: tuple[Violation, ...]
    traces: Mapping[str, OrderTrace]
    states: Counter[str]
    rejected: Counter[str]
    duplicates: int
    conflicts: int
    oversold_units: int
    savings: Savings
    planned_orders: int
    planned_units: int
    gathered_orders: int
    parcels_per_order: float
    cost_minor_per_order: float
    promise_kept: float
    stops_per_100_shipments: float
    promise_missed: Counter[str]
    pace: Pace
    dead_letters: int
    inbound: int

    def count(self, kind: str) -> int:
        return sum(1 for violation in self.violations if violation.kind == kind)

    @property
    def clean(self) -> bool:
        return not self.violations


def judge(
    facts: Iterable[Fact],
    network: Network,
    items: Sequence[Item],
    provider: Sequence[Mapping[str, Any]],
    warehouse: Sequence[Mapping[str, Any]],
    *,
    settled_before_wall_ms: int,
) -> Verdict:
    """Judge the facts. Orders with news after `settled_before_wall_ms` are too young to be stuck or unbalanced.

    Records of strangers in our topics are violations and count for nothing else. To look for them costs as much as all
    the rest, so that is done where one was stumbled over.
    """
    history = History(facts)
    outside = network, items, provider, warehouse
    try:
        return _judged(history, *outside, settled_before_wall_ms)
    except MISREAD:
        rest, foreign = without_foreign(history)
        if not foreign:
            raise
    verdict = _judged(rest, *outside, settled_before_wall_ms)
    return replace(verdict, violations=(*foreign, *verdict.violations))


def _judged(
    history: History,
    network: Network,
    items: Sequence[Item],
    provider: Sequence[Mapping[str, Any]],
    warehouse: Sequence[Mapping[str, Any]],
    settled_before_wall_ms: int,
) -> Verdict:
    pricer = Pricer.of(network, items)
    plans, traces = standing_plans(history), trace_orders(history)
    restless = frozenset(
        order_id for order_id, trace in traces.items() if trace.latest_wall_ms >= settled_before_wall_ms
    )
    ended = frozenset(order_id for order_id, trace in traces.items() if trace.state in ENDED)
    books = StockBooks(history, network, settled_before_wall_ms)
    violations = (
        *check_exactly_once(history),
        *check_orders(traces, restless),
        *check_stock(books, history, restless, settled_before_wall_ms),
        *check_soft_holds(history, network.policies.soft_hold_minutes, TOLERANCE_MINUTES),
        *check_money(history, ended, restless, provider),
        *check_plans(history, plans, network),
        *check_rules(plans, network, pricer.items),
        *check_costs(history, pricer),
        *check_warehouse(books, history, warehouse, restless),
    )
    return Verdict(
        violations=violations,
        traces=traces,
        states=Counter(trace.state for trace in traces.values()),
        rejected=_rejected(history),
        inbound=len(history.by_topic.get("orders.inbound", ())),
        duplicates=len(history.by_type.get("order.duplicated.v1", ())),
        conflicts=len(history.by_type.get("order.conflicted.v1", ())),
        oversold_units=oversold_units(books, history, warehouse),
        savings=measure_savings(history, pricer),
        promise_missed=missed_promises(history, plans, traces, network),
        pace=measure_pace(history, traces),
        dead_letters=len(history.by_type.get("record.dead_lettered.v1", ())),
        **_figures(history, plans.values(), traces),
    )


def _rejected(history: History) -> Counter[str]:
    """Orders' records refused at the door, by reason; an order with several reasons counts under its first."""
    rejected: Counter[str] = Counter()
    for value in history.of("input.rejected.v1"):
        if value["source_topic"] == "orders.inbound":
            rejected[value["reason"]] += 1
    for value in history.of("order.rejected.v1"):
        rejected[value["reasons"][0]] += 1
    rejected["conflict"] += len(history.by_type.get("order.conflicted.v1", ()))
    return +rejected


def _parcels(plan: Mapping[str, Any]) -> int:
    """Of a plan; what is moved to another site first leaves that in its parcels."""
    return sum(s.get("parcels", 1) for s in plan["shipments"] if not s.get("to_site_id"))


def _is_gathered(plan: Mapping[str, Any]) -> bool:
    return any(one.get("to_site_id") for one in plan["shipments"])


def _figures(
    history: History, plans: Collection[Mapping[str, Any]], traces: Mapping[str, OrderTrace]
) -> dict[str, Any]:
    """What is planned; parcels and cost per order with a plan; share of delivered shipments that kept their promise."""
    planned = _planned(plans)
    orders = len(planned) or 1
    kept = [when <= promised for trace in traces.values() for when, promised in trace.delivered_at_ms.values()]
    return {
        "planned_orders": len(planned),
        "planned_units": sum(
            (units & traces[order_id].ordered).total() for order_id, units in planned.items() if order_id in traces
        ),
        "gathered_orders": len({plan["order_id"] for plan in plans if _is_gathered(plan)}),
        "parcels_per_order": sum(map(_parcels, plans)) / orders,
        "cost_minor_per_order": sum(plan["cost_minor"] for plan in plans) / orders,
        "promise_kept": sum(kept) / len(kept) if kept else 1.0,
        "stops_per_100_shipments": _stops_per_100_shipments(history),
    }


def _planned(plans: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """order -> line -> units in its plans; what a warehouse did not find is in the plan that replaces it again."""
    planned: dict[str, Counter[str]] = defaultdict(Counter)
    for plan in plans:
        for shipment in plan["shipments"]:
            for line in shipment["lines"]:
                planned[plan["order_id"]][line["line_id"]] += line["quantity"]
    return planned


def _stops_per_100_shipments(history: History) -> float:
    """Halts of the vans for each hundred shipments they took, as the manifests tell them."""
    left = [value for value in history.of("manifest.closed.v1") if value.get("stops")]
    shipments = sum(len(value["shipped"]) for value in left)
    return 100 * sum(len(value["stops"]) for value in left) / shipments if shipments else 100.0
