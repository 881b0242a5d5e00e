"""`orderwing explain`: why an order ships from where it does, and what would have had to be otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from orderwing.commands.console import configured, fail, reached
from orderwing.runtime.errors import OperatorError
from orderwing.views.read import Explanation, Views

if TYPE_CHECKING:  # solvers, which every other command would load too
    from orderwing.commands.explaining.again import Remade
    from orderwing.commands.explaining.cards import Reference
    from orderwing.commands.explaining.told import Answer, Proposed, Told
    from orderwing.planning.explaining.asking import WhatIf
    from orderwing.planning.policies.file import Parsed
    from orderwing.runtime.settings import Kafka
    from orderwing_schemas.domain import Order

Json = dict[str, Any]
DECIDED = "As it is decided"


def explain(
    order_id: Annotated[str, typer.Argument(help="The order's id.")],
    without: Annotated[
        list[str] | None, typer.Option(metavar="SITE", help="As if a site were not there; repeatable.")
    ] = None,
    with_stock: Annotated[
        list[str] | None,
        typer.Option(metavar="SKU=SITE:UNITS", help="As if a site had so many units to give; repeatable."),
    ] = None,
    policy: Annotated[Path | None, typer.Option(metavar="FILE", help="As if a policy file held.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As if decided at another time: 2026-05-06T09:30.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="What would win by the exact engine, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print why an order ships from where it does, and by how much what would have had to be otherwise.

    What was weighed, why each lost, and what was proposed since. With --without, --with-stock, --policy or --at each
    choice of sites, route, plan and proposal is made again as if that were so, each by itself.
    """
    from orderwing.commands.explaining.as_json import as_json as card_json
    from orderwing.commands.explaining.as_json import proposal_json
    from orderwing.commands.explaining.asked import what_if
    from orderwing.commands.policy_log import read_policy_file
    from orderwing.planning.explaining.asking import AskedError
    from orderwing.planning.explaining.telling import question

    try:
        asked = what_if(without or (), with_stock or (), at)
        settings = configured()
        found, orders = _read(order_id, settings.redis.url)
        order = orders.pop(order_id, None)
        reference, unread = _reference(settings.kafka, required=bool(asked) or policy is not None)
        if reference is not None:
            _check(asked, order, reference)
        parsed = None if policy is None else read_policy_file(policy)
        if parsed is not None and reference is not None:
            reference = reference.knowing(parsed.policy)
        told = [_told(card, order, reference, unread) for card in found.cards]
        told = [_asked(one, asked, parsed, exact) for one in told]
        proposed = [_proposed(*one, order, reference, unread, orders) for one in found.proposals]
        proposed = [replace(p, parts=tuple([_asked(one, asked, parsed, exact) for one in p.parts])) for p in proposed]
        again = [*told, *[one for proposal in proposed for one in proposal.parts]]
        if (asked or parsed) and all(one.answers is None for one in again):
            raise OperatorError(next((one.why_not for one in again if one.why_not), f"No card tells of {order_id}."))
    except (AskedError, OperatorError) as error:
        fail(str(error))
    said = ", ".join([*([question(asked)] if asked else []), *([f"by {policy}"] if policy else [])])
    if as_json:
        body = {
            "order_id": order_id,
            "asked": said,
            "cards": [card_json(one) for one in told],
            "proposals": [proposal_json(one) for one in proposed],
        }
        typer.echo(json.dumps(body, indent=2))
        return
    _print(told, proposed, said, Console())


def _read(order_id: str, redis_url: str) -> tuple[Explanation, dict[str, Order]]:
    """And what is known of the order, and of others that were to move with it."""
    from orderwing.commands.explaining.cards import order_of

    with Views(redis_url) as views:
        found = views.explain(order_id)
        moved = [change["order_id"] for proposal, _ in found.proposals for change in proposal["changes"]]
        known = [(one, views.order(one)) for one in dict.fromkeys([order_id, *moved])]
    if not found.cards and not found.proposals:
        raise OperatorError(
            f"Nothing was decided about an order {order_id} yet: see `orderwing order show {order_id}`."
        )
    orders = [(one, order_of(view.order)) for one, view in known if view is not None]
    return found, {one: order for one, order in orders if order is not None}


def _reference(kafka: Kafka, required: bool) -> tuple[Reference | None, str | None]:
    """What the log has published, or why it cannot be had: cards are told without it."""
    from orderwing.commands.explaining.cards import read_reference

    try:
        return read_reference(reached(kafka)), None
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
    from orderwing.commands.explaining.again import remade
    from orderwing.commands.explaining.cards import CardError, card_of
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


def _proposed(
    proposal: Json,
    answer: Json | None,
    order: Order | None,
    reference: Reference | None,
    unread: str | None,
    others: dict[str, Order] | None = None,
) -> Proposed:
    from orderwing.commands.explaining.again import proposed_again
    from orderwing.commands.explaining.cards import CardError, proposal_of
    from orderwing.commands.explaining.told import Proposed, Told

    if reference is None:
        return Proposed(proposal, answer, (Told({"part_id": None}, None, unread),))
    try:
        made = proposed_again(proposal_of(proposal), order, reference, others)
    except CardError as error:
        return Proposed(proposal, answer, (Told({"part_id": None}, None, str(error)),))
    return Proposed(proposal, answer, tuple([Told({"part_id": part_id}, one, None) for part_id, one in made]))


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
    from orderwing.commands.explaining.again import priced
    from orderwing.commands.explaining.proposals import impossible
    from orderwing.commands.explaining.told import Answer
    from orderwing.planning.explaining.deciding import exactly
    from orderwing.planning.policies.compiling import compiled
    from orderwing.planning.policies.file import PolicyError

    if policy is None and not asked.concerns(again.facts):
        return []
    if why := impossible(again.facts, asked):
        return [Answer(DECIDED, again.verdict, None, why_not=why)]
    changed = asked.apply(again.facts)
    if policy is not None:
        try:
            decide = again.under(compiled(policy, again.network))
        except PolicyError as error:
            raise OperatorError(str(error)) from None
        return [Answer("By the policy", again.verdict, *priced(decide, changed))]
    decided = Answer(DECIDED, again.verdict, again.decide(changed))
    if not again.has_engine:
        return [decided]
    return [decided, Answer("By the exact engine", again.exact, *priced(exactly, changed))]


def _print(told: list[Told], proposed: list[Proposed], asked: str, console: Console) -> None:
    from orderwing.commands.explaining.told import print_card, print_proposal

    for one in told:
        print_card(one, asked, console)
    for proposal in proposed:
        print_proposal(proposal, asked, console)
