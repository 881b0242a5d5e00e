"""`orderwing explain`: why an order ships from where it does, and what would have had to be otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from orderwing.commands.console import configured, fail
from orderwing.runtime.errors import OperatorError
from orderwing.views.read import Explanation, Views

if TYPE_CHECKING:  # solvers, which every other command would load too
    from orderwing.commands.explaining.cards import Reference, Remade
    from orderwing.commands.explaining.told import Answer, Told
    from orderwing.planning.explaining.asking import WhatIf
    from orderwing.planning.policies.file import Parsed
    from orderwing_schemas.domain import Order

Json = dict[str, Any]


def explain(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    without: Annotated[list[str] | None, typer.Option(help="As if a site were not there; repeatable.")] = None,
    with_stock: Annotated[
        list[str] | None, typer.Option(help="As if a site had so many units: SKU=SITE:5; repeatable.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="As if a policy file held.")] = None,
    at: Annotated[str | None, typer.Option(help="As if it were decided at another time: 2026-05-06T09:30.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="What would win by the exact engine, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print why an order ships from where it does, and by how much what would have had to be otherwise.

    What was weighed, why each lost, and what was proposed since. With --without, --with-stock, --policy or --at each
    decision about stock is made again as if that were so, each by itself.
    """
    from orderwing.commands.explaining.asked import what_if
    from orderwing.commands.explaining.told import as_json as card_json
    from orderwing.commands.policy_log import read_policy_file
    from orderwing.planning.explaining.asking import AskedError
    from orderwing.planning.explaining.telling import question

    try:
        asked = what_if(without or (), with_stock or (), at)
        found, order = _read(order_id)
        reference, unread = _reference(required=bool(asked) or policy is not None)
        if reference is not None:
            _check(asked, order, reference)
        parsed = None if policy is None else read_policy_file(policy)
        if parsed is not None and reference is not None:
            reference = reference.knowing(parsed.policy)
        told = [_told(card, order, reference, unread) for card in found.cards]
        told = [_asked(one, asked, parsed, exact) for one in told]
        if (asked or parsed) and all(one.answers is None for one in told):
            raise OperatorError(next((one.why_not for one in told if one.why_not), f"No card tells of {order_id}."))
    except (AskedError, OperatorError) as error:
        fail(str(error))
    said = ", ".join([*([question(asked)] if asked else []), *([f"by {policy}"] if policy else [])])
    if as_json:
        proposals = found.proposals
        body = {"order_id": order_id, "asked": said, "cards": [card_json(one) for one in told], "proposals": proposals}
        typer.echo(json.dumps(body, indent=2))
        return
    _print(told, said, found, Console())


def _read(order_id: str) -> tuple[Explanation, Order | None]:
    from orderwing.commands.explaining.cards import order_of

    with Views(configured().redis.url) as views:
        found, known = views.explain(order_id), views.order(order_id)
    if not found.cards and not found.proposals:
        raise OperatorError(
            f"Nothing was decided about an order {order_id} yet: see `orderwing order show {order_id}`."
        )
    return found, None if known is None else order_of(known.order)


def _reference(required: bool) -> tuple[Reference | None, str | None]:
    """What the log has published, or why it cannot be had: cards are told without it."""
    from orderwing.commands.explaining.cards import read_reference

    try:
        return read_reference(configured().kafka), None
    except OperatorError as error:
        if required:
            raise
        return None, f"What would have changed it is not told: {error}"


def _check(asked: WhatIf, order: Order | None, reference: Reference) -> None:
    if asked and order is None:
        raise OperatorError("The order itself is not in the views yet, so no decision about it can be made again.")
    if order is not None:
        asked.check(reference.latest, {line.sku for line in order.lines})


def _told(card: Json, order: Order | None, reference: Reference | None, unread: str | None) -> Told:
    from orderwing.commands.explaining.cards import CardError, card_of, remade
    from orderwing.commands.explaining.told import Told
    from orderwing.planning.moving import shortfall

    if reference is None:
        return Told(card, None, unread)
    decided = card_of(card)
    try:
        return Told(card, remade(decided, order, reference), None)
    except CardError as error:
        plans = decided.candidates if decided.stage == "allocation" else ()
        nearest = shortfall(plans, reference.latest.policies.move_threshold_minor)
        return Told(card, None, str(error), nearest=nearest)


def _asked(told: Told, asked: WhatIf, policy: Parsed | None, exact: bool) -> Told:
    """With what the card's decision would be if that were so."""
    again = told.remade
    if again is None:
        return told
    if exact:
        told = replace(told, exact_findings=again.exact_findings())
    if asked or policy is not None:
        told = replace(told, answers=tuple(_answers(again, asked, policy)))
    return told


def _answers(again: Remade, asked: WhatIf, policy: Parsed | None) -> list[Answer]:
    from orderwing.commands.explaining.cards import priced
    from orderwing.commands.explaining.told import Answer
    from orderwing.planning.explaining.deciding import exactly
    from orderwing.planning.policies.compiling import compiled
    from orderwing.planning.policies.file import PolicyError

    if (policy is None or again.under is None) and not asked.concerns(again.facts):
        return []
    changed = asked.apply(again.facts)
    if policy is not None and again.under is not None:
        try:
            decide = again.under(compiled(policy, again.network))
        except PolicyError as error:
            raise OperatorError(str(error)) from None
        return [Answer("By the policy", again.verdict, *priced(decide, changed))]
    decided = Answer("As it is decided", again.verdict, again.decide(changed))
    if again.under is None:
        return [decided]  # the exact engine decides no such thing
    return [decided, Answer("By the exact engine", again.exact, *priced(exactly, changed))]


def _print(told: list[Told], asked: str, found: Explanation, console: Console) -> None:
    from orderwing.commands.explaining.told import candidates, print_card

    for one in told:
        print_card(one, asked, console)
    if asked:
        return
    for proposal, answer in found.proposals:
        gain = _gain("worth", "for its customer at a cost of", proposal["expected_gain_minor"])
        console.print(Text(f"Re-optimizer: a better plan, {gain} net of churn", style="bold"))
        console.print(Text(_answered(answer)))
        console.print(candidates(proposal["candidates"]))


def _answered(answer: Json | None) -> str:
    if answer is None:
        return "Allocation has not answered."
    if answer["accepted"]:
        return f"Allocation accepted it; it {_gain('saved', 'cost', answer['gain_minor'] or 0)}."
    return f"Allocation refused it: {answer['reason'].replace('_', ' ')}."


def _gain(saved: str, cost: str, gain_minor: int) -> str:
    from orderwing.planning.explaining.telling import money

    return f"{cost} {money(-gain_minor)}" if gain_minor < 0 else f"{saved} {money(gain_minor)}"
