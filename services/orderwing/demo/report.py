"""The figures of a run, as the auditor found them; `orderwing demo --report` writes them as JSON."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from orderwing.audit.cluster import AUDITED
from orderwing.audit.input_count import count_input
from orderwing.audit.ledgers import read_ledger
from orderwing.audit.log import read_facts
from orderwing.audit.verdict import Verdict, judge
from orderwing.demo.phases import Phases
from orderwing.demo.run import Outcome
from orderwing.demo.rundir import RunDirectory
from orderwing.runtime.kafka_client import Cluster
from orderwing.shop.feed import Feed
from orderwing_schemas.policy import Policy

PROMISES = ("lost", "duplicated", "oversold_units", "stuck", "audit_violations")  # what has to be nought of each


def verdict_on(feed: Feed, bootstrap: Cluster, directory: RunDirectory) -> Verdict:
    """Everything on the log is judged: the run is over, nothing is too young."""
    return judge(
        read_facts(bootstrap, AUDITED),
        feed.network,
        feed.items,
        read_ledger(directory.services / "psp.ledger.jsonl"),
        read_ledger(directory.services / "warehouse.ledger.jsonl"),
        settled_before_wall_ms=time.time_ns() // 1_000_000,
    )


def report_of(
    outcome: Outcome,
    verdict: Verdict,
    input_copy: Path,
    phases: Phases,
    invoices: int | None = None,
    policy: Policy | None = None,
) -> dict[str, Any]:
    """`invoices` is how many the retail file holds, None without one."""
    placed = count_input(input_copy).placed
    accepted, rejected = len(verdict.traces), dict(verdict.rejected)
    savings, pace = verdict.savings, verdict.pace
    others = max(0, verdict.inbound - placed)  # on a kept cluster anybody may place orders of his own
    unanswered = placed + others - accepted - sum(rejected.values()) - verdict.duplicates
    report: dict[str, Any] = {
        "placed": placed,
        "accepted": accepted,
        "rejected": rejected,
        "duplicates": verdict.duplicates,
        "states": dict(verdict.states),
        "lost": verdict.count("lost") + max(0, unanswered) + _missing_invoices(outcome, invoices),
        "duplicated": verdict.count("duplicated") + max(0, -unanswered),
        "oversold_units": verdict.oversold_units,
        "stuck": verdict.count("stuck"),
        "audit_violations": len(verdict.violations),
        "planned": {"orders": verdict.planned_orders, "units": verdict.planned_units},
        "gathered_orders": verdict.gathered_orders,
        "parcels_per_order": round(verdict.parcels_per_order, 3),
        "cost_minor_per_order": round(verdict.cost_minor_per_order, 1),
        "promise_kept": round(verdict.promise_kept, 4),
        "stops_per_100_shipments": round(verdict.stops_per_100_shipments, 1),
        "promise_missed": dict(sorted(verdict.promise_missed.items())),
        "reoptimizer": {
            "windows": savings.windows,
            "looks_per_order": round(savings.looks_per_order, 2),
            "proposed": savings.proposed,
            "accepted": savings.accepted,
            "refused": savings.refused,
            "saved_minor": savings.saved_minor,
        },
        "throughput_orders_per_s": round(pace.orders_per_s, 2),
        "latency_ms": {"placed_to_allocated_p50": pace.p50_ms, "placed_to_allocated_p99": pace.p99_ms},
        "views_lag_ms": outcome.views_lag_ms,
        "startup_s": round(outcome.startup_s, 2),
        "phases_s": phases.seconds,
    }
    if others:
        report["placed_by_others"] = others
    if policy is not None:
        report["policy"] = f"{policy.policy} v{policy.version}"
    if invoices is not None:
        report["invoices"] = {"in_file": invoices, **_imported(outcome)}
    return report


def failed(report: dict[str, Any]) -> bool:
    """Whether the run broke a promise of the product."""
    return any(report[name] for name in PROMISES)


def _imported(outcome: Outcome) -> dict[str, int]:
    return {name: n for name, n in sorted(outcome.feed.counts.items()) if name != "stock_movements"}


def _missing_invoices(outcome: Outcome, invoices: int | None) -> int:
    """Invoices of a file that became nothing: no order, no cancellation, no rejection."""
    return 0 if invoices is None else max(0, invoices - Counter(_imported(outcome)).total())
