"""What is known of an order's decisions, as sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderwing.commands.explaining.again import Remade
from orderwing.commands.tables import table
from orderwing.planning.explaining.breakeven import BreakEven, Findings
from orderwing.planning.explaining.deciding import NOTHING, Verdict
from orderwing.planning.explaining.facts import Facts
from orderwing.planning.explaining.telling import (
    difference,
    nearest,
    sentences,
    step,
    value,
)
from orderwing.planning.explaining.words import moment, money
from orderwing.planning.moving import Shortfall
from orderwing_schemas.domain import Candidate

Json = Mapping[str, Any]
PRICES = 6  # that are told in a sentence
BARS_FROM = 110  # columns
BAR = 20
SHADES = "█▒░▚╱╳▤▥"


@dataclass(frozen=True)
class Answer:
    """A decision with its input changed: by the code that made it, or another that `by` names.

    `verdict` is None where there is no price, and `no_price` says why, or for the reason `why_not`.
    """

    by: str
    before: Verdict | None
    verdict: Verdict | None
    no_price: str | None = None
    why_not: str | None = None


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


@dataclass(frozen=True)
class Proposed:
    """A proposal of the re-optimizer with allocation's answer; `parts`: made again for each of the order's parts."""

    proposal: Json
    answer: Json | None
    parts: tuple[Told, ...]


def print_card(told: Told, asked: str, console: Console) -> None:
    card = told.card
    if asked and told.answers is None and not (card.get("facts") or card.get("plan")):
        return  # it tells what came of others, or cannot be made again in any case
    part = f", part {card['part_id']}" if card["part_id"] else ""
    console.print(Text(f"{moment(card['at_ms'])}  {card['stage']}{part}: {card['decision']}", style="bold"))
    if asked:
        _print_answers(told, asked, console)
        return
    console.print(Text(_summary(card)))
    console.print(candidates(card["candidates"], console.width))
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


def print_proposal(told: Proposed, asked: str, console: Console) -> None:
    proposal = told.proposal
    gain = _gain("worth", f"{_better_by(proposal)} at a cost of", proposal["expected_gain_minor"])
    console.print(Text(f"Re-optimizer: a better plan, {gain} net of churn", style="bold"))
    if not asked:
        console.print(Text(_answered(told.answer)))
        console.print(candidates(proposal["candidates"], console.width))
    for one in told.parts:
        if len(told.parts) > 1:
            console.print(Text(f"Part {one.card['part_id']}:"))
        if asked:
            _print_answers(one, asked, console)
        elif one.remade is not None:
            _print_what_if_not(one, one.remade, console)
        elif one.why_not:
            console.print(Text(one.why_not, style="dim"))


def _better_by(proposal: Json) -> str:
    """What may be worth money: a wish, and where a strategy or price list was in force, what that counts."""
    facts = proposal.get("facts") or {}
    counted = facts.get("policy") is not None or facts.get("steering") is not None
    return "by wishes, weights and prices" if counted else "for its customer"


def _answered(answer: Json | None) -> str:
    if answer is None:
        return "Allocation has not answered."
    if answer["accepted"]:
        return f"Allocation accepted it; it {_gain('saved', 'cost', answer['gain_minor'] or 0)}."
    return f"Allocation refused it: {answer['reason'].replace('_', ' ')}."


def _gain(saved: str, cost: str, gain_minor: int) -> str:
    return f"{cost} {money(-gain_minor)}" if gain_minor < 0 else f"{saved} {money(gain_minor)}"


def _print_what_if_not(told: Told, remade: Remade, console: Console) -> None:
    if steered := _steered(remade.facts):
        console.print(Text(steered))
    if second := _runner_up(remade.verdict):
        console.print(Text(second))
    _print_findings("What else would win, and what that takes", remade.findings, remade.verdict, console)
    if engine := _of_the_engine(remade):
        console.print(Text(engine))
    if told.exact_findings is not None and remade.exact is not None:
        console.print(candidates(map(candidate_json, remade.exact.candidates), console.width))
        title = "What else would win by the exact engine, and what that takes"
        _print_findings(title, told.exact_findings, remade.exact, console)


def _runner_up(verdict: Verdict) -> str:
    """ "" where nothing else had a price."""
    second = verdict.runner_up
    if second is None or second.cost_minor is None or second.label == verdict.chosen:
        return ""
    more = second.cost_minor - verdict.cost_minor
    cost = f"{money(abs(more))} {'dearer' if more > 0 else 'cheaper'}" if more else "for as much"
    return f"Runner-up: {second.label}, {cost}."


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
    if not remade.has_engine:
        return ""
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
            console.print(Text(f"{one.by}: {one.why_not or f'there is no price: {one.no_price}.'}"))
            continue
        before = one.before or told.remade.verdict
        console.print(Text(f"{one.by}, {asked}: {difference(before, one.verdict, told.remade.nothing)}"))
        if one is not told.answers[0] and _alike(told.answers[0].verdict, one.verdict):
            continue
        if one.verdict.note:
            console.print(Text(one.verdict.note, style="dim"))
        console.print(table("", ("", "before", "after"), _compared(before, one.verdict, told.remade.due)))
        console.print(candidates(map(candidate_json, one.verdict.candidates), console.width))


def _alike(one: Verdict | None, other: Verdict) -> bool:
    return one is not None and (one.chosen, one.cost_minor, one.short_units) == (
        other.chosen,
        other.cost_minor,
        other.short_units,
    )


def _compared(before: Verdict, after: Verdict, due: str) -> Iterator[tuple[str, str, str]]:
    for name, told in (
        ("ships from", lambda v: v.chosen),
        ("cost", lambda v: money(v.cost_minor)),
        ("of which", lambda v: _terms(v.candidates[0].terms) if v.taken else ""),
        ("takes", lambda v: ", ".join(f"{t.units} × {t.sku} at {t.site_id}" for t in v.taken)),
        ("units short", lambda v: str(v.short_units)),
        (due, lambda v: moment(v.promise_at_ms) if v.promise_at_ms else ""),
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


def candidate_json(one: Candidate) -> Json:
    return one.model_dump(mode="json")


def candidates(told: Iterable[Json], width: int = 0) -> Table:
    """With bars of their costs where `width` columns leave room for them."""
    listed = list(told)
    names = tuple(dict.fromkeys([name for one in listed for name, _ in one["terms"]]))
    costs = [one["cost_minor"] for one in listed if one["cost_minor"]]
    bars = len(costs) > 1 and width >= BARS_FROM
    rows = []
    for one in listed:
        cost = "" if one["cost_minor"] is None else money(one["cost_minor"])
        terms = _terms(one["terms"], names if bars else ())
        bar = [_bar(one["terms"], names, max(costs))] if bars else []
        rows.append((one["label"], cost, *bar, terms, one["lost_because"] or "chosen"))
    return table("", ("candidate", "cost", *([""] if bars else []), "of which", "why not"), rows)


def _bar(terms: Iterable[Sequence[Any]], names: Sequence[str], most: int) -> str:
    """Each term as long as its share of the largest cost, in its own shade; it ends where their sum does."""
    bar, total = "", 0
    for name, amount_minor in terms:
        total += max(0, amount_minor)
        bar = bar.ljust(BAR * min(total, most) // most, _shade(name, names))
    return bar


def _shade(name: str, names: Sequence[str]) -> str:
    return SHADES[names.index(name) % len(SHADES)]


def _terms(terms: Iterable[Sequence[Any]], names: Sequence[str] = ()) -> str:
    """`names`: those that bars show, in the order of their shades."""
    return ", ".join(
        [f"{_shade(name, names) if names else ''}{name} {money(amount_minor)}" for name, amount_minor in terms]
    )
