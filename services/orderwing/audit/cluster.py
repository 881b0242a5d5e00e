"""Judging a cluster from outside: its log, and the books of provider, warehouse and shop where they are at hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from orderwing.audit.follow import TOPICS, Following
from orderwing.audit.input_count import count_input
from orderwing.audit.ledgers import read_ledger
from orderwing.audit.log import Tail, read_facts
from orderwing.audit.verdict import Verdict, judge
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.kafka_client import Cluster
from orderwing.runtime.publish import read_clock, read_reference
from orderwing_schemas.topics import ALL_TOPICS, ORDERS_INBOUND

AUDITED = tuple(topic.name for topic in ALL_TOPICS if "audit" in topic.consumers)
LONGEST_ROAD_MS = 10 * 3_600_000  # domain time: to the next departure, hours abroad, a receipt in between
_QUIET_S = 3.0  # so long nothing may be under way before a cluster counts as at rest
_SHOWN = 20


def await_rest(bootstrap: Cluster, patience_s: float) -> Following:
    """Follow the log until no order is under way. Raises OperatorError where that does not come about in time."""
    following, inbound = Following(), 0
    end_s = time.monotonic() + patience_s
    rest_s = time.monotonic()
    tail = Tail(bootstrap, (*TOPICS, ORDERS_INBOUND.name))
    try:
        while time.monotonic() < end_s:
            facts = tail.poll(0.25)
            inbound += sum(fact.topic == ORDERS_INBOUND.name for fact in facts)
            following.take(fact for fact in facts if fact.topic != ORDERS_INBOUND.name)
            if facts or not following.at_rest or following.answered < inbound:
                rest_s = time.monotonic()
            elif time.monotonic() - rest_s > _QUIET_S:
                return following
    finally:
        tail.close()
    raise OperatorError(
        f"Not at rest after {patience_s:g} s: {inbound} orders sent, {following.answered} answered, "
        f"{dict(following.states)}; stop the shop, or wait longer."
    )


def audit_cluster(bootstrap: Cluster, run_dir: Path, *, at_rest: bool) -> tuple[Verdict, dict[str, Any]]:
    """The verdict and its figures. Unless all is `at_rest`, orders that may still be on their road are not judged.

    `placed` is counted in the shop's own copy, where `run_dir` has one. Raises OperatorError.
    """
    clock, reference = read_clock(bootstrap), read_reference(bootstrap)
    if reference.network is None:
        raise OperatorError("No network is published: run `orderwing network load` or `orderwing market open`.")
    wall_ms = time.time_ns() // 1_000_000
    verdict = judge(
        read_facts(bootstrap, AUDITED),
        reference.network,
        reference.items,
        read_ledger(run_dir / "psp.ledger.jsonl"),
        read_ledger(run_dir / "warehouse.ledger.jsonl"),
        settled_before_wall_ms=wall_ms if at_rest else wall_ms - int(LONGEST_ROAD_MS / clock.factor),
    )
    return verdict, _figures(verdict, run_dir / "input.jsonl", at_rest)


def _figures(verdict: Verdict, copy: Path, at_rest: bool) -> dict[str, Any]:
    placed = count_input(copy).placed if copy.exists() else verdict.inbound
    answered = len(verdict.traces) + verdict.rejected.total() + verdict.duplicates
    unanswered = placed - answered if at_rest else 0  # of a shop that goes on, some always are
    return {
        "placed": placed,
        "inbound": verdict.inbound,
        "accepted": len(verdict.traces),
        "rejected": dict(verdict.rejected),
        "duplicates": verdict.duplicates,
        "states": dict(verdict.states),
        "lost": verdict.count("lost") + max(0, unanswered),
        "duplicated": verdict.count("duplicated") + max(0, -unanswered),
        "oversold_units": verdict.oversold_units,
        "stuck": verdict.count("stuck"),
        "dead_letters": verdict.dead_letters,
        "violations": len(verdict.violations),
        "first_violations": [str(violation) for violation in verdict.violations[:_SHOWN]],
    }
