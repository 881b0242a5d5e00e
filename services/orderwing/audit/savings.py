"""What the re-optimizer saved, recomputed: every plan priced anew, before and after each accepted proposal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orderwing.audit.facts import History, Violation


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


def measure_savings(history: History, churn_minor: int) -> Savings:
    found = Savings(windows=len(history.by_type.get("window.closed.v1", ())))
    found.proposed = len({value["proposal_id"] for value in history.of("proposal.made.v1")})
    answered: set[str] = set()
    for value in history.of("proposal.answered.v1"):
        if value["proposal_id"] in answered:
            continue
        answered.add(value["proposal_id"])
        if value["accepted"]:
            found.accepted += 1
        else:
            found.refused += 1
            found.refusals[value["reason"]] += 1
    found.saved_minor = sum(_gains(history, churn_minor).values())
    found.looks_per_order = _looks_per_order(history)
    return found


def _gains(history: History, churn_minor: int) -> dict[str, int]:
    """proposal -> what its plans cost less than those they replaced, less churn for each part."""
    cost: dict[tuple[str, int], int] = {
        (value["part_id"], value["version"]): priced(value) for value in history.of("part.allocated.v1")
    }
    gains: dict[str, int] = defaultdict(int)
    for value in history.of("part.allocated.v1"):
        if value["cause"] == "proposal":
            part, version = value["part_id"], value["version"]
            gains[value["proposal_id"]] += cost[part, version - 1] - cost[part, version] - churn_minor
    return gains


def priced(plan: Mapping[str, Any]) -> int:
    """A plan's cost added up anew from the printed terms of its shipments."""
    return sum(int(term["amount_minor"]) for shipment in plan["shipments"] for term in shipment["terms"])


def _looks_per_order(history: History) -> float:
    looks: dict[str, int] = defaultdict(int)
    for value in history.of("window.closed.v1"):
        for part_id in value["part_ids"]:
            looks[part_id.partition("/")[0]] += 1
    return sum(looks.values()) / len(looks) if looks else 0.0


def check_costs(history: History) -> Iterator[Violation]:
    for value in history.of("part.allocated.v1"):
        if value["cost_minor"] != priced(value):
            yield Violation("cost", value["part_id"], f"v{value['version']}: {value['cost_minor']} is not its terms")
