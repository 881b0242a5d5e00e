"""What is known of an order's decisions, as sentences and tables, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderwing.commands.explaining.cards import Remade
from orderwing.planning.explaining.breakeven import BreakEven, Findings
from orderwing.planning.explaining.deciding import NOTHING, Verdict
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.telling import (
    condition,
    difference,
    moment,
    money,
    nearest,
    sentence,
    sentences,
    step,
    value,
)
from orderwing.planning.moving import Shortfall

Json = Mapping[str, Any]
PRICES = 6  # that are told in a sentence


@dataclass(frozen=True)
class Answer:
    """A decision with its input changed: by the code that made it, or another that `by` names.

    `verdict` is None where there is no price, and `no_price` says why.
    """

    by: str
    before: Verdict | None
    verdict: Verdict | None
    no_price: str | None = None


@dataclass(frozen=True)
class Told:
    """A card, and what came of making its decision again; `why_not` says why that was not possible.

    `nearest`: of a choice of plans, by the threshold of a move that holds now.
    `answers` is None where nothing was asked, and empty where what was asked does not concern the card.
    """

    card: Json
    remade: Remade | None
    why_not: str | None
    answers: tuple[Answer, ...] | None = None
    exact_findings: Findings | None = None
    nearest: Shortfall | None = None


def print_card(told: Told, asked: str, console: Console) -> None:
    card = told.card
    if asked and told.answers is None and card["stage"] != "reservation":
        return  # it rests on those that are made again
    part = f", part {card['part_id']}" if card["part_id"] else ""
    console.print(Text(f"{moment(card['at_ms'])}  {card['stage']}{part}: {card['decision']}", style="bold"))
    if asked:
        _print_answers(told, asked, console)
        return
    console.print(Text(_summary(card)))
    console.print(candidates(card["candidates"]))
    if card["seen"]:
        seen = [(site_id, sku, str(atp)) for site_id, sku, atp in card["seen"]]
        console.print(table("Stock seen", ("site", "SKU", "available"), seen))
    if card["truncated"]:
        console.print(Text("The card was too long and is cut.", style="dim"))
    if told.remade is not None:
        _print_what_if_not(told, told.remade, console)
        return
    if told.nearest is not None:
        console.print(Text(nearest(told.nearest)))
    elif told.why_not:
        console.print(Text(told.why_not, style="dim"))


def _print_what_if_not(told: Told, remade: Remade, console: Console) -> None:
    if steered := _steered(remade.facts):
        console.print(Text(steered))
    _print_findings("What else would win, and what that takes", remade.findings, remade.verdict, console)
    if engine := _of_the_engine(remade):
        console.print(Text(engine))
    if told.exact_findings is not None and remade.exact is not None:
        console.print(candidates(map(_as_json_candidate, remade.exact.candidates)))
        title = "What else would win by the exact engine, and what that takes"
        _print_findings(title, told.exact_findings, remade.exact, console)


def _print_findings(title: str, findings: Findings, verdict: Verdict, console: Console) -> None:
    if findings.found:
        console.print(Text(sentences(findings.found)))
        console.print(_break_evens(title, findings.found))
    elif verdict.chosen != NOTHING:
        console.print(Text("No single input that was tried would let another win."))
    if not findings.complete:
        console.print(Text("Some prices were not tried: the decision is a large one.", style="dim"))


def _steered(facts: Facts) -> str:
    """Which prices counted; "" where no list was in force."""
    if facts.steering is None:
        return ""
    counted = [(*shelf, minor) for shelf, minor in facts.steering.items() if minor]
    if not counted:
        return "Steering prices were in force, and none for these goods."
    listed = [f"a unit of {sku} from {site_id} counted {money(minor)}" for site_id, sku, minor in counted[:PRICES]]
    more = f", and {len(counted) - PRICES} shelves more" if len(counted) > PRICES else ""
    return f"Steering prices were in force: {', '.join(listed)}{more}."


def _of_the_engine(remade: Remade) -> str:
    exact, verdict = remade.exact, remade.verdict
    engine = "Without the policy the exact engine" if remade.governed else "The exact engine"
    if exact is None and remade.no_price is None:
        return ""  # it decides no such thing
    if exact is None:
        return f"{engine} has no price: {remade.no_price}."
    if exact.chosen == verdict.chosen == NOTHING:
        return f"{engine} would hold nothing either."
    if exact.chosen == verdict.chosen:
        return f"{engine} chooses the same, at {money(exact.cost_minor)}."
    if exact.chosen == NOTHING:
        return f"{engine} would hold nothing."
    gap = f", at most {100 * exact.gap:.1f} % above the least possible" if exact.gap else ""
    return f"{engine} would choose {exact.chosen}, at {money(exact.cost_minor)}{gap}."


def _print_answers(told: Told, asked: str, console: Console) -> None:
    if told.remade is None or told.answers is None:
        console.print(Text(told.why_not or "", style="dim"))
        return
    if not told.answers:
        console.print(Text(f"It did not look at what would change {asked}: it stays as it is."))
        return
    for one in told.answers:
        if one.verdict is None:
            console.print(Text(f"{one.by}: there is no price: {one.no_price}."))
            continue
        before = one.before or told.remade.verdict
        console.print(Text(f"{one.by}, {asked}: {difference(before, one.verdict)}"))
        if one is not told.answers[0] and _alike(told.answers[0].verdict, one.verdict):
            continue
        if one.verdict.note:
            console.print(Text(one.verdict.note, style="dim"))
        console.print(table("", ("", "before", "after"), _compared(before, one.verdict)))
        console.print(candidates(map(_as_json_candidate, one.verdict.candidates)))


def _alike(one: Verdict | None, other: Verdict) -> bool:
    return one is not None and (one.chosen, one.cost_minor, one.short_units) == (
        other.chosen,
        other.cost_minor,
        other.short_units,
    )


def _compared(before: Verdict, after: Verdict) -> Iterator[tuple[str, str, str]]:
    for name, told in (
        ("ships from", lambda v: v.chosen),
        ("cost", lambda v: money(v.cost_minor)),
        ("of which", lambda v: _terms(v.candidates[0].terms) if v.taken else ""),
        ("takes", lambda v: ", ".join(f"{t.units} × {t.sku} at {t.site_id}" for t in v.taken)),
        ("units short", lambda v: str(v.short_units)),
        ("promised for", lambda v: moment(v.promise_at_ms) if v.promise_at_ms else ""),
    ):
        yield name, told(before), told(after)


def _break_evens(title: str, found: Iterable[BreakEven]) -> Table:
    rows = []
    for one in found:
        for place, change in enumerate(one.changes):
            about = f"{change.input.name}{f' of {change.input.about}' if change.input.about else ''}"
            row = (value(change, change.input.value), value(change, change.to), step(change))
            rows.append((one.winner if place == 0 else "  and", about, *row))
    return table(title, ("wins", "by", "is", "were it", "change"), rows)


def _summary(card: Json) -> str:
    lost = sum(1 for candidate in card["candidates"] if candidate["lost_because"])
    others = {0: "nothing else was possible", 1: "one other was weighed"}.get(lost, f"{lost} others were weighed")
    notes = "".join(f" {note[:1].upper()}{note[1:]}." for note in card["notes"])
    return f"Chosen: {card['chosen']}; {others}.{notes}"


def candidates(told: Iterable[Json]) -> Table:
    rows = [
        (
            one["label"],
            "" if one["cost_minor"] is None else money(one["cost_minor"]),
            _terms(one["terms"]),
            one["lost_because"] or "chosen",
        )
        for one in told
    ]
    return table("", ("candidate", "cost", "of which", "why not"), rows)


def _terms(terms: Iterable[Sequence[Any]]) -> str:
    return ", ".join(f"{name} {money(amount_minor)}" for name, amount_minor in terms)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    made = Table(title=title or None, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold")  # an id that is cut cannot be used
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))  # ids are data, never markup
    return made


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
        found["what_if"] = [
            {
                "by": one.by,
                "before": verdict_json(one.before or remade.verdict),
                "after": None if one.verdict is None else verdict_json(one.verdict),
                "no_price": one.no_price,
            }
            for one in told.answers
        ]
    return found


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
        "candidates": [_as_json_candidate(one) for one in verdict.candidates],
    }


def _as_json_candidate(one: Any) -> Json:
    told: Json = one.model_dump(mode="json")
    return told
