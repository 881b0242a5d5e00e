"""What is known of an order's decisions, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orderwing.commands.explaining.again import Remade
from orderwing.commands.explaining.told import Answer, Proposed, Told, candidate_json
from orderwing.planning.explaining.breakeven import BreakEven
from orderwing.planning.explaining.deciding import Verdict
from orderwing.planning.explaining.telling import condition, sentence

Json = Mapping[str, Any]


def as_json(told: Told) -> dict[str, Any]:
    """The card as it is, with what came of making it again."""
    remade = told.remade
    found: dict[str, Any] = {**told.card, "again": {"reproduced": remade is not None, "why_not": told.why_not}}
    if remade is None:
        found["again"]["nearest"] = None if told.nearest is None else told.nearest._asdict()
        return found
    runner_up = remade.verdict.runner_up
    found["again"] |= {
        "runner_up": None if runner_up is None else runner_up.label,
        "break_evens": [_break_even(one) for one in remade.findings.found],
        "complete": remade.findings.complete,
        "exact": None if remade.exact is None else verdict_json(remade.exact),
        "exact_break_evens": [_break_even(one) for one in told.exact_findings.found] if told.exact_findings else [],
        "no_price": remade.no_price,
    }
    if told.answers is not None:
        found["what_if"] = [_answer(one, remade) for one in told.answers]
    return found


def proposal_json(told: Proposed) -> list[Any]:
    """The proposal as it is, its answer, and what came of making it again for each of the order's parts."""
    return [told.proposal, told.answer, [as_json(one) for one in told.parts]]


def _answer(one: Answer, remade: Remade) -> dict[str, Any]:
    return {
        "by": one.by,
        "before": verdict_json(one.before or remade.verdict),
        "after": None if one.verdict is None else verdict_json(one.verdict),
        "no_price": one.no_price,
        "why_not": one.why_not,
    }


def _break_even(one: BreakEven) -> dict[str, Any]:
    changes = [
        {
            "input": change.input.name,
            "about": change.input.about,
            "unit": change.input.unit.value,
            "from": change.input.value,
            "to": change.to,
            "by": change.by,
            "said": condition(change),
        }
        for change in one.changes
    ]
    return {"winner": one.winner, "changes": changes, "sentence": sentence(one)}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "chosen": verdict.chosen,
        "cost_minor": verdict.cost_minor,
        "short_units": verdict.short_units,
        "promise_at_ms": verdict.promise_at_ms,
        "gap": verdict.gap,
        "note": verdict.note,
        "taken": [{"site_id": one.site_id, "sku": one.sku, "units": one.units} for one in verdict.taken],
        "candidates": [candidate_json(one) for one in verdict.candidates],
    }
